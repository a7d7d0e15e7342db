"""What every reader yields: tables of rows whose values are all text."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from nlp.noise import Reason
from pipelines.errors import InputError
from pipelines.reading.cutting import RowSource
from pipelines.reading.layouts import Recognised

MAX_COLUMNS = 16_384
"""Excel's own limit; wider tables are taken for a mistake."""
MAX_CELL_CHARS = 2_000_000
"""Longer than any comment, short enough to hold many rows in memory."""
_RAW_CHARS = 2_000
HIDDEN = "<HIDDEN>"
"""Stands for a value of a column that names a person, where a row that is not used is kept."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record.

    :param number: where a person finds it: in text tables and sheets the row as a spreadsheet
        shows it (the header of a plain CSV is row 1, blank lines count, a record with line
        breaks counts once); in JSON lines the line; in other JSON and Parquet the 1-based record.
    :param values: text by column. Read with `values.get(column, "")`: an absent key, null and an
        empty cell mean the same. JSON rows may hold keys beyond the table's columns.
    :param has_lost_bytes: True where bytes could not be decoded and stand as U+FFFD.
    :param noise: why it should not count, where its layout says so.
    """

    number: int
    values: dict[str, str]
    has_lost_bytes: bool = False
    noise: Reason | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A record that cannot be used.

    :param number: as in :class:`Row`.
    :param reason: one of :data:`REASONS`.
    :param raw: its beginning, up to 2,000 characters, as written: it may hold personal data.
    :param keys: whom it names, by key type, as written; never stored.
    :param said: what they allow and refuse in it, as :mod:`pipelines.reading.consents` names it.
    :param said_at: when; None where it is not known.
    """

    number: int
    reason: str
    raw: str
    keys: tuple[tuple[str, str], ...] = field(default=(), repr=False, compare=False)
    said: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    said_at: datetime | None = field(default=None, repr=False, compare=False)


REASONS = {
    "no_text": "no column that holds feedback has any text in this row",
    "too_many_cells": "more cells than the header has columns",
    "cell_too_long": f"a cell of more than {MAX_CELL_CHARS:,} characters",
    "unbalanced_quote": "a quotation mark that opens a cell and is never closed",
    "broken_json": "not valid JSON",
    "not_an_object": "valid JSON, but not an object with names and values",
    "damaged_file": "the file cannot be unpacked from here on; the rows before are kept",
    "no_customer": "no customer id, e-mail, phone or handle in this row",
    "no_date": "an event without a date that can be read",
    "deleted": "deleted or removed at its source: its words are gone",
    "footer": "a total or notice below the rows of a report",
    "company_only": "the company speaks here, and no customer beside it",
    "repeated_header": "the header again, as where exports were put one after another",
    "not_a_record": "a part of the export that describes it, and no record",
}
"""Each reason that a reader gives, in words."""


@dataclass(slots=True)
class Table:
    """One table of a file; its rows can be taken once, in file order.

    :param file: display name of the file (:class:`~pipelines.reading.streams.InputFile`).
    :param sheet: name of the sheet, for workbooks with several tables.
    :param columns: names, unique, in order.
    :param format: csv, tsv, text, xlsx, json, jsonl, parquet ...
    :param encoding: of text formats.
    :param delimiter: of delimited formats, None where every line is one cell.
    :param notes: what the reader decided and a person may want to know.
    :param header: the names as written, blank ones too, where they were made unique.
    :param labels: by column what a survey asked there, where its header says so.
    :param closed: columns that the header says hold no free text.
    :param fields: those of them that may be fields of a form.
    :param zone: time zone of dates that name none, where the file says so.
    :param recognised: the layout that it has, if a known one.
    :param source: where the rows come from, one for each; None where the file cannot be cut.
    """

    file: str
    columns: list[str]
    rows: Iterator[Row | BadRow]
    format: str
    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    notes: list[str] = field(default_factory=list)
    header: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    zone: str | None = None
    recognised: Recognised | None = None
    source: RowSource | None = None


def check_width(file: str, n_columns: int) -> None:
    """Refuse tables that are too wide.

    :param n_columns: those met so far; a wide header is not read to its end, so none is told.
    :raises InputError: for more than 16,384 columns.
    """
    if n_columns > MAX_COLUMNS:
        raise InputError(
            f"{file} has more than {MAX_COLUMNS:,} columns, the most that earful reads. "
            "Export fewer, or look whether it is separated and nested as it should be"
        )


def is_too_long(values: Mapping[str, str]) -> bool:
    """Tell whether a cell is longer than any comment."""
    return any(len(value) > MAX_CELL_CHARS for value in values.values())


def make_bad_row(number: int, reason: str, raw: str) -> BadRow:
    """Keep the beginning of what could not be used."""
    return BadRow(number, reason, raw[:_RAW_CHARS])


def name_columns(header: list[str]) -> list[str]:
    """Make names unique and present: `Q1`, `Q1 (2)`, `column 3`."""
    taken: set[str] = set()
    names = []
    for position, cell in enumerate(header, 1):
        base = " ".join(cell.replace("\ufeff", "").split()) or f"column {position}"
        name, n_times = base, 1
        while name in taken:
            n_times += 1
            name = f"{base} ({n_times})"
        taken.add(name)
        names.append(name)
    return names


def find_header(rows: list[list[str]]) -> int:
    """Find the header among the first rows: the first that is about as full as the fullest.

    Titles and dates of export, which often stand above it, fill one or two cells.
    """
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    enough = max(2, max(filled, default=0) / 2)
    for position, n_filled in enumerate(filled):
        if n_filled >= enough:
            return position
    return next((position for position, n_filled in enumerate(filled) if n_filled), 0)
