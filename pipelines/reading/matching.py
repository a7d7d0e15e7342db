"""Rows that a layout's rules speak of, and how they are given up."""

from functools import lru_cache

from pipelines.folding import fold_name
from pipelines.reading.layout_names import find_first, fold_columns, part_names
from pipelines.reading.layout_parts import Match
from pipelines.reading.tables import HIDDEN, BadRow, Row, make_bad_row

_SHOWN_CHARS = 200


def find_name(name: str, values: dict[str, str]) -> str:
    """The name as the row writes it, of alternatives the first; itself where the row lacks it."""
    return name if name in values else _find_folded(name, tuple(values))


@lru_cache(maxsize=4_096)
def _find_folded(name: str, columns: tuple[str, ...]) -> str:
    return find_first(part_names(name), fold_columns(list(columns))) or name


def get_value(name: str, values: dict[str, str]) -> str:
    """The value under a name, however the row writes that; empty where the row lacks it."""
    return values.get(find_name(name, values), "")


def matches(row: Row, match: Match, columns: list[str]) -> bool:
    """Tell whether a row is one that a rule speaks of.

    :param columns: of the table; a column that it lacks says nothing.
    """
    if isinstance(match.column, int):
        is_there = match.column <= len(columns)
        name = columns[match.column - 1] if is_there else ""
    else:
        name = find_name(match.column, row.values)
        is_there = name in row.values or _find_folded(match.column, tuple(columns)) in columns
    if match.unless is not None and get_value(match.unless, row.values).strip():
        return False
    cell = row.values.get(name, "")
    return is_there and (says(cell, match) or _is_same(cell, row, match))


def _is_same(cell: str, row: Row, match: Match) -> bool:
    other = get_value(match.same, row.values) if match.same else ""
    return bool(other.strip()) and cell.strip() == other.strip()


def says(cell: str, match: Match) -> bool:
    """Tell whether a cell holds what a rule looks for."""
    plain = cell.strip().casefold()
    if plain in (value.casefold() for value in match.equals):
        return True
    if match.begins and plain.startswith(tuple(value.casefold() for value in match.begins)):
        return True
    padded = f" {' '.join(fold_name(plain[:_SHOWN_CHARS]).split())} " if match.has else ""
    return any(f" {fold_name(word)} " in padded for word in match.has)


def reject_row(row: Row, reason: str, personal: frozenset[str]) -> BadRow:
    """Give a row up; what names a person is hidden, the rest is masked later.

    :param personal: columns that say who somebody is.
    """
    shown = "; ".join(
        f"{name}={HIDDEN if name in personal else value[:_SHOWN_CHARS]}"
        for name, value in row.values.items()
        if value
    )
    return make_bad_row(row.number, reason, shown)
