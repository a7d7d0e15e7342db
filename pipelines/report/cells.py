"""The counts behind every filter of the page, packed for its script.

A cube is one thing that is counted: all feedback, a theme, a reason. Its cells hold four counts and
the distinct voices of a week, for each source, language, and all of them. Voices of several weeks
are the sum less the repeats: those who spoke in an earlier of these weeks too. So any span of weeks
is exact. A segment is an attribute of customers: its cells cover whole periods and are left out
where they hold fewer customers than may be shown.
"""

import base64
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.anonymity import choose_shown
from pipelines.report.spoken import UNDATED, UNRATED, Columns, Spoken

N_COUNTS = UNRATED + 1
# Weeks of the periods that a segment is counted over; 0 is all time, also what has no date.
PERIODS = (0, 52, 13, 4)
_SEGMENT = ("cube", "source", "lang", "segment", "period")
_COUNTS = tuple(f"n{place}" for place in range(N_COUNTS))

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Cells:
    """Tables of columns; source, lang and segment are 1 and up, 0 stands for all of them.

    :param cells: cube, source, lang, week (from 1; 0 without a date), n0 to n3, voices.
    :param repeats: cube, source, lang, earlier, week, voices: who spoke in both weeks, and in none
        between them.
    :param segments: cube, source, lang, segment, period (its place in PERIODS), n0 to n3, voices.
    """

    cells: Arrays
    repeats: Arrays
    segments: Arrays


def count_cells(
    spoken: Spoken, groups: Sequence[int], first_week: int, last_week: int, min_customers: int
) -> Cells:
    """Count everything.

    Cubes: 0 is feedback (all, noise, linked, 0), 1 mentions (negative, neutral, positive, unrated),
    2 mentions with a theme; then themes, groups, reasons of noise, reasons of no theme.

    :param groups: number of the group of each theme, -1 for none.
    :param first_week: what is counted as week 1.
    :param last_week: with which periods end.
    :param min_customers: what a cell of a segment must hold to be shown.
    """
    parts = list(_list_cubes(spoken, np.array(groups, dtype=np.int32)))
    choose = partial(_choose_shown, spoken.names["segment"], min_customers)
    n_before = np.cumsum([0, *(n_cubes for n_cubes, *_ in parts)])
    found = [
        _count_part(rows, cubes + start, counts, (first_week, last_week), choose)
        for start, (_, rows, cubes, counts) in zip(n_before, parts, strict=False)
    ]
    return Cells(*(_join(tables) for tables in zip(*found, strict=True)))


def pack_cells(cells: Cells) -> dict[str, Any]:
    """Columns one after the other, deflated, in base64: `[[table, column, bytes a number, n]]`."""
    layout, planes = [], []
    for name in ("cells", "repeats", "segments"):
        for column, values in getattr(cells, name).items():
            top = int(values.max(initial=0))
            width = 1 if top < 1 << 8 else 2 if top < 1 << 16 else 4
            layout.append([name, column, width, len(values)])
            planes.append(values.astype(f"<u{width}").tobytes())
    packed = base64.b64encode(zlib.compress(b"".join(planes))).decode()
    return {"layout": layout, "data": packed}


_Part = tuple[int, Columns, NDArray[Any], NDArray[Any]]


def _list_cubes(spoken: Spoken, groups: NDArray[Any]) -> Iterator[_Part]:
    """Number of cubes, rows, the cube of each row, and the counts that each row adds to."""
    said, mentions = spoken.feedback, spoken.mentions
    is_noise = said["reason"] >= 0
    flags = np.stack([np.ones_like(is_noise), is_noise, said["linked"] > 0], axis=1)
    flags[:, 2] &= ~is_noise
    yield 1, said, np.zeros(len(is_noise), dtype=np.int64), _widen(flags)
    feelings = np.eye(N_COUNTS, dtype=np.int64)[mentions["sentiment"]]
    nothing = np.zeros(len(feelings), dtype=np.int64)
    yield 1, mentions, nothing, feelings
    for is_member, numbers, n_cubes in (
        (mentions["theme"] != -1, nothing, 1),
        (mentions["theme"] >= 0, mentions["theme"], len(groups)),
        (_group_of(mentions, groups) >= 0, _group_of(mentions, groups), groups.max(initial=-1) + 1),
    ):
        yield int(n_cubes), mentions.take(is_member), numbers[is_member], feelings[is_member]
    for rows, kind in ((said, "noise"), (mentions, "unassigned")):
        has_reason = rows["reason"] >= 0
        ones = np.ones((int(has_reason.sum()), 1), dtype=np.int64)
        yield (
            len(spoken.names[kind]),
            rows.take(has_reason),
            rows["reason"][has_reason],
            _widen(ones),
        )


def _group_of(mentions: Columns, groups: NDArray[Any]) -> NDArray[Any]:
    themes = mentions["theme"]
    found: NDArray[Any] = np.where(themes >= 0, np.append(groups, -1)[themes], -1)
    return found


def _widen(counts: NDArray[Any]) -> NDArray[Any]:
    wide = np.zeros((len(counts), N_COUNTS), dtype=np.int64)
    wide[:, : counts.shape[1]] = counts
    return wide


