"""A new run against its history: whether it is farther away than runs are from one another.

Runs differ more than chance alone says: another source, a Monday, a campaign. So a run is not
compared with the pooled rows of the past (with enough rows everything differs "significantly")
but predicted: its mean is that of the history, its variance that between runs plus that of its own
rows. The variance between runs is that of Paule and Mandel (1982); the prediction that of Higgins,
Thompson and Spiegelhalter (JRSS A 172, 2009), its scale never below what rows alone give (Hartung
and Knapp 2001, as truncated by Roever et al. 2015). For one number that is a t-test.

Vectors are taken whole, by their squared distance. Whatever their covariance, the tail of that is
never heavier than that of one number of the same variance (Szekely and Bakirov 2003), so that the
same test alarms at most as often; it sees less of a small shift in one direction of many.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

MIN_HISTORY: Final = 8
_STEPS: Final = 80


@dataclass(frozen=True)
class Sample:
    """A mean over the rows of one run.

    :param mean: of one dimension or more.
    :param noise: squared distance from the truth to be expected by chance alone, from its rows.
    """

    mean: NDArray[np.float64]
    noise: float


@dataclass(frozen=True)
class Prediction:
    """What the history says of a new run.

    :param centre: the mean to be expected.
    :param distance: of the new run from it, in standard deviations of what is to be expected.
    :param half_width: of the 95 % interval around the centre; for one number.
    """

    centre: NDArray[np.float64]
    distance: float
    p_value: float
    half_width: float


def predict_run(history: Sequence[Sample], new: Sample) -> Prediction | None:
    """Hold a run against those before it.

    :returns: None where these are fewer than MIN_HISTORY.
    """
    if len(history) < MIN_HISTORY:
        return None
    from scipy.stats import t as student

    means = np.stack([each.mean for each in history])
    noise = np.array([each.noise for each in history])
    between = _estimate_between(means, noise)
    weights = 1.0 / np.maximum(between + noise, 1e-18)
    centre = weights @ means / weights.sum()
    residuals = (means - centre) * np.sqrt(weights)[:, None]
    rest = len(history) - 1
    scale = max(1.0, float((residuals**2).sum()) / rest)
    expected = scale * (between + new.noise + 1.0 / float(weights.sum()))
    ratio = float(((new.mean - centre) ** 2).sum()) / max(expected, 1e-18)
    return Prediction(
        centre=centre,
        distance=float(np.sqrt(ratio)),
        p_value=float(2 * student.sf(np.sqrt(ratio), rest)),
        half_width=float(student.ppf(0.975, rest) * np.sqrt(expected)),
    )


def correct_by_holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """p-values of tests that are made at once, corrected by Holm (1979).

    With them the chance of any false alarm among the tests is at most the error rate, whatever they
    have to do with one another.
    """
    ordered = sorted(p_values.items(), key=lambda item: (item[1], item[0]))
    corrected, largest = {}, 0.0
    for rank, (name, p) in enumerate(ordered):
        largest = max(largest, min(1.0, p * (len(ordered) - rank)))
        corrected[name] = largest
    return corrected


def _estimate_between(means: NDArray[np.float64], noise: NDArray[np.float64]) -> float:
    """The variance between runs: with it the weighted squares are as many as they should be."""

    def excess(between: float) -> float:
        weights = 1.0 / np.maximum(between + noise, 1e-18)
        centre = weights @ means / weights.sum()
        return float((weights * ((means - centre) ** 2).sum(axis=1)).sum()) - (len(means) - 1)

    if excess(0.0) <= 0:
        return 0.0
    low, high = 0.0, float(((means - means.mean(axis=0)) ** 2).sum())
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2
