"""Differences of a mean: least squares whose intervals hold under unequal spread and repeats."""

import numpy as np

from pipelines.impact.designs import Design, Floats
from pipelines.impact.estimates import Estimates, make_estimates

# With more rows than this the t distribution is the normal one.
_MANY_ROWS = 500


def fit_linear(design: Design, outcome: Floats, *, has_tail: bool = False) -> Estimates:
    """Estimate how much the mean of an outcome differs with each theme, all else equal.

    Errors are those of MacKinnon and White (Journal of Econometrics 29, 1985; HC3: each residual as
    if its row had not been fitted), summed over the rows of one customer (Liang and Zeger,
    Biometrika 73, 1986). The t distribution has as many degrees of freedom as Satterthwaite's
    formula gives for the rows that an effect rests on (Bell and McCaffrey, Survey Methodology 28,
    2002): those with the theme where it is rare.

    :param design: of columns that can be told apart.
    :param outcome: (n,)
    :param has_tail: it has no bounds, so that errors may be lopsided however many there are.
    """
    weights = design.weights
    inverse = np.linalg.inv(design.cross(weights))
    coefficients = inverse @ design.total(weights * outcome)
    residual = outcome - design.predict(coefficients)
    spare = 1 - weights * design.measure_leverage(inverse)
    # A row that alone decides a coefficient fits it exactly, and says nothing of its spread.
    scores = weights * np.where(spare > 1e-6, residual / np.maximum(spare, 1e-6), 0.0)
    own = inverse[:, design.n_controls :]
    error = np.sqrt(np.maximum(((design.cross_clusters(scores) @ own) * own).sum(axis=0), 0))
    effect = coefficients[design.n_controls :]
    skew = _measure_skew(design, scores) if has_tail else 0.0
    return make_estimates(effect, error, count_freedom(design, own), skew)


def _measure_skew(design: Design, scores: Floats) -> Floats:
    """How lopsided the errors of those with each theme are, which are what its error is made of."""
    third, second = (design.themes.T @ scores**power for power in (3, 2))
    found: Floats = third / np.maximum(second, 1e-300) ** 1.5
    return found


def count_freedom(design: Design, own: Floats) -> Floats:
    """Degrees of freedom of each theme's error: how many customers its effect rests on.

    :param own: (p, k) of the inverse of X'WX.
    """
    found = np.full(design.n_themes, 1e9)
    starts = np.flatnonzero(np.diff(design.clusters, prepend=-1))
    for theme in np.flatnonzero(design.n_with < _MANY_ROWS):
        share = np.add.reduceat((design.weights * design.predict(own[:, theme])) ** 2, starts)
        found[theme] = max(share.sum() ** 2 / max((share**2).sum(), 1e-300), 1.0)
    return found
