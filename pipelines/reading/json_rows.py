"""JSON in the forms that exports take: lines, arrays, objects in a row, a list in an object."""

import io
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from pipelines.errors import InputError
from pipelines.reading.answers import spread_answers
from pipelines.reading.cutting import Cursor, RowSource, is_cuttable
from pipelines.reading.encodings import Encoding, detect_encoding, read_head
from pipelines.reading.flattening import flatten_record
from pipelines.reading.json_places import Place, find_records, is_object
from pipelines.reading.json_streams import read_lines, read_stream
from pipelines.reading.streams import InputFile
from pipelines.reading.tables import (
    MAX_CELL_CHARS,
    BadRow,
    Row,
    Table,
    check_width,
    is_too_long,
    make_bad_row,
)
from pipelines.reading.turning import read_whole_table

_HEAD_CHARS = 4 * 2**20
_SAMPLE_RECORDS = 1_000
Unfold = Callable[[dict[str, Any]], list[dict[str, Any]]]


def open_json(
    file: InputFile,
    encoding: str | None = None,
    unfold: Unfold | None = None,
    *,
    is_whole: bool = False,
) -> Table | None:
    """Open JSON of any of the usual forms.

    Nested objects become dotted columns (`author.name`), lists of plain values are joined with
    "; ", lists of questions with answers become a column each, other lists stay JSON text, null is
    absent, numbers stay as written.

    :param unfold: takes each object apart into the records that it holds.
    :param is_whole: hand a small file that is one object to `unfold` as one, and not only the
        list in it.
    :returns: the table, or None where there is nothing but white space.
    :raises InputError: where the file holds no objects at all.
    """
    found = Encoding(encoding) if encoding else _detect(file)
    with file.open() as stream:
        head = read_head(io.TextIOWrapper(stream, found.name, errors="replace"), _HEAD_CHARS)
    if not head.strip("\ufeff \r\n\t"):
        return None
    place = find_records(head, file)
    if is_whole and place.form == "list" and len(head) < _HEAD_CHARS and is_object(head):
        place = Place("whole", len(head) - len(head.lstrip("\ufeff \r\n\t")))
    whole = None
    if unfold is None and place.form in ("stream", "list"):
        whole = read_whole_table(file, found.name, head, has_list=place.form == "list")
    rows: Iterator[Row | BadRow]
    if whole is not None:
        place = Place("whole")
        rows = _make_whole(whole)
    else:
        rows = source = RowSource(partial(_read_rows, file, found.name, place, unfold))
    first = list(itertools.islice(rows, _SAMPLE_RECORDS))
    if not first:
        return None
    columns: dict[str, None] = {}
    for row in first:
        if isinstance(row, Row):
            columns.update(dict.fromkeys(row.values))
    if first and not columns and not any(isinstance(row, Row) for row in first):
        reasons = {row.reason for row in first if isinstance(row, BadRow)}
        if reasons == {"broken_json"}:
            raise InputError(f"{file.name} is not valid JSON; export it again")
        if reasons == {"not_an_object"}:
            raise InputError(f"{file.name} holds no JSON objects; earful reads objects with names")
    check_width(file.name, len(columns))
    form = "jsonl" if place.form == "jsonl" else "json"
    table = Table(file.name, list(columns), itertools.chain(first, rows), form, encoding=found.name)
    if place.form == "jsonl" and unfold is None:  # else a record may give several rows
        table.source = source
    table.notes += found.list_notes()
    if place.path:
        table.notes.append(f"the records are taken from the list {place.path!r}")
    table.notes += [f"another list was not read: {path!r}" for path in place.others]
    return table


def _detect(file: InputFile) -> Encoding:
    with file.open() as stream:
        return detect_encoding(stream)


def sniff_records(file: InputFile, n_records: int) -> list[dict[str, Any]]:
    """The first objects of a file, as they are; none where it holds none.

    A small file that is one object gives that object, not the list in it.
    """
    found: list[dict[str, Any]] = []

    def keep(record: dict[str, Any]) -> list[dict[str, Any]]:
        found.append(record)
        return [record]

    try:
        table = open_json(file, unfold=keep, is_whole=True)
    except InputError:
        return []
    return found[:n_records] if table is not None else []


def _read_rows(
    file: InputFile, encoding: str, place: Place, unfold: Unfold | None, cursor: Cursor
) -> Iterator[Row | BadRow]:
    with file.open() as stream:
        text = io.TextIOWrapper(stream, encoding, errors="replace")
        number = cursor.begin(text)
        if place.form == "jsonl":
            records = read_lines(text, number)
            if is_cuttable(text):
                cursor.tell = lambda: (text.tell(), number)
        else:
            text.read(place.start)
            records = read_stream(text)
        for record in records:
            number = record.number if isinstance(record, BadRow) else record[0]
            if isinstance(record, BadRow):
                yield record
                continue
            rows = _make_rows(*record, unfold)
            if place.form == "whole":
                rows = (replace(row, number=number) for number, row in enumerate(rows, 1))
            yield from rows


def _make_whole(records: list[dict[str, Any]]) -> Iterator[Row | BadRow]:
    for number, record in enumerate(records, 1):
        yield from _make_rows(number, record, json.dumps(record, ensure_ascii=False), None)


def _unfold_plain(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [spread_answers(record)]


def _make_rows(number: int, record: Any, raw: str, unfold: Unfold | None) -> Iterator[Row | BadRow]:
    if not isinstance(record, dict):
        yield make_bad_row(number, "not_an_object", raw)
        return
    try:
        flat = [flatten_record(each) for each in (unfold or _unfold_plain)(record)]
    except RecursionError:
        yield make_bad_row(number, "broken_json", raw)
        return
    for values in flat:
        if len(raw) > MAX_CELL_CHARS and is_too_long(values):
            yield make_bad_row(number, "cell_too_long", raw)
        else:
            yield Row(number, values, "\ufffd" in raw)
