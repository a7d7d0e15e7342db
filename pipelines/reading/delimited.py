"""Delimited text (CSV, TSV, semicolons, pipes) and plain lines, read record by record."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from pipelines.errors import InputError
from pipelines.reading.cutting import Cursor, RowSource, is_cuttable
from pipelines.reading.encodings import Encoding, detect_encoding, read_head
from pipelines.reading.recognising import locate_header
from pipelines.reading.streams import InputFile
from pipelines.reading.tables import (
    MAX_CELL_CHARS,
    BadRow,
    Row,
    Table,
    check_width,
    find_header,
    make_bad_row,
    name_columns,
)

MAX_LINE_CHARS = 8 * 2**20
MAX_RECORD_CHARS = 8 * 2**20
MAX_RECORD_LINES = 50_000
_SAMPLE_CHARS = 2**18
_SAMPLE_RECORDS = 200
_HEADER_ROWS = 20
_DELIMITERS = ",\t;|^"
_CONTROL = re.compile(r"[\x01-\x06\x0e-\x1a\x7f]")
_NO_DELIMITER = "\x1f"
_FORMATS = {",": "csv", "\t": "tsv", ";": "csv", "|": "csv", None: "text"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells are told apart: delimiter None is one cell a line; escape a backslash or None."""

    delimiter: str | None
    escape: str | None = None


def open_delimited(
    file: InputFile, encoding: str | None = None, delimiter: str | None = None
) -> Table | None:
    """Open a text table.

    :param encoding: a Python codec, where the detection is wrong.
    :param delimiter: one character, where the detection is wrong.
    :returns: the table, or None where the file holds white space only.
    :raises InputError: for unreadable files and those with more than 16,384 columns.
    """
    found = Encoding(encoding) if encoding else _detect(file)
    with file.open() as stream:
        text = io.TextIOWrapper(stream, found.name, errors="replace", newline="")
        sample = _read_sample(text)
    if not sample.strip("\ufeff\r\n\t ,;|"):
        return None
    if not found.is_certain and _is_binary(sample):
        raise InputError(
            f"{file.name} is not text but binary data, whatever its ending says; export it as CSV"
        )
    is_headed, hint = _split_hint(sample)
    dialect = Dialect(delimiter) if delimiter else hint or sniff_dialect(sample)
    if dialect.delimiter is None and file.ending == "txt":
        rows = _read_lines(file, found.name)
        return Table(file.name, ["text"], rows, "text", encoding=found.name)
    n_skipped = 1 if is_headed else 0
    n_preamble, header = _read_header(file, sample, dialect, n_skipped)
    columns = name_columns(header)
    n_before = n_skipped + n_preamble
    source = RowSource(partial(_read_rows, file, found.name, dialect, columns, n_before))
    table = Table(
        file.name,
        columns,
        source,
        _FORMATS.get(dialect.delimiter, "csv"),
        encoding=found.name,
        delimiter=dialect.delimiter,
        header=header,
        source=source,
    )
    table.notes = _note(found, n_preamble)
    return table


def sniff_dialect(sample: str) -> Dialect:
    """Choose the delimiter under which most records have as many cells as the header.

    Ties go to the one that gives more columns. A file without any delimiter is one column.
    """
    escapes = (None, "\\") if '\\"' in sample else (None,)
    best: tuple[float, int, Dialect] = (0.0, 0, Dialect(None))
    for escape in escapes:
        for delimiter in _DELIMITERS:
            dialect = Dialect(delimiter, escape)
            share, n_columns = _rate_dialect(_count_cells(sample, dialect))
            if (share, n_columns) > best[:2]:
                best = (share, n_columns, dialect)
    return best[2]


def _rate_dialect(counts: list[int]) -> tuple[float, int]:
    position = find_header([["x"] * n for n in counts[:_HEADER_ROWS]])
    n_columns = counts[position]
    below = counts[position:]
    share = round(sum(n == n_columns for n in below) / len(below), 2)
    # Commas in free text agree on a number of "columns" by chance, more so in few lines.
    needed = 0.3 if position == 0 and n_columns > 2 else 0.5 if position == 0 else 0.8
    is_chance = share < needed or (position > 0 and len(below) < 3)
    if n_columns < 2 or is_chance:
        return 0.0, 0
    return share - (0.15 if position else 0.0), n_columns


