"""What every method gives: an effect of each theme with its interval."""

from dataclasses import dataclass

import numpy as np

from pipelines.impact.designs import Floats

# Smaller ones are none: what is divided by them loses its digits.
_NO_SKEW = 1e-6


@dataclass(frozen=True)
class Estimates:
    """Effects of the themes of a design; all (themes,).

    :param low: lower end of the 95 % interval.
    :param p_value: two-sided, of no effect.
    """

    effect: Floats
    low: Floats
    high: Floats
    p_value: Floats


def make_estimates(
    effect: Floats, error: Floats, freedom: Floats, skew: Floats | float = 0.0
) -> Estimates:
    """Effects with the intervals of the t distribution.

    Where errors are lopsided so is the ratio of an effect to its standard error: Hall's
    transformation (Journal of the Royal Statistical Society B 54, 1992) takes that out. Without it
    the long tail of spend gave a false finding in .10 of simulations in which no theme did
    anything, with it in .05.

    :param error: standard errors.
    :param skew: of each effect's error, its third moment over the power 3/2 of its second.
    """
    from scipy.special import stdtr, stdtrit

    quantile = stdtrit(freedom, 0.975)
    low, high = (effect - error * _straighten(side, skew) for side in (quantile, -quantile))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = effect / error
        ratio = ratio + skew * (ratio**2 / 3 + 1 / 6) + skew**2 * ratio**3 / 27
        p_value = 2 * stdtr(freedom, -np.abs(ratio))
    return Estimates(effect, low, high, np.minimum(np.nan_to_num(p_value, nan=1.0), 1.0))


def _straighten(quantile: Floats, skew: Floats | float) -> Floats:
    """The ratio of effect and error that the transformation takes to a quantile."""
    lopsided = np.where(np.abs(skew) < _NO_SKEW, 1.0, skew)
    found = 3 / lopsided * (np.cbrt(1 + lopsided * (quantile - lopsided / 6)) - 1)
    return np.where(np.abs(skew) < _NO_SKEW, quantile, found)
