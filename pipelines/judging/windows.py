"""What was heard in the weeks up to a look, and what the time before let expect. Pure statistics.

The past fades: a voice of HALF_LIFE_DAYS ago weighs half. What can be expected grows with all
voices of the window, so that a busy week is no trend.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Mask = NDArray[np.bool_]

HALF_LIFE_DAYS = 120.0
# Of the past, calendar weeks with feedback that must be known before anything is expected.
MIN_PAST_WEEKS = 4
# A day counts at most so many times what is expected of it, and so many voices more: an evening
# of excitement neither makes a trend nor spoils the past that later weeks are held against.
_DAY_TIMES, _DAY_VOICES = 4.0, 4.0
_DAY_LAG = 7
# Added to the voices of the past: a rate of zero would make any voice infinitely surprising.
_PRIOR_VOICES = 0.5
# A theme's own voices are taken out of the volume that it is held against, for a theme that is
# half of it and doubles would else be half expected. A rest stays, for the theme that is all of it.
_OWN_SHARE = 0.9
_TINY = 1e-9
# Less is the rounding of sums, of days without any feedback.
_SOME = 1e-6
# Their sums are held at once: 100 kB a series and year.
_BLOCK_SERIES = 1_000


@dataclass(frozen=True)
class Question:
    """Whether the last days are out of line with the time that ended a gap before them.

    :param days: of the window up to the look.
    :param gap: days from the look back to the end of the past.
    """

    days: int
    gap: int


# The fortnight against what was just before it, and against what was before the last six weeks, so
# that a rise that goes on is still one; the week, for what is steep.
QUESTIONS: Final = (Question(14, 14), Question(14, 42), Question(7, 14))


@dataclass(frozen=True)
class Window:
    """What one question sees; arrays of series x looks.

    :param voices: heard in the window, no more a day than a day may count.
    :param expected: of them, by the rate of the past; NaN where the past is too short.
    :param doubt: relative variance of that rate, an estimate itself.
    :param crowd: the same, however many a day.
    :param rest: voices without the two days on end that have the most.
    :param rest_expected: of these other days.
    """

    voices: Floats
    expected: Floats
    doubt: Floats
    crowd: Floats
    rest: Floats
    rest_expected: Floats


@dataclass(frozen=True)
class Known:
    """What else is known at each look; arrays of series x looks.

    :param week: voices expected in the calendar week up to the look; NaN where the past is short.
    :param doubt: relative variance of their rate.
    :param voices_year: voices of the last 364 days.
    :param voices_before: voices up to the end of the longest gap: none of a new theme.
    """

    week: Floats
    doubt: Floats
    voices_year: Floats
    voices_before: Floats


_Arrays = TypeVar("_Arrays", Window, Known)


def measure_windows(
    counts: NDArray[np.floating], exposure: Floats, looks: Places, first: int
) -> tuple[tuple[Window, ...], Known]:
    """Answer every one of QUESTIONS at every look, for every series.

    :param counts: series x days: voices that had not spoken of it for long.
    :param exposure: voices of each day, whatever they spoke of.
    :param looks: places of days, ascending.
    :param first: ordinal of the first day, which tells the days of the week.
    """
    pasts = list(_part(counts, exposure, first))
    windows = tuple(_stack([past.ask(question, looks) for past in pasts]) for question in QUESTIONS)
    return windows, _stack([past.describe(looks) for past in pasts])


def measure_known(
    counts: NDArray[np.floating], exposure: Floats, looks: Places, first: int
) -> Known:
    """What else is known, for series of which nothing is asked."""
    return _stack([past.describe(looks) for past in _part(counts, exposure, first)])


def _part(counts: NDArray[np.floating], exposure: Floats, first: int) -> Iterator["_Past"]:
    for start in range(0, max(len(counts), 1), _BLOCK_SERIES):
        yield _Past(counts[start : start + _BLOCK_SERIES].astype(float), exposure, first)


def _stack(parts: list[_Arrays]) -> _Arrays:
    kind = type(parts[0])
    names = [each.name for each in fields(kind)]
    return kind(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


class _Past:
    """Sums over the days of a block of series."""

    def __init__(self, counts: Floats, exposure: Floats, first: int) -> None:
        self._exposure, self._first = exposure, first
        self._counts = _limit_days(counts, exposure)
        own = _OWN_SHARE * self._counts
        self._faded = _fade(self._counts)
        self._faded_twice = _fade(self._counts, half_life=HALF_LIFE_DAYS / 2)
        self._faded_volume = _fade(exposure[None]) - _fade(own)
        self._voices = _add_up(self._counts)
        self._crowd = _add_up(counts)
        self._volume = _add_up(exposure[None]) - _add_up(own)
        self._n_weeks = count_weeks(exposure, first)

    def voices(self, start: Places, end: Places) -> Floats:
        """Voices from one day to another, both in it."""
        return _between(self._voices, start, end)

    def volume(self, start: Places, end: Places) -> Floats:
        """All voices of these days, less the series' own."""
        return np.maximum(_between(self._volume, start, end), 0.0)

    def rate_at(self, day: Places) -> tuple[Floats, Floats]:
        """Voices a voice of all, up to a day, and its relative variance; NaN where it is early."""
        place = np.maximum(day, 0)
        is_long = (self._n_weeks[place] >= MIN_PAST_WEEKS) & (day >= 0)
        voices = self._faded[:, place] + _PRIOR_VOICES
        rate = voices / np.maximum(self._faded_volume[:, place], _TINY)
        doubt = (self._faded_twice[:, place] + _PRIOR_VOICES) / voices**2
        return np.where(is_long, rate, np.nan), doubt

    def ask(self, question: Question, looks: Places) -> Window:
        start = looks - question.days + 1
        rate, doubt = self.rate_at(looks - question.gap)
        volume = self.volume(start, looks)
        voices = self.voices(start, looks)
        best, best_volume = self._find_best(question.days, looks)
        return Window(
            voices=voices,
            expected=np.where(volume > _SOME, rate * volume, np.nan),
            doubt=doubt,
            crowd=_between(self._crowd, start, looks),
            rest=voices - best,
            rest_expected=rate * np.maximum(volume - best_volume, 0.0),
        )

    def describe(self, looks: Places) -> Known:
        """What is known beside the questions."""
        monday = looks - (looks + self._first - 1) % 7
        rate, doubt = self.rate_at(looks - QUESTIONS[0].gap)
        longest = max(question.gap for question in QUESTIONS)
        return Known(
            week=rate * self.volume(monday, looks),
            doubt=doubt,
            voices_year=self.voices(looks - 363, looks),
            voices_before=self.voices(np.zeros_like(looks), looks - longest),
        )

    def _find_best(self, days: int, looks: Places) -> tuple[Floats, Floats]:
        """Voices of the two days on end that have the most, and all voices of these days."""
        places = looks[:, None] - np.arange(days)[::-1]
        is_there = places >= 0
        inside = np.where(is_there, places, 0)
        counts = self._counts[:, inside] * is_there
        volume = self._exposure[inside] * is_there
        pairs = counts[..., 1:] + counts[..., :-1]
        best = pairs.argmax(axis=-1)[..., None]
        pair_volume = np.broadcast_to(volume[:, 1:] + volume[:, :-1], pairs.shape)
        return (
            np.take_along_axis(pairs, best, -1)[..., 0],
            np.take_along_axis(pair_volume, best, -1)[..., 0],
        )


