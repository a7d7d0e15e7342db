"""A table as its layout means it: recognised, header joined, rows changed by the layout's rules."""

import itertools
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from pipelines.reading.flattening import flatten_record
from pipelines.reading.headers import join_header, reject_headers
from pipelines.reading.json_rows import open_json, sniff_records
from pipelines.reading.layouts import Layout, Recognised, load_layouts
from pipelines.reading.recognising import choose_layout, recognise_layout
from pipelines.reading.row_rules import apply_rules
from pipelines.reading.streams import NO_LAYOUT, InputFile
from pipelines.reading.tables import Row, Table
from pipelines.reading.unfolding import is_empty_page, unfold_record

_FIRST_ROWS = 4
_N_RECORDS = 200


def shape_table(table: Table, wanted: str | None = None) -> Table:
    """Recognise the layout of a table and give it its shape; others stay as they are.

    :param wanted: as in :class:`~pipelines.reading.streams.InputFile`.
    """
    if table.recognised is None:
        first = list(itertools.islice(table.rows, _FIRST_ROWS))
        table.rows = itertools.chain(first, table.rows)
        cells = [row.values.values() for row in first if isinstance(row, Row)]
        table.recognised = choose_layout(wanted, table.columns, cells)
    layout = table.recognised.layout if table.recognised else None
    if layout is not None and layout.header.rows > 1:
        join_header(table, layout.header)
    reject_headers(table, layout.header.rows if layout else 1)
    if layout is not None:
        apply_rules(table, layout)
        table.zone = table.zone or layout.zone
    return table


def open_known_json(file: InputFile, encoding: str | None = None) -> Table | None:
    """Open JSON; where a known layout says that its records lie deeper, those are its rows."""
    if file.layout != NO_LAYOUT and (empty := _open_empty(file)) is not None:
        return empty
    plain = open_json(file, encoding)
    if file.layout == NO_LAYOUT:
        return plain
    best = max(_recognise_unfolded(file), key=_rate, default=None)
    if plain is None or best is None:
        return plain
    others = [layout for layout in load_layouts() if not layout.unfolds]
    rival = recognise_layout(plain.columns, layouts=others)
    if file.layout is None and rival is not None and rival.evidence > best.evidence:
        return plain
    unfold = partial(unfold_record, layout=best.layout)
    table = open_json(file, encoding, unfold, is_whole=_needs_whole(best.layout))
    if table is not None:
        table.recognised = best
    return table


def _open_empty(file: InputFile) -> Table | None:
    """A table without rows, where all of the file is a page of a known layout without records."""
    pages = sniff_records(file, _N_RECORDS)
    for layout in load_layouts():
        is_wanted = file.layout in (None, layout.id)
        if is_wanted and pages and all(is_empty_page(page, layout) for page in pages):
            columns = [names[0] for role in layout.roles for names in layout.names_of(role)]
            found = Recognised(layout, 0.0, (), tuple(columns), "it is a page without records")
            return Table(file.name, columns, iter(()), "json", recognised=found)
    return None


def _rate(found: Recognised) -> tuple[float, str]:
    return found.evidence, found.layout.id


def _needs_whole(layout: Layout) -> bool:
    """Whether what stands beside a list in an object is needed, or there may be no list."""
    return bool(layout.join or layout.records)


def _recognise_unfolded(file: InputFile) -> Iterator[Recognised]:
    """What each layout with records of its own sees in the first of them."""
    records = sniff_records(file, _N_RECORDS)
    for layout in load_layouts():
        if not layout.unfolds or file.layout not in (None, layout.id):
            continue
        columns: dict[str, None] = {}
        for record in records:
            with suppress(RecursionError):
                for each in unfold_record(record, layout):
                    columns.update(dict.fromkeys(flatten_record(each)))
        found = recognise_layout(list(columns), layouts=[layout])
        if file.layout is not None:
            found = choose_layout(file.layout, list(columns))
        if found is not None:
            yield found
