"""The difference that a theme makes to a risk, among those who voiced it, with its interval.

The mean risk of those who voiced a theme is held against what the model gives the same customers
without it (g-computation; Greenland, American Journal of Epidemiology 160, 2004). Each of the two
gets an interval on the logit scale by the delta method; that of their difference is put together
of both (Zou and Donner, Statistics in Medicine 27, 2008), so that it stays inside what is possible
where few or none of them left.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.impact.designs import Design, Floats
from pipelines.impact.estimates import Estimates

# A risk and its slope, of linear predictors.
Risk = Callable[[Floats], tuple[Floats, Floats]]
_EDGE = 1e-9
_Z = 1.959963984540054


@dataclass(frozen=True)
class _Side:
    """Mean risks of those with each theme, and how these move with every coefficient."""

    risk: Floats
    gradient: Floats

    @property
    def logit(self) -> Floats:
        found: Floats = np.log(self.risk) - np.log1p(-self.risk)
        return found

    @property
    def logit_gradient(self) -> Floats:
        found: Floats = self.gradient / (self.risk * (1 - self.risk))[:, None]
        return found


def compare_risks(
    design: Design,
    coefficients: Floats,
    risk: Risk,
    covariance: Floats,
    robust: tuple[Floats, Floats] | None = None,
) -> Estimates:
    """Estimate the risk difference of each theme.

    :param coefficients: (p,)
    :param covariance: of the coefficients, as the model says.
    :param robust: covariances with and without what the rows of one customer have in common; what
        the first has more than the second is added to the model's. None where none has several.
    """
    from scipy.special import ndtr

    one = _average(design, coefficients, risk, is_with=True)
    other = _average(design, coefficients, risk, is_with=False)
    first, second = one.logit_gradient, other.logit_gradient
    gap = np.sqrt(_join(first - second, covariance, first - second))
    widening = np.ones(design.n_themes)
    if robust is not None:
        together, alone = (_join(first - second, each, first - second) for each in robust)
        widening = np.sqrt(np.maximum(together / np.maximum(alone, 1e-300), 1.0))
    errors = [np.sqrt(_join(each, covariance, each)) for each in (first, second)]
    shared = _join(first, covariance, second) / np.maximum(errors[0] * errors[1], 1e-300)
    low, high = _put_together(one, other, [widening * each for each in errors], shared)
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = 2 * ndtr(-np.abs(one.logit - other.logit) / (widening * gap))
    return Estimates(one.risk - other.risk, low, high, np.nan_to_num(p_value, nan=1.0))


def _average(design: Design, coefficients: Floats, risk: Risk, *, is_with: bool) -> _Side:
    """Risks of those who voiced each theme, as they are or without it."""
    from scipy.sparse import csc_matrix

    themes = design.themes.tocsc()
    places = np.arange(design.n_themes)
    of_entry = np.repeat(places, np.diff(themes.indptr))
    predictor = design.predict(coefficients)[themes.indices]
    if not is_with:
        predictor = predictor - coefficients[design.n_controls :][of_entry]
    value, slope = risk(predictor)
    weight = design.weights[themes.indices]
    total = np.maximum(np.bincount(of_entry, weight, design.n_themes), 1e-300)
    mean = np.bincount(of_entry, weight * value, design.n_themes) / total
    sloped = csc_matrix((weight * slope, themes.indices, themes.indptr), shape=themes.shape)
    parts = sloped.T @ design.controls, (sloped.T @ design.themes).toarray()
    gradient = np.hstack(parts) / total[:, None]
    if not is_with:
        gradient[places, design.n_controls + places] = 0.0
    return _Side(np.clip(mean, _EDGE, 1 - _EDGE), gradient)


def _join(left: Floats, covariance: Floats, right: Floats) -> Floats:
    """Row by row left' V right; never below zero where both are one."""
    found: Floats = ((left @ covariance) * right).sum(axis=1)
    return np.maximum(found, 0) if left is right else found


def _put_together(
    one: _Side, other: _Side, errors: list[Floats], shared: Floats
) -> tuple[Floats, Floats]:
    """The interval of a difference, of those of its two sides and their correlation."""
    from scipy.special import expit

    l1, u1 = (expit(one.logit + sign * _Z * errors[0]) for sign in (-1, 1))
    l0, u0 = (expit(other.logit + sign * _Z * errors[1]) for sign in (-1, 1))
    below, above = one.risk - l1, u1 - one.risk
    fall, rise = other.risk - l0, u0 - other.risk
    shared = np.clip(shared, -1, 1)
    down = np.sqrt(np.maximum(below**2 + rise**2 - 2 * shared * below * rise, 0))
    up = np.sqrt(np.maximum(above**2 + fall**2 - 2 * shared * above * fall, 0))
    difference = one.risk - other.risk
    return difference - down, difference + up