def _detect(file: InputFile) -> Encoding:
    with file.open() as stream:
        return detect_encoding(stream)


def _read_sample(text: io.TextIOWrapper) -> str:
    sample = read_head(text, _SAMPLE_CHARS)
    cut = max(sample.rfind("\n"), sample.rfind("\r"))
    # The last line of a full sample is probably cut; a longer first line is judged as it is.
    return sample[: cut + 1] if len(sample) == _SAMPLE_CHARS and cut > 0 else sample


def _is_binary(sample: str) -> bool:
    # A tenth of random bytes are control characters; texts have none but zeros, 28-31 part cells.
    n_control = len(_CONTROL.findall(sample[:4_096]))
    return n_control > max(4, len(sample[:4_096]) / 50)


def _split_hint(sample: str) -> tuple[bool, Dialect | None]:
    first = sample.lstrip("\ufeff").splitlines()[0].strip().strip('"') if sample.strip() else ""
    if first.lower().startswith("sep=") and len(first) == 5:  # Excel's own hint
        return True, Dialect(first[4])
    return (True, Dialect("\t")) if first.lower() == "sep=" else (False, None)


def _count_cells(sample: str, dialect: Dialect) -> list[int]:
    counts: list[int] = []
    for cells in _make_reader(iter(io.StringIO(sample, newline="")), dialect):
        if any(cells):
            counts.append(len(cells))
        if len(counts) >= _SAMPLE_RECORDS:
            break
    return counts or [0]


def _make_reader(
    lines: Iterator[str], dialect: Dialect, *, strict: bool = False
) -> Iterator[list[str]]:
    csv.field_size_limit(MAX_RECORD_CHARS + MAX_LINE_CHARS)
    return csv.reader(
        lines,
        delimiter=dialect.delimiter or _NO_DELIMITER,
        escapechar=dialect.escape,
        strict=strict,
    )


def _read_header(
    file: InputFile, sample: str, dialect: Dialect, n_skipped: int
) -> tuple[int, list[str]]:
    n_columns = sample.split("\n", 1)[0].count(dialect.delimiter or _NO_DELIMITER) + 1
    check_width(file.name, n_columns)
    rows: list[list[str]] = []
    for cells in _make_reader(iter(io.StringIO(sample, newline="")), dialect):
        rows.append([cell.lstrip("\ufeff") for cell in cells])
        if len(rows) >= _HEADER_ROWS + n_skipped:
            break
    rows = rows[n_skipped:]
    position = locate_header(rows, file.layout)
    return position, rows[position] if rows else []


def _note(encoding: Encoding, n_preamble: int) -> list[str]:
    notes = encoding.list_notes()
    if n_preamble:
        lines = "line" if n_preamble == 1 else "lines"
        notes.append(f"passed over {n_preamble} {lines} above the header")
    return notes


class _RecordTooLongError(Exception):
    """A record ran over the limits; what it had read is in the line source."""


class _Lines:
    """Lines of a text stream; remembers those of the current record and can take them back."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._readline = text.readline
        self._returned: list[str] = []
        self.taken: list[str] = []
        self._n_chars = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._returned.pop() if self._returned else self._readline(MAX_LINE_CHARS)
        if not line:
            raise StopIteration
        self.taken.append(line)
        self._n_chars += len(line)
        if self._n_chars >= MAX_RECORD_CHARS or len(self.taken) > MAX_RECORD_LINES:
            raise _RecordTooLongError
        return line

    @property
    def is_at_stream(self) -> bool:
        """Whether the next line is the stream's, and not one that was taken back."""
        return not self._returned

    def start_record(self) -> None:
        """Forget the lines of the record before."""
        self.taken.clear()
        self._n_chars = 0

    def keep_first(self) -> str:
        """Give all lines of the record back except the first, which is returned."""
        first, *rest = self.taken
        self._returned.extend(reversed(rest))
        self.start_record()
        return first

    def skip_record(self, dialect: Dialect) -> None:
        """Read on to the end of a record of any length without keeping it."""
        joined = "".join(self.taken)
        is_quoted = joined.count('"') % 2 == 1
        last = self.taken[-1]
        self.start_record()
        while is_quoted or not last.endswith(("\n", "\r")):
            last = self._returned.pop() if self._returned else self._readline(MAX_LINE_CHARS)
            if not last:
                return
            is_quoted ^= last.count('"') % 2 == 1


