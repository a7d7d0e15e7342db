"""Coefficients at the top of a likelihood, held near to zero by a weak prior.

The prior is normal with a standard deviation of 2 on every coefficient but the first: of twenty
themes one multiplies odds by more than 50 or less than 1/50. Where data are thin it keeps a
coefficient finite though all or none with a theme left (ridge; after Gelman et al., Annals of
Applied Statistics 2, 2008); where they are many it weighs nothing. Firth's penalty was tried in its
place: its intervals of risk differences held the truth in 96 to 99 % of thin simulations, these in
95 to 98 %, with as much bias or half of it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.impact.designs import Floats

PRIOR_SPREAD = 2.0
_MAX_STEPS = 50
_MAX_STEP = 4.0
# The error after a step is about the square of it.
_SMALL_STEP = 1e-5


@dataclass(frozen=True)
class Ascent:
    """A likelihood at some coefficients.

    :param score: (p,) its slope.
    :param information: (p, p) its curvature, with the sign turned.
    """

    log_likelihood: float
    score: Floats
    information: Floats


@dataclass(frozen=True)
class Fitted:
    """Where the likelihood and the prior are highest.

    :param covariance: (p, p) the inverse of the curvature there.
    """

    coefficients: Floats
    covariance: Floats


class NotFittedError(ArithmeticError):
    """Newton's steps did not get small."""


def climb(start: Floats, look: Callable[[Floats], Ascent], n_free: int = 1) -> Fitted:
    """Newton's steps, halved where one leads down.

    :param n_free: so many of the first coefficients have no prior.
    :raises NotFittedError: when the top is not found.
    """
    weight = np.full(len(start), PRIOR_SPREAD**-2)
    weight[:n_free] = 0
    here, coefficients = look(start), start
    height = here.log_likelihood - weight @ coefficients**2 / 2
    for _ in range(_MAX_STEPS):
        slope = here.score - weight * coefficients
        step = np.linalg.solve(here.information + np.diag(weight), slope)
        largest = float(np.abs(step).max())
        if largest < _SMALL_STEP:
            covariance = np.linalg.inv(here.information + np.diag(weight))
            return Fitted(coefficients + step, covariance)
        step *= min(1.0, _MAX_STEP / largest)
        while True:
            there, tried = look(coefficients + step), coefficients + step
            gained = there.log_likelihood - weight @ tried**2 / 2
            if gained >= height or np.abs(step).max() < _SMALL_STEP:
                break
            step /= 2
        here, coefficients, height = there, tried, gained
    raise NotFittedError(f"no end after {_MAX_STEPS} steps")
