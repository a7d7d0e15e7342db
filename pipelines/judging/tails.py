"""Tails and intervals of the negative binomial distribution, and corrections for many tests.

Size k: the variance is m + m^2 / k.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def log_probability(voices: Floats, expected: Floats, size: Floats) -> Floats:
    """Log of the probability of just so many voices."""
    from scipy.special import gammaln

    chance = np.log(expected) - np.log(expected + size)
    return np.asarray(
        gammaln(voices + size)
        - gammaln(size)
        - gammaln(voices + 1)
        - size * np.log1p(expected / size)
        + voices * chance
    )


def find_chance_of(voices: Floats, expected: Floats, size: Floats) -> Floats:
    """Probability of so many voices or more."""
    from scipy.special import betainc

    share = expected / (expected + size)
    return np.asarray(np.where(voices > 0, betainc(np.maximum(voices, 1.0), size, share), 1.0))


def find_upper_tail(voices: Floats, expected: Floats, size: Floats) -> Floats:
    """Mid-p value: probability of more voices, and half of that of as many.

    Counts are few and discrete; the mid-p value is uniform on average where the plain one is too
    large (Lancaster, JASA 56, 1961). One less it is the lower tail.
    """
    half = 0.5 * np.exp(log_probability(voices, expected, size))
    return np.asarray(find_chance_of(voices, expected, size) - half)


def find_band(expected: Floats, size: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Prediction interval: the quantiles of the counts to come, whole numbers."""
    tail = (1 - level) / 2
    return _find_quantile(tail, expected, size), _find_quantile(1 - tail, expected, size)


def _find_quantile(chance: float, expected: Floats, size: Floats) -> Floats:
    """The least count that is not exceeded with this chance."""
    from scipy.special import betainc, nbdtrik

    share = size / (size + expected)
    count = np.maximum(np.ceil(nbdtrik(chance, size, share)), 0.0)
    # The root is found to a few digits only: a whole number may be one too high.
    lower = np.maximum(count - 1, 0.0)
    return np.asarray(np.where(betainc(size, lower + 1, share) >= chance, lower, count))


def find_ratio_interval(
    voices: Floats, expected: Floats, size: Floats, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Interval of voices / expected: the ratios for which these counts are no surprise.

    Garwood's limits of a Poisson count, divided by what is uncertain of the expectation: the ratio
    of two gamma variables, which follows an F distribution.
    """
    from scipy.special import fdtri

    tail = (1 - level) / 2
    low = np.where(
        voices > 0, voices * fdtri(2 * np.maximum(voices, 0.5), 2 * size, tail) / expected, 0.0
    )
    high = (voices + 1) * fdtri(2 * (voices + 1), 2 * size, 1 - tail) / expected
    return low, high


def combine_tests(p_values: Sequence[Floats]) -> Floats:
    """One p-value of several tests that lean the same way (Simes, Biometrika 73, 1986).

    :param p_values: arrays of one shape; a test that is NaN was not made.
    :returns: NaN where none was made.
    """
    ordered = np.sort(np.stack(p_values), axis=0)  # NaN last
    n_tests = (~np.isnan(ordered)).sum(axis=0)
    ranks = np.arange(1, len(ordered) + 1).reshape(-1, *([1] * (ordered.ndim - 1)))
    scaled = np.where(np.isnan(ordered), np.inf, ordered * n_tests / ranks)
    return np.where(n_tests > 0, np.minimum(scaled.min(axis=0), 1.0), np.nan)


def correct_columns(p_values: Floats) -> Floats:
    """q-values of each column by Benjamini and Hochberg (JRSS B 57, 1995); NaN stays NaN."""
    order = np.argsort(p_values, axis=0)  # NaN last
    ordered = np.take_along_axis(p_values, order, 0)
    n_tests = (~np.isnan(p_values)).sum(axis=0)
    ranks = np.arange(1, len(p_values) + 1)[:, None]
    scaled = np.where(np.isnan(ordered), np.inf, ordered * n_tests / ranks)
    lowest = np.minimum(np.minimum.accumulate(scaled[::-1], axis=0)[::-1], 1.0)
    corrected = np.empty_like(p_values)
    np.put_along_axis(corrected, order, lowest, 0)
    return np.where(np.isnan(p_values), np.nan, corrected)


def correct_p_values(p_values: Sequence[float]) -> list[float]:
    """q-values by Benjamini and Yekutieli (Annals of Statistics 29, 2001)."""
    if not p_values:
        return []
    from scipy.stats import false_discovery_control

    return [float(q) for q in false_discovery_control(p_values, method="by")]