def _read_lines(file: InputFile, encoding: str) -> Iterator[Row | BadRow]:
    with file.open() as stream:
        text = io.TextIOWrapper(stream, encoding, errors="replace", newline="")
        number = 0
        while line := text.readline(MAX_CELL_CHARS):
            number += 1
            if len(line) >= MAX_CELL_CHARS:
                yield make_bad_row(number, "cell_too_long", line)
                while line and not line.endswith(("\n", "\r")):
                    line = text.readline(MAX_LINE_CHARS)
            elif value := line.strip("\ufeff\r\n"):
                yield Row(number, {"text": value}, "\ufffd" in value)


def _read_rows(
    file: InputFile,
    encoding: str,
    dialect: Dialect,
    columns: list[str],
    n_before: int,
    cursor: Cursor,
) -> Iterator[Row | BadRow]:
    with file.open() as stream:
        text = io.TextIOWrapper(stream, encoding, errors="replace", newline="")
        number = n_passed = cursor.begin(text)
        lines = _Lines(text)
        if is_cuttable(text):
            cursor.tell = lambda: (text.tell(), number) if lines.is_at_stream else None
        records = _read_records(lines, dialect, len(columns))
        for number, record in enumerate(records, n_passed + 1):
            if number <= n_before + 1 or record == []:
                continue
            if isinstance(record, tuple):
                yield make_bad_row(number, *record)
            else:
                yield _make_row(number, record, columns)


def _make_row(number: int, cells: list[str], columns: list[str]) -> Row | BadRow:
    if len(cells) > len(columns) and any(cells[len(columns) :]):
        return make_bad_row(number, "too_many_cells", "\t".join(cells))
    joined = "".join(cells)
    if len(joined) > MAX_CELL_CHARS and max(map(len, cells)) > MAX_CELL_CHARS:
        return make_bad_row(number, "cell_too_long", "\t".join(cell[:100] for cell in cells))
    if joined.startswith("\ufeff"):  # where a file was put behind another
        cells = [cells[0].lstrip("\ufeff"), *cells[1:]]
    values = dict(zip(columns, cells, strict=False))
    return Row(number, values, "\ufffd" in joined)


def _read_records(
    lines: _Lines, dialect: Dialect, n_columns: int
) -> Iterator[list[str] | tuple[str, str]]:
    """Yield the cells of each record, [] for a blank line, or (reason, raw) for a bad one.

    A quotation mark that is never closed would swallow the rows after it; where a record of
    several lines does not look like one, only its first line is given up.
    """
    reader = _make_reader(lines, dialect)
    while True:
        lines.start_record()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (_RecordTooLongError, csv.Error):
            if len(lines.taken) > 1 and _is_stray_quote(lines.taken, dialect, n_columns):
                yield "unbalanced_quote", lines.keep_first()
            else:
                yield "cell_too_long", lines.taken[0]
                lines.skip_record(dialect)
            reader = _make_reader(lines, dialect)
            continue
        is_odd = len(cells) != n_columns and '"' in lines.taken[0]
        if (is_odd or len(lines.taken) > 1) and _is_broken(lines.taken, cells, dialect, n_columns):
            if len(lines.taken) > 1 and _is_stray_quote(lines.taken, dialect, n_columns):
                yield "unbalanced_quote", lines.keep_first()
                reader = _make_reader(lines, dialect)
            else:
                yield "unbalanced_quote", "".join(lines.taken)
            continue
        yield cells if any(cells) else []


def _is_broken(lines: list[str], cells: list[str], dialect: Dialect, n_columns: int) -> bool:
    try:
        strict = list(_make_reader(iter(lines), dialect, strict=True))
    except csv.Error as error:
        return len(cells) != n_columns or "end of data" in str(error)
    return len(strict) != 1


def _is_stray_quote(lines: list[str], dialect: Dialect, n_columns: int) -> bool:
    # The lines after a stray quote are records of their own; those of a long cell are not.
    following = lines[1:201]
    counts = [len(cells) for cells in _make_reader(iter(following), dialect) if cells]
    return n_columns > 1 and sum(n == n_columns for n in counts) * 2 >= len(counts) > 0