def _count_part(
    rows: Columns,
    cubes: NDArray[Any],
    counts: NDArray[Any],
    span: tuple[int, int],
    choose: Callable[[Arrays], Arrays],
) -> tuple[Arrays, Arrays, Arrays]:
    first_week, last_week = span
    weeks = np.where(rows["week"] == UNDATED, 0, rows["week"] - first_week + 1)
    cells, repeats, segments = [], [], []
    for by_source, by_lang in product((0, 1), repeat=2):
        slices = {
            "cube": cubes,
            "source": (rows["source"] + 1) * by_source,
            "lang": (rows["lang"] + 1) * by_lang,
        }
        cells.append(_count({**slices, "week": weeks}, rows["voice"], counts))
        repeats.append(_count_repeats(slices, rows["voice"], weeks))
        for place, n_weeks in enumerate(PERIODS):
            is_in = np.ones(len(weeks), dtype=bool)
            if n_weeks:
                is_in = (rows["week"] > last_week - n_weeks) & (rows["week"] <= last_week)
            keys = {**slices, "segment": rows["segment"] + 1, "period": np.full_like(weeks, place)}
            chosen = {name: key[is_in] for name, key in keys.items()}
            found = _count(chosen, rows["voice"][is_in], counts[is_in])
            segments.append(choose(found))
    return _join(cells), _join(repeats), _join(segments)


def _choose_shown(segments: Sequence[str], min_customers: int, found: Arrays) -> Arrays:
    """The cells of segments that may be shown beside the sum of their slice.

    Named as in every other table: of two as small as each other the same is hidden everywhere.

    :param found: cells in the order of their keys; segment 0 are those of no segment.
    """
    slices = np.stack([found[name] for name in _SEGMENT if name != "segment"])
    is_new = (slices[:, 1:] != slices[:, :-1]).any(axis=0)
    is_shown = np.zeros(slices.shape[1], dtype=bool)
    for rows in np.split(np.arange(slices.shape[1]), np.flatnonzero(is_new) + 1):
        is_named = found["segment"][rows] > 0
        rest = int(found["voices"][rows[~is_named]].sum())
        places = {segments[found["segment"][row] - 1]: row for row in rows[is_named].tolist()}
        named = {name: int(found["voices"][row]) for name, row in places.items()}
        is_shown[[places[name] for name in choose_shown(named, min_customers, rest)]] = True
    return {name: column[is_shown] for name, column in found.items()}


def _count(keys: Arrays, voices: NDArray[Any], counts: NDArray[Any]) -> Arrays:
    """Sum up the counts of each combination of keys, and count its distinct voices."""
    cell, found = _number(keys)
    n_cells = len(next(iter(found.values())))
    sums = {
        name: np.bincount(cell, weights=counts[:, place], minlength=n_cells).astype(np.int64)
        for place, name in enumerate(_COUNTS)
    }
    spoke = _distinct(_pair(cell, voices)) // _base(voices)
    return {**found, **sums, "voices": np.bincount(spoke, minlength=n_cells)}


def _count_repeats(slices: Arrays, voices: NDArray[Any], weeks: NDArray[Any]) -> Arrays:
    """Count, for each two weeks, the voices that spoke in both and in none between them."""
    whole, found = _number({**slices, "voice": voices})
    spoke = _distinct(_pair(whole, weeks))
    who, week = spoke // _base(weeks), spoke % _base(weeks)
    again = np.flatnonzero(who[1:] == who[:-1])
    keys = {name: found[name][who[again]] for name in slices}
    keys |= {"earlier": week[again], "week": week[again + 1]}
    cell, pairs = _number(keys)
    return {**pairs, "voices": np.bincount(cell, minlength=len(pairs["week"]))}


def _number(keys: Arrays) -> tuple[NDArray[Any], Arrays]:
    """Number the combinations of keys in their order: that of each row, and what each is."""
    whole = np.zeros(len(next(iter(keys.values()))), dtype=np.int64)
    for key in keys.values():
        whole = whole * _base(key) + key
    unique, cell = np.unique(whole, return_inverse=True)
    found: Arrays = {}
    for name, key in reversed(keys.items()):
        found[name], unique = unique % _base(key), unique // _base(key)
    return cell, {name: found[name] for name in keys}


def _distinct(values: NDArray[Any]) -> NDArray[Any]:
    """In order, each once. Sorting takes a fifth of the time of np.unique, which hashes."""
    ordered = np.sort(values)
    is_first = np.ones(len(ordered), dtype=bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    distinct: NDArray[Any] = ordered[is_first]
    return distinct


def _base(key: NDArray[Any]) -> int:
    return int(key.max(initial=0)) + 1


def _pair(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    paired: NDArray[Any] = first.astype(np.int64) * _base(second) + second
    return paired


def _join(tables: Sequence[Arrays]) -> Arrays:
    """Put tables one below the other, in the order of their first columns."""
    joined = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    names = [name for name in (*_SEGMENT, "earlier", "week") if name in joined]
    order = np.lexsort([joined[name] for name in reversed(names)])
    return {name: column[order] for name, column in joined.items()}
