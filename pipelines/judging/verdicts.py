"""From windows to verdicts: tests, their correction over all themes of a look, and a word for each.

Every look is judged for itself, from what was known that evening: how often one looks changes no
verdict, and of what is called a trend on a day, at most FALSE_DISCOVERY_RATE is expected to be
none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.judging.dispersion import LEVELS, Dispersion, fit_dispersion
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
    Mask,
    Places,
    Window,
    count_weeks,
    measure_known,
    measure_windows,
)

FALSE_DISCOVERY_RATE = 0.05
# Fewer voices in a year are a one-off, fewer in a fortnight no trend, whatever the odds.
MIN_VOICES = 5
# A trend lasts: without its two busiest days on end, a window is still above what is expected.
LASTING_LEVEL = 0.08
FORTNIGHT = 14
# A theme is as good as new where fewer voices a fortnight were expected, and for sure so many times
# as many came: some texts get a wrong theme, so that the demo's new one had 14 voices before it.
LITTLE_HEARD, NEW_TIMES = 2.0, 5.0
VERDICTS: Final = ("", "one_off", "emerging", "growing", "steady", "fading")
_NONE, _ONE_OFF, _EMERGING, _GROWING, _STEADY, _FADING = range(len(VERDICTS))
_TINY = 1e-9
# Of larger p-values nothing is claimed, however many themes there are.
_WORTH_A_LOOK = 0.1
_LAG = min(question.gap for question in QUESTIONS)
_LONGEST = max(QUESTIONS, key=lambda question: question.gap)


@dataclass(frozen=True)
class Evidence:
    """What speaks for and against a trend; arrays of series x looks, NaN where nothing can be said.

    :param rise: p-value of as large a rise, or larger; 1 where it was an evening's.
    :param surge: the same of all voices, however many a day and whether or not it lasted.
    :param fall: p-value of as large a fall, or larger.
    :param week: voices expected in the calendar week up to the look.
    :param size: of the negative binomial distribution around that.
    :param is_new: nobody spoke of it before the last weeks.
    :param is_nearly_new: hardly anybody did, of many who do.
    :param is_few: fewer than MIN_VOICES in a year.
    """

    rise: Floats
    surge: Floats
    fall: Floats
    week: Floats
    size: Floats
    is_new: Mask
    is_nearly_new: Mask
    is_few: Mask


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
    is_many = counts.sum(axis=1) >= MIN_VOICES
    many, usual = _weigh_many(counts[is_many], exposure, looks, first)
    few = _weigh_few(counts[~is_many], exposure, looks, first, usual)
    order = np.argsort(np.concatenate([np.flatnonzero(is_many), np.flatnonzero(~is_many)]))
    return Evidence(*(each[order] for each in vars(stack_evidence([many, few])).values()))


def _weigh_many(
    counts: NDArray[np.floating], exposure: Floats, looks: Places, first: int
) -> tuple[Evidence, Floats]:
    """Evidence, and by look the dispersion of a series of which nothing is known."""
    windows, known = measure_windows(counts, exposure, looks, first)
    sundays = np.flatnonzero((looks + first) % 7 == 0)
    is_few = known.voices_year < MIN_VOICES
    season = {
        question.gap: find_season(window, is_few, looks, sundays, _LAG)
        for question, window in zip(QUESTIONS, windows, strict=True)
        if question.days == FORTNIGHT
    }
    rises, surges, falls = [], [], []
    size = usual = np.empty(0)
    is_nearly_new = np.zeros(is_few.shape, bool)
    is_quiet = is_few | (windows[0].voices < MIN_VOICES)
    for question, window in zip(QUESTIONS, windows, strict=True):
        due = _place_in_year(window, season[question.gap])
        spread = fit_dispersion(due, is_few, question.days, looks, sundays, _LAG)
        if question == QUESTIONS[0]:
            size, usual = 1 / (spread.mean + due.doubt), spread.usual
        if question == _LONGEST:
            is_nearly_new = _find_nearly_new(due, 1 / (spread.mean + due.doubt))
        tails = _test_window(due, 1 / (spread.mean + due.doubt), is_few)
        # NaN stays NaN.
        rises.append(np.maximum(tails.above, is_quiet | (tails.lasting > LASTING_LEVEL)))
        surges.append(tails.crowd)
        falls.append(np.maximum(_test_falls(due, 1 - tails.above, spread), is_few))
    week = known.week * season[_LAG]
    p_values = [combine_tests(each) for each in (rises, surges, falls)]
    n_weeks = count_weeks(exposure, first)
    found = _note_evidence(known, p_values, week, size, looks, n_weeks)
    return replace(found, is_nearly_new=is_nearly_new), usual


def _weigh_few(
    counts: NDArray[np.floating], exposure: Floats, looks: Places, first: int, usual: Floats
) -> Evidence:
    """Of series that never have enough voices to be asked."""
    known = measure_known(counts, exposure, looks, first)
    volume = np.concatenate([[0.0], np.cumsum(exposure)])
    is_silent = volume[looks + 1] == volume[np.maximum(looks + 1 - FORTNIGHT, 0)]
    nothing = np.where(np.isnan(known.week) | is_silent, np.nan, 1.0)
    size = 1 / (usual + known.doubt)
    n_weeks = count_weeks(exposure, first)
    return _note_evidence(known, [nothing] * 3, known.week, size, looks, n_weeks)


def _note_evidence(
    known: Known,
    p_values: Sequence[Floats],
    week: Floats,
    size: Floats,
    looks: Places,
    n_weeks: Places,
) -> Evidence:
    is_heard = known.voices_year > 0
    rise, surge, fall, week = (np.where(is_heard, each, np.nan) for each in (*p_values, week))
    return Evidence(
        rise,
        surge,
        fall,
        week,
        size,
        is_new=_find_new(known, looks, n_weeks),
        is_nearly_new=np.zeros(is_heard.shape, bool),
        is_few=known.voices_year < MIN_VOICES,
    )


class _Tails(NamedTuple):
    """p-values of a window: of its voices, of those but for the best days, of all however many."""

    above: Floats
    lasting: Floats
    crowd: Floats


def _test_window(window: Window, size: Floats, is_few: Mask) -> _Tails:
    """Test what has enough voices; 1 where it has not, NaN where nothing is expected."""
    is_asked = ~is_few & ~np.isnan(window.expected)
    counts = (window.voices, window.rest, window.crowd)
    expected = (window.expected, window.rest_expected, window.expected)
    found = []
    for voices, due in zip(counts, expected, strict=True):
        tail = np.where(np.isnan(window.expected), np.nan, 1.0)
        tail[is_asked] = find_upper_tail(voices[is_asked], due[is_asked], size[is_asked])
        found.append(tail)
    return _Tails(*found)


def _test_falls(window: Window, below: Floats, spread: Dispersion) -> Floats:
    """Lower tails over all levels of scatter that a series may have, each as likely as it is.

    By the mean level alone .031 of what was called fading was false, of the worst store .073; so
    .009 and .025, and .30 of planted falls are found in place of .33. Rises hold theirs by what
    makes them last, and lost .06 of their power this way.

    :param below: lower tails by the mean level; where they are of no interest they stay.
    """
    is_asked = below < _WORTH_A_LOOK
    weights = spread.pick(is_asked)
    voices, expected, doubt = (
        each[is_asked] for each in (window.voices, window.expected, window.doubt)
    )
    found = below.copy()
    found[is_asked] = sum(
        weights[:, place] * (1 - find_upper_tail(voices, expected, 1 / (level + doubt)))
        for place, level in enumerate(LEVELS)
    )
    return found


def _place_in_year(window: Window, season: Floats) -> Window:
    return replace(
        window,
        expected=np.maximum(window.expected * season, _TINY),
        rest_expected=np.maximum(window.rest_expected * season, _TINY),
    )


def _find_new(known: Known, looks: Places, n_weeks: Places) -> NDArray[np.bool_]:
    """Themes of which nobody spoke before, in a store that reaches back well before."""
    past = looks - _LONGEST.gap
    is_old = (past >= 0) & (n_weeks[np.maximum(past, 0)] >= MIN_PAST_WEEKS)
    return np.asarray((known.voices_before == 0) & is_old)


def _find_nearly_new(window: Window, size: Floats) -> Mask:
    """Themes of which hardly anybody spoke before, beside those who do now."""
    is_little = (window.expected < LITTLE_HEARD) & (window.voices >= NEW_TIMES * window.expected)
    found = np.zeros(is_little.shape, bool)
    voices, expected = window.voices[is_little], window.expected[is_little]
    low, _ = find_ratio_interval(voices, expected, size[is_little])
    found[is_little] = low >= NEW_TIMES
    return found


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
            (evidence.is_new | evidence.is_nearly_new) & is_rise,
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
