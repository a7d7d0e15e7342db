"""Risk differences of an outcome that happens or not, from a logistic regression."""

import numpy as np

from pipelines.impact.designs import Design, Floats
from pipelines.impact.estimates import Estimates
from pipelines.impact.newton import Ascent, Fitted, climb
from pipelines.impact.risks import compare_risks

_MAX_LEVERAGE = 0.9


def fit_logistic(design: Design, outcome: Floats) -> Estimates:
    """Estimate how much the share with an outcome differs with each theme, all else equal.

    The variance is the model's, times what the repeats of one customer add to the variance that is
    robust to them: that alone is too small where nearly all, or nearly none, with a theme left.

    :param design: of columns that can be told apart.
    :param outcome: (n,) 0 or 1, both of them there.
    """
    weights = design.weights

    def look(coefficients: Floats) -> Ascent:
        predictor = design.predict(coefficients)
        chance = _expit(predictor)
        return Ascent(
            float(weights @ (outcome * predictor - np.logaddexp(0, predictor))),
            design.total(weights * (outcome - chance)),
            design.cross(weights * chance * (1 - chance)),
        )

    start = np.zeros(design.n_controls + design.n_themes)
    mean = float(np.average(outcome, weights=weights))
    start[0] = np.log(mean / (1 - mean))
    fitted = climb(start, look)
    has_repeats = design.n_clusters < len(design)
    robust = _measure_repeats(design, outcome, fitted) if has_repeats else None
    return compare_risks(design, fitted.coefficients, _risk, fitted.covariance, robust)


def _measure_repeats(design: Design, outcome: Floats, fitted: Fitted) -> tuple[Floats, Floats]:
    """Robust covariances: with the rows of a customer put together, and with each on its own."""
    bread = fitted.covariance
    chance = _expit(design.predict(fitted.coefficients))
    curve = design.weights * chance * (1 - chance)
    leverage = np.minimum(curve * design.measure_leverage(bread), _MAX_LEVERAGE)
    scores = design.weights * (outcome - chance) / (1 - leverage)
    together, alone = design.cross_clusters(scores), design.cross(scores**2)
    return bread @ together @ bread, bread @ alone @ bread


def _risk(predictor: Floats) -> tuple[Floats, Floats]:
    chance = _expit(predictor)
    return chance, chance * (1 - chance)


def _expit(predictor: Floats) -> Floats:
    from scipy.special import expit

    found: Floats = expit(predictor)
    return found
