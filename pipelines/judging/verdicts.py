"""From windows to verdicts: tests, their correction over all themes of a look, and a word for each.

Every look is judged for itself, from what was known that evening: how often one looks changes no
verdict, and of what is called a trend on a day, at most FALSE_DISCOVERY_RATE is expected to be
none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.judging.dispersion import fit_dispersion
from pipelines.judging.season import find_season
from pipelines.judging.tails import (
    combine_tests,
    correct_columns,
    find_band,
    find_ratio_interval,
    find_upper_tail,
)
from pipelines.judging.windows import (
    MIN_PAST_WEEKS,
    QUESTIONS,
    Floats,
    Known,
    Places,
    Window,
    count_weeks,
    measure_windows,
)

FALSE_DISCOVERY_RATE = 0.05
# Fewer voices in a year are a one-off, fewer in a fortnight no trend, whatever the odds.
MIN_VOICES = 5
# A trend lasts: without its two busiest days on end, a window is still above what is expected.
LASTING_LEVEL = 0.08
FORTNIGHT = 14
VERDICTS: Final = ("", "one_off", "emerging", "growing", "steady", "fading")
_NONE, _ONE_OFF, _EMERGING, _GROWING, _STEADY, _FADING = range(len(VERDICTS))
_TINY = 1e-9
_LAG = min(question.gap for question in QUESTIONS)


@dataclass(frozen=True)
class Evidence:
    """What speaks for and against a trend; arrays of series x looks, NaN where nothing can be said.

    :param rise: p-value of as large a rise, or larger; 1 where it was an evening's.
    :param surge: the same of all voices, however many a day and whether or not it lasted.
    :param fall: p-value of as large a fall, or larger.
    :param week: voices expected in the calendar week up to the look.
    :param size: of the negative binomial distribution around that.
    :param is_new: nobody spoke of it before the last weeks.
    :param is_few: fewer than MIN_VOICES in a year.
    """

    rise: Floats
    surge: Floats
    fall: Floats
    week: Floats
    size: Floats
    is_new: NDArray[np.bool_]
    is_few: NDArray[np.bool_]


@dataclass(frozen=True)
class Judged:
    """Arrays of series x looks.

    :param p_value: of the rise or of the fall, whichever is the more surprising.
    :param q_value: the same, corrected over all series of the look.
    :param verdict: places in VERDICTS; 0 where nothing can be said.
    """

    p_value: Floats
    q_value: Floats
    verdict: NDArray[np.int8]


def weigh_series(
    counts: NDArray[np.floating], exposure: Floats, looks: Places, first: int
) -> Evidence:
    """Test every series at every look.

    :param counts: series x days; each voice once in four weeks.
    :param exposure: voices of each day, whatever they spoke of.
    :param looks: places of days, ascending; all Sundays up to the last must be among them.
    :param first: ordinal of the first day.
    """
    windows, known = measure_windows(counts, exposure, looks, first)
    sundays = np.flatnonzero((looks + first) % 7 == 0)
    season = {
        question.gap: find_season(window, looks, sundays, _LAG)
        for question, window in zip(QUESTIONS, windows, strict=True)
        if question.days == FORTNIGHT
    }
    rises, surges, falls, sizes = [], [], [], []
    is_quiet = windows[0].voices < MIN_VOICES
    for question, window in zip(QUESTIONS, windows, strict=True):
        due = _place_in_year(window, season[question.gap])
        size = 1 / (fit_dispersion(due, question.days, looks, sundays, _LAG) + due.doubt)
        above = find_upper_tail(due.voices, due.expected, size)
        lasting = find_upper_tail(due.rest, due.rest_expected, size)
        surges.append(find_upper_tail(due.crowd, due.expected, size))
        # NaN stays NaN.
        rises.append(np.maximum(above, is_quiet | (lasting > LASTING_LEVEL)))
        falls.append(1 - above)
        sizes.append(size)
    is_heard = known.voices_year > 0
    return Evidence(
        rise=np.where(is_heard, combine_tests(rises), np.nan),
        surge=np.where(is_heard, combine_tests(surges), np.nan),
        fall=np.where(is_heard, combine_tests(falls), np.nan),
        week=np.where(is_heard, known.week * season[_LAG], np.nan),
        size=sizes[0],
        is_new=_find_new(known, looks, count_weeks(exposure, first)),
        is_few=known.voices_year < MIN_VOICES,
    )


def _place_in_year(window: Window, season: Floats) -> Window:
    return replace(
        window,
        expected=np.maximum(window.expected * season, _TINY),
        rest_expected=np.maximum(window.rest_expected * season, _TINY),
    )


def _find_new(known: Known, looks: Places, n_weeks: Places) -> NDArray[np.bool_]:
    """Themes of which nobody spoke before, in a store that reaches back well before."""
    past = looks - max(question.gap for question in QUESTIONS)
    is_old = (past >= 0) & (n_weeks[np.maximum(past, 0)] >= MIN_PAST_WEEKS)
    return np.asarray((known.voices_before == 0) & is_old)


def conclude(evidence: Evidence, is_broad: NDArray[np.bool_] | None = None) -> Judged:
    """Correct over all series of a look, and choose the verdicts.

    Rises and falls are two families: who asks what grows does not pay for what fades.

    :param is_broad: series x looks of new series that came from more than one source, of which
        one evening is enough.
    """
    rise = evidence.rise
    if is_broad is not None:
        rise = np.where(evidence.is_new & is_broad, evidence.surge, rise)
    q_rise, q_fall = correct_columns(rise), correct_columns(evidence.fall)
    is_fall = evidence.fall < np.where(rise == 1.0, evidence.surge, rise)
    return Judged(
        p_value=np.where(is_fall, evidence.fall, rise),
        q_value=np.where(is_fall, q_fall, q_rise),
        verdict=_choose_verdicts(evidence, rise, q_rise, q_fall),
    )


def _choose_verdicts(
    evidence: Evidence, rise: Floats, q_rise: Floats, q_fall: Floats
) -> NDArray[np.int8]:
    is_rise, is_fall = q_rise <= FALSE_DISCOVERY_RATE, q_fall <= FALSE_DISCOVERY_RATE
    # An evening that would have been a trend, had it lasted: by the bar of the others' rises.
    bar = np.where(is_rise, rise, 0.0).max(axis=0, initial=0.0)
    n_tests = np.maximum((~np.isnan(rise)).sum(axis=0), 1)
    is_burst = evidence.surge <= np.maximum(bar, FALSE_DISCOVERY_RATE / n_tests)
    return np.select(
        [
            np.isnan(rise),
            evidence.is_few,
            evidence.is_new & is_rise,
            evidence.is_new,
            is_rise,
            is_burst,
            is_fall,
        ],
        [_NONE, _ONE_OFF, _EMERGING, _ONE_OFF, _GROWING, _ONE_OFF, _FADING],
        _STEADY,
    ).astype(np.int8)


def stack_evidence(parts: Sequence[Evidence]) -> Evidence:
    """Series of several groups, to be corrected together."""
    names = [each.name for each in fields(Evidence)]
    return Evidence(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True)
class Band:
    """What was to be expected of counted weeks, and how far they are from it."""

    low: Floats
    high: Floats
    ratio: Floats
    ratio_low: Floats
    ratio_high: Floats


def find_bands(voices: Floats, expected: Floats, size: Floats) -> Band:
    """Prediction intervals and ratios with intervals; NaN where nothing is expected."""
    is_known = expected > 0
    safe, count = np.where(is_known, expected, 1.0), np.where(is_known, voices, 0.0)
    found = (*find_band(safe, size), count / safe, *find_ratio_interval(count, safe, size))
    return Band(*(np.where(is_known, each, np.nan) for each in found))
