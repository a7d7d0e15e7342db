"""Headers of several rows, as survey tools write them, made into names and questions."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pipelines.folding import fold_name
from pipelines.reading.layout_names import find_first, fold_columns
from pipelines.reading.layout_parts import Header
from pipelines.reading.tables import BadRow, Row, Table, make_bad_row, name_columns

# One name alone may be what somebody says.
_MIN_NAMES = 2


@dataclass(slots=True)
class _Parts:
    """The rows of a header, each as long as there are columns."""

    rows: list[list[str]]
    header: Header
    labels: list[str] = field(default_factory=list)

    def cell(self, row: int, column: int) -> str:
        """The text of one cell, `row` from 1."""
        return " ".join(self.rows[row - 1][column].split()) if row <= len(self.rows) else ""


def join_header(table: Table, header: Header) -> None:
    """Take the further rows of the header off the table's rows, and rename its columns by them."""
    further = _take_rows(table, header)
    if not further:
        return
    own = [table.header or table.columns, *further]
    parts = _Parts([_pad(row, len(table.columns)) for row in own], header)
    if header.zone:
        table.zone = _find_zone(parts.rows[-1], header.zone)
    names = _fill_names(parts) if header.fill else parts.rows[header.names - 1]
    columns = name_columns([name.replace("\ufeff", "") for name in names])
    table.labels = _label(columns, parts)
    table.closed = _find_columns(columns, parts.rows[-1], header.closed)
    table.fields = table.closed & _find_columns(columns, parts.rows[-1], header.fields)
    _rename(table, columns)


def _find_columns(columns: list[str], cells: list[str], pattern: str | None) -> frozenset[str]:
    """The columns whose cell in a row of the header a pattern is found in."""
    if pattern is None:
        return frozenset()
    pairs = zip(columns, cells, strict=True)
    return frozenset(column for column, cell in pairs if re.search(pattern, cell))


def reject_headers(table: Table, n_rows: int) -> None:
    """Give up rows that are the header again, each with the further rows of a header of several."""
    names = [" ".join(name.replace("\ufeff", "").split()) for name in table.header]
    if sum(map(bool, names)) >= _MIN_NAMES:
        table.rows = _reject_repeated(table.rows, names, n_rows)


def _reject_repeated(
    rows: Iterator[Row | BadRow], names: list[str], n_rows: int
) -> Iterator[Row | BadRow]:
    n_left = 0
    for row in rows:
        if isinstance(row, Row) and _is_repeated(row, names):
            n_left = n_rows
        if n_left and isinstance(row, Row):
            yield make_bad_row(row.number, "repeated_header", "; ".join(row.values.values()))
        else:
            yield row
        n_left = max(0, n_left - 1)


def _is_repeated(row: Row, names: list[str]) -> bool:
    # Nearly all rows differ in their first cell.
    cells = row.values.values()
    return len(cells) == len(names) and all(
        " ".join(cell.split()) == name for cell, name in zip(cells, names, strict=True)
    )


def _take_rows(table: Table, header: Header) -> list[list[str]]:
    taken: list[Row | BadRow] = list(itertools.islice(table.rows, header.rows - 1))
    cells = [
        [row.values.get(column, "") for column in table.columns]
        for row in taken
        if isinstance(row, Row)
    ]
    if len(cells) == header.rows - 1 and _is_header(cells, table, header):
        return cells
    table.rows = itertools.chain(taken, table.rows)
    return []


def _is_header(cells: list[list[str]], table: Table, header: Header) -> bool:
    if not cells:
        return False
    if header.confirm is not None:
        return any(header.confirm in cell for cell in cells[-1])
    if header.blank_under is None:
        return True
    column = find_first((header.blank_under,), fold_columns(table.columns))
    return column is not None and not any(row[table.columns.index(column)].strip() for row in cells)


def _fill_names(parts: _Parts) -> list[str]:
    """Each question before the options of its columns; both also make the label."""
    plain = {fold_name(word) for word in parts.header.plain}
    names: list[str] = []
    question = ""
    for column in range(len(parts.rows[0])):
        own, option = parts.cell(1, column), parts.cell(2, column)
        question = own or (question if option else "")
        told = "" if fold_name(option) in plain else option
        names.append(f"{question} - {told}" if told and question else question or told)
        parts.labels.append(names[-1] if option else "")
    return names


def _label(columns: list[str], parts: _Parts) -> dict[str, str]:
    row = parts.header.labels
    labels = parts.labels or [
        parts.cell(row, column) if row else "" for column in range(len(columns))
    ]
    return {column: label for column, label in zip(columns, labels, strict=True) if label}


def _rename(table: Table, columns: list[str]) -> None:
    names = dict(zip(table.columns, columns, strict=True))
    rows = table.rows

    def renamed() -> Iterator[Row | BadRow]:
        for row in rows:
            if isinstance(row, BadRow) or names.keys() == {*names.values()}:
                yield row
            else:
                values = {names.get(name, name): value for name, value in row.values.items()}
                yield Row(row.number, values, row.has_lost_bytes, row.noise)

    table.columns, table.rows = columns, renamed()


def _find_zone(cells: Sequence[str], pattern: str) -> str | None:
    found = (re.search(pattern, cell) for cell in cells)
    return next((match[1] for match in found if match), None)


def _pad(row: list[str], n_columns: int) -> list[str]:
    return (row + [""] * n_columns)[:n_columns]
