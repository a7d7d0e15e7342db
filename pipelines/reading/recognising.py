"""Which known layout a table has, judged by its columns: how many of a layout's are there.

A column that few layouts have says more than one that many have (`Email`, `Created at`), and a word
that any table may use (`text`, `date`) says little, so that each counts by its rarity. An export
with a column renamed or left out, or further ones, is still known by the others.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from pipelines.folding import fold_name
from pipelines.reading.layout_names import find_first, fold_columns, part_names
from pipelines.reading.layouts import Layout, Recognised, load_layouts
from pipelines.reading.tables import find_header
from pipelines.reading.vocabulary import load_vocabulary

MIN_SHARE = 0.6
"""So much of a layout's columns, by rarity, is enough."""
MIN_EXPLAINED = 0.75
"""Or so many of the table's columns are the layout's: few were exported."""
MIN_EVIDENCE = 1.8
"""In both cases as much as about two columns say that no other layout has."""
SURE_EVIDENCE = 4.0
SURE_EXPLAINED = 0.5
"""Or as much as four such columns, and half of the table's columns are the layout's."""
PLAIN_WEIGHT = 0.3
"""Of a name of one word that the vocabulary of roles knows: any table may have it."""
_LONGEST_NAME = 200
_DECIDED = 1_000.0


def recognise_layout(
    columns: Sequence[str],
    first_rows: Iterable[Iterable[str]] = (),
    layouts: Sequence[Layout] | None = None,
) -> Recognised | None:
    """The layout that a table with these columns has; None where it is none that is known.

    :param first_rows: cells of the first rows, for layouts that are told by what stands there.
    :param layouts: the candidates; None means all.
    """
    folded = fold_columns([name for name in columns if len(name) <= _LONGEST_NAME])
    cells = [cell for row in first_rows for cell in row]
    wanted = None if layouts is None else {layout.id for layout in layouts}
    judged = (
        _judge(signature, folded, cells)
        for signature in _sign_layouts()
        if wanted is None or signature.layout.id in wanted
    )
    found = [each for each in judged if each is not None]
    return max(found, key=lambda each: (each.evidence, each.layout.id), default=None)


def choose_layout(
    wanted: str | None, columns: Sequence[str], first_rows: Iterable[Iterable[str]] = ()
) -> Recognised | None:
    """The layout that a table is read as: the wanted one, none, or the one that is recognised.

    :param wanted: as in :class:`~pipelines.reading.streams.InputFile`.
    """
    if wanted is None:
        return recognise_layout(columns, first_rows)
    own = [layout for layout in load_layouts() if layout.id == wanted]
    found = recognise_layout(columns, first_rows, own)
    if found is None and own:
        found = _read_as(own[0], columns)
    return replace(found, decided_by="it was named") if found else None


def _read_as(layout: Layout, columns: Sequence[str]) -> Recognised:
    folded = fold_columns(list(columns))
    there = {names: find_first(names, folded) for names in layout.entries}
    found = tuple(dict.fromkeys(column for column in there.values() if column))
    missing = tuple(names[0] for names, column in there.items() if column is None)
    return Recognised(layout, 0.0, found, missing)


def locate_header(rows: list[list[str]], wanted: str | None = None) -> int:
    """Find the header among the first rows: that of a known layout, else the likeliest.

    :param wanted: as in :class:`~pipelines.reading.streams.InputFile`.
    """
    likely = find_header(rows)
    layouts = None if wanted is None else [each for each in load_layouts() if each.id == wanted]
    if not rows or recognise_layout(rows[likely], rows[likely + 1 : likely + 4], layouts):
        return likely
    for position, row in enumerate(rows):
        if position != likely and recognise_layout(row, layouts=layouts):
            return position
    return likely


@dataclass(frozen=True, slots=True)
class _Signature:
    """What a layout is recognised by, ready to be compared: all names are folded.

    :param entries: alternatives for the name of each column, how much it says, and its first name.
    """

    layout: Layout
    entries: tuple[tuple[tuple[str, ...], float, str], ...]
    names: frozenset[str]
    total: float
    decides: tuple[tuple[tuple[str, ...], ...], ...]


def _judge(signature: _Signature, folded: Mapping[str, str], cells: list[str]) -> Recognised | None:
    layout = signature.layout
    is_held = layout.holds is not None and any(layout.holds in cell for cell in cells)
    if not is_held and len(signature.names & folded.keys()) < 2:
        return None
    there: dict[str, None] = {}
    missing: list[str] = []
    evidence = 0.0
    for names, weight, first in signature.entries:
        column = next((folded[name] for name in names if name in folded), None)
        if column is None:
            missing.append(first)
        else:
            there[column] = None
            evidence += weight
    explained = len(there) / (len(folded) or 1)
    decided = f"its first rows hold {layout.holds}" if is_held else _decide(signature, folded)
    if decided is None and (layout.is_common or not _is_alike(signature, evidence, explained)):
        return None
    evidence += _DECIDED if decided else 0.0
    return Recognised(layout, evidence, tuple(there), tuple(missing), decided)


def _is_alike(signature: _Signature, evidence: float, explained: float) -> bool:
    if evidence < MIN_EVIDENCE:
        return False
    is_sure = evidence >= SURE_EVIDENCE and explained >= SURE_EXPLAINED
    return is_sure or explained >= MIN_EXPLAINED or evidence >= MIN_SHARE * signature.total


def _decide(signature: _Signature, folded: Mapping[str, str]) -> str | None:
    for columns in signature.decides:
        if all(any(name in folded for name in names) for names in columns):
            return "columns that only it has"
    return None


@cache
def _sign_layouts() -> tuple[_Signature, ...]:
    layouts = load_layouts()
    counts: Counter[str] = Counter()
    for layout in layouts:
        counts.update({name for names in layout.entries for name in _fold_all(names)})
    plain = {name for role in load_vocabulary().roles.values() for name in role.names}
    weights = {
        name: (PLAIN_WEIGHT if name in plain and " " not in name else 1.0) / n
        for name, n in counts.items()
    }
    return tuple(_sign(layout, weights) for layout in layouts)


def _sign(layout: Layout, weights: Mapping[str, float]) -> _Signature:
    entries: dict[tuple[str, ...], tuple[tuple[str, ...], float, str]] = {}
    for names in layout.entries:
        folded = _fold_all(names)
        entries.setdefault(folded, (folded, max(weights[name] for name in folded), names[0]))
    decides = tuple(
        tuple(_fold_all(part_names(names)) for names in columns) for columns in layout.decides
    )
    known = {name for names in entries for name in names}
    known |= {name for columns in decides for names in columns for name in names}
    total = sum(weight for _, weight, _ in entries.values())
    return _Signature(layout, tuple(entries.values()), frozenset(known), total, decides)


def _fold_all(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(fold_name, names))
