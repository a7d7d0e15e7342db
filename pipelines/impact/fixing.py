"""Fixes that people marked, each against what was said and what followed before and after it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.impact.changes import Change, Weeks, estimate_change, say_nothing
from pipelines.impact.designs import Floats
from pipelines.impact.notes import Note
from pipelines.impact.records import DAY, UNDATED, Codes, Records, average_groups
from pipelines.impact.samples import POINTS, Sample

WEEK = 7 * DAY
# 1970 began on a Thursday; weeks begin on Monday.
_MONDAY = 4 * DAY
# At most half a year on both sides; the week of the fix itself is on neither.
WINDOW_WEEKS = 26
N_WEEKS = 2 * WINDOW_WEEKS + 1
VOICES, SENTIMENT, RELATIVE = "voices", "sentiment", "relative"


@dataclass(frozen=True)
class Fix:
    """What a person marked as fixed.

    :param at: second since 1970.
    """

    edit_id: str
    theme_id: str
    at: int


@dataclass(frozen=True)
class FixedOutcome:
    """What changed in one outcome after a fix.

    :param n_before: voices with the theme in the weeks before, each once a week; ``n_after`` in
        those after.
    :param compared_with: ids of the similar themes.
    """

    fix: Fix
    outcome: str
    unit: str
    change: Change
    n_before: int = 0
    n_after: int = 0
    compared_with: tuple[str, ...] = ()


def measure_fixes(
    records: Records, samples: Sequence[Sample], fixes: Sequence[Fix]
) -> Iterator[FixedOutcome]:
    """Estimate what changed after each fix: how many voice it, how they feel, what follows."""
    places = {theme_id: place for place, theme_id in enumerate(records.themes)}
    for fix in fixes:
        frame = _Frame(int(_find_week(fix.at)) - WINDOW_WEEKS, len(records.themes))
        left_out = [
            places[each.theme_id]
            for each in fixes
            if each.theme_id in places and abs(each.at - fix.at) < WINDOW_WEEKS * WEEK
        ]
        for outcome, unit, weeks in _list_weeks(records, samples, frame):
            before, after = frame.sides(weeks)
            theme = places.get(fix.theme_id)
            if theme is None:
                change = say_nothing(Note("not_said"))
                yield FixedOutcome(fix, outcome, unit, change)
                continue
            n = weeks.total if weeks.is_count else weeks.size
            n_before, n_after = (round(float(n[theme, side].sum())) for side in (before, after))
            change = estimate_change(weeks, theme, before, after, left_out)
            if not n_before and not n_after and not weeks.is_count:
                continue  # nothing of this kind is known of it
            similar = tuple(records.themes[each] for each in change.similar)
            yield FixedOutcome(fix, outcome, unit, change, n_before, n_after, similar)


@dataclass(frozen=True)
class _Frame:
    """The weeks around a fix, as numbers from 0 on."""

    first: int
    n_themes: int

    def place(self, at: Codes) -> tuple[NDArray[np.bool_], Codes]:
        """Which moments lie in these weeks, and in which."""
        week = _find_week(at) - self.first
        is_in = (at != UNDATED) & (week >= 0) & (week < N_WEEKS)
        return is_in, week

    def add(self, theme: Codes, week: Codes, values: Floats) -> Floats:
        """(themes, weeks) sums."""
        places = theme * N_WEEKS + week
        found = np.bincount(places, values, self.n_themes * N_WEEKS).astype(float)
        return found.reshape(self.n_themes, N_WEEKS)

    def sides(self, weeks: Weeks) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The weeks before and after of which anything is known."""
        is_known = weeks.size.sum(axis=0) > 0
        place = np.arange(len(is_known))
        return is_known & (place < WINDOW_WEEKS), is_known & (place > WINDOW_WEEKS)


def _find_week(at: Codes | int) -> Codes:
    found: Codes = (np.asarray(at) - _MONDAY) // WEEK
    return found


def _list_weeks(
    records: Records, samples: Sequence[Sample], frame: _Frame
) -> Iterator[tuple[str, str, Weeks]]:
    """Outcome, unit of a change, and its weeks."""
    said, (row, theme) = records.said, records.pairs.T
    is_in, week = frame.place(said.at)
    heard = _unite(np.zeros(len(said), np.int64), said.voice, week, np.zeros(len(said)), is_in)
    exposed = np.bincount(heard[1], minlength=N_WEEKS).astype(float)
    spoken, when, feeling = _unite(theme, said.voice[row], week[row], records.feeling, is_in[row])
    voices = frame.add(spoken, when, np.ones(len(spoken)))
    yield VOICES, RELATIVE, Weeks(voices, np.broadcast_to(exposed, voices.shape), is_count=True)
    is_felt = np.isfinite(feeling)
    spoken, when, feeling = spoken[is_felt], when[is_felt], feeling[is_felt]
    n_felt = frame.add(spoken, when, np.ones(len(spoken)))
    yield SENTIMENT, POINTS, Weeks(frame.add(spoken, when, feeling), n_felt, is_count=False)
    for sample in samples:
        if sample.missing is None:
            yield sample.outcome, sample.unit, _average_sample(sample, frame)


def _average_sample(sample: Sample, frame: _Frame) -> Weeks:
    """An outcome of those who voiced each theme, by the week in which they did."""
    value, followed = sample.value, sample.followed
    is_in, week = frame.place(sample.at)
    if value is None:
        assert followed is not None
        value, is_in = followed.has_left.astype(float), is_in & followed.is_over
    row, theme = sample.pairs[is_in[sample.pairs[:, 0]]].T
    parts = [frame.add(theme, week[row], each[row]) for each in (value, np.ones(len(value)))]
    return Weeks(parts[0], parts[1], is_count=False)


def _unite(
    theme: Codes, voice: Codes, week: Codes, feeling: Floats, is_in: NDArray[np.bool_]
) -> tuple[Codes, Codes, Floats]:
    """Theme, week and mean feeling of each voice: once a week, however often it speaks."""
    rows = np.flatnonzero(is_in)
    rows = rows[np.lexsort((feeling[rows], week[rows], theme[rows], voice[rows]))]
    first = np.ones(len(rows), dtype=bool)
    for column in (theme, voice, week):
        first[1:] = first[1:] & (np.diff(column[rows]) == 0)
    first[1:] = ~first[1:]
    starts = np.flatnonzero(first)
    if not len(starts):
        return theme[rows], week[rows], feeling[rows]
    return theme[rows][starts], week[rows][starts], average_groups(feeling[rows], starts)
