"""Does a theme feel other than it used to? A week's mean sentiment against that of its past.

The scatter of weeks around their mean is estimated by theme and shrunk towards that of all themes
(moderated t-test: Smyth, Statistical Applications in Genetics and Molecular Biology 3, 2004).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.judging.tails import correct_columns
from pipelines.judging.windows import Floats

# The week is held against a year of weeks before it, but for those that may be of the same shift.
GAP_WEEKS = 2
PAST_WEEKS = 52
MIN_PAST_WEEKS = 4
# Fewer voices say nothing of how a theme feels.
MIN_VOICES = 5
FALSE_DISCOVERY_RATE = 0.05
SHIFTS: Final = ("", "worse", "steady", "better")
# Scatter of one voice's sentiment where nothing is known: scores are within -1..1.
_PRIOR_VARIANCE = 0.25
_PRIOR_FREEDOM = 4.0
_MAX_FREEDOM = 1_000.0


@dataclass(frozen=True)
class Shifts:
    """Arrays of series x weeks, NaN (0 for verdict) where nothing can be said.

    :param low: lower end of the 95 % interval of the week less what is expected.
    :param verdict: places in SHIFTS.
    """

    expected: Floats
    low: Floats
    high: Floats
    p_value: Floats
    q_value: Floats
    verdict: NDArray[np.int8]


def find_shifts(sentiment: Floats, voices: Floats) -> Shifts:
    """Test every week of every series; weeks are corrected one by one over all series.

    :param sentiment: mean over the voices of the week, -1..1; NaN where nobody spoke.
    :param voices: how many they were.
    """
    from scipy.special import stdtr, stdtrit

    weight = np.where(np.isnan(sentiment), 0.0, voices)
    value = np.where(np.isnan(sentiment), 0.0, sentiment)
    n_weeks = _sum_past((weight > 0).astype(float))
    total = _sum_past(weight)
    safe = np.maximum(total, 1.0)
    mean = _sum_past(weight * value) / safe
    scatter = np.maximum(_sum_past(weight * value**2) - safe * mean**2, 0.0)
    is_told = (n_weeks >= MIN_PAST_WEEKS) & (weight >= MIN_VOICES)
    variance, freedom = _moderate(scatter, n_weeks - 1)
    error = np.sqrt(variance * (1 / np.maximum(weight, 1.0) + 1 / safe))
    shift = value - mean
    p_value = np.where(is_told, 2 * stdtr(freedom, -np.abs(shift) / error), np.nan)
    q_value = correct_columns(p_value)
    margin = stdtrit(freedom, 0.975) * error
    is_shift = q_value <= FALSE_DISCOVERY_RATE
    verdict = np.where(is_shift, np.where(shift < 0, 1, 3), 2)
    mean, low, high = (
        np.where(is_told, each, np.nan) for each in (mean, shift - margin, shift + margin)
    )
    return Shifts(mean, low, high, p_value, q_value, np.where(is_told, verdict, 0).astype(np.int8))


def _sum_past(weekly: Floats) -> Floats:
    """Sum over the year of weeks before each week's gap."""
    sums = np.concatenate([np.zeros((len(weekly), 1)), np.cumsum(weekly, axis=1)], axis=1)
    end = np.arange(weekly.shape[1]) - GAP_WEEKS
    start = np.maximum(end - PAST_WEEKS, 0)
    return np.asarray(sums[:, np.maximum(end, 0)] - sums[:, start])


def _moderate(scatter: Floats, freedom: Floats) -> tuple[Floats, Floats]:
    """Variance of one voice and its degrees of freedom, by series and week.

    All series of a week together tell what is usual: its variance by their mean, and by how little
    they differ, of how many weeks' worth it is (moments of the F distribution of their ratios).
    """
    is_known = freedom >= MIN_PAST_WEEKS - 1
    own = np.where(is_known, freedom, 0.0)
    pooled = (np.where(is_known, scatter, 0.0).sum(axis=0) + _PRIOR_FREEDOM * _PRIOR_VARIANCE) / (
        own.sum(axis=0) + _PRIOR_FREEDOM
    )
    ratio = np.where(is_known, scatter / np.maximum(own, 1.0) / pooled, 1.0)
    n_series = np.maximum(is_known.sum(axis=0), 1)
    spread = np.where(is_known, (ratio - 1) ** 2 - 2 / np.maximum(own, 1.0), 0.0).sum(axis=0)
    excess = np.maximum(spread / n_series, 2 / _MAX_FREEDOM)
    prior = np.clip(2 / excess + 4, _PRIOR_FREEDOM, _MAX_FREEDOM)
    return (own * pooled * ratio + prior * pooled) / (own + prior), own + prior