def count_weeks(exposure: Floats, first: int) -> Places:
    """By day: calendar weeks with feedback up to it.

    :param first: ordinal of the first day.
    """
    weeks = (np.arange(len(exposure)) + first - 1) // 7
    open_days = np.flatnonzero(exposure > 0)
    _, begins = np.unique(weeks[open_days], return_index=True)
    is_begin = np.zeros(len(exposure), np.intp)
    is_begin[open_days[begins]] = 1
    return np.cumsum(is_begin)


def _limit_days(counts: Floats, exposure: Floats) -> Floats:
    """Counts in which no day stands out more than a day may, by the rate of a week before."""
    rate = (_fade(counts) + _PRIOR_VOICES) / (_fade(exposure[None]) + 1)
    places = np.maximum(np.arange(counts.shape[1]) - _DAY_LAG, 0)
    return np.minimum(counts, np.ceil(_DAY_VOICES + _DAY_TIMES * rate[:, places] * exposure))


def _fade(daily: Floats, half_life: float = HALF_LIFE_DAYS) -> Floats:
    """Sum of each day and those before it, each weighing less the longer ago it is."""
    share = 0.5 ** (1 / half_life)
    days = daily.T.copy()  # a day in one piece: four times as fast
    for day in range(1, len(days)):
        days[day] += share * days[day - 1]
    return days.T


def _add_up(daily: Floats) -> Floats:
    return np.concatenate([np.zeros((len(daily), 1)), np.cumsum(daily, axis=1)], axis=1)


def _between(sums: Floats, start: Places, end: Places) -> Floats:
    return sums[:, np.maximum(end + 1, 0)] - sums[:, np.maximum(start, 0)]
