"""JSON in the forms that exports take: lines, arrays, objects in a row, a list in an object."""

import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pipelines.errors import InputError
from pipelines.reading.encodings import Encoding, detect_encoding, read_head
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

MAX_RECORD_CHARS = 8 * 2**20
_HEAD_CHARS = 4 * 2**20
_BLOCK_CHARS = 2**17
_SAMPLE_RECORDS = 1_000
# Lists that hold the records, when an object has several; otherwise the longest one does.
_LIST_NAMES = (
    *("data", "reviews", "feedback", "responses", "comments", "results", "items", "records"),
    *("rows", "tickets", "conversations", "surveys", "entries", "entry", "customers", "events"),
    *("contacts", "orders", "posts", "children"),
)
# Numbers stay as written: 0042 is not JSON, but 4.0, 1e3 and 20-digit ids are.
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
_LENIENT = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, strict=False)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the records are: form is jsonl, stream (also arrays), list (in an object) or whole.

    :param start: in characters.
    """

    form: str
    start: int = 0
    path: str = ""
    others: tuple[str, ...] = ()


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
    "; ", other lists stay JSON text, null is absent, numbers stay as written.

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
    layout = _find_layout(head, file)
    if is_whole and layout.form == "list" and len(head) < _HEAD_CHARS and _is_object(head):
        layout = _Layout("whole", len(head) - len(head.lstrip("\ufeff \r\n\t")))
    rows = _read_rows(file, found.name, layout, unfold)
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
    form = "jsonl" if layout.form == "jsonl" else "json"
    table = Table(file.name, list(columns), itertools.chain(first, rows), form, encoding=found.name)
    table.notes += found.list_notes()
    if layout.path:
        table.notes.append(f"the records are taken from the list {layout.path!r}")
    table.notes += [f"another list was not read: {path!r}" for path in layout.others]
    return table


def flatten_record(record: dict[str, Any]) -> dict[str, str]:
    """Turn a nested record into text by dotted name; see :func:`open_json`."""
    values: dict[str, str] = {}
    _flatten_into(values, "", record)
    return values


def _flatten_into(values: dict[str, str], prefix: str, record: dict[str, Any]) -> None:
    for key, value in record.items():
        name = f"{prefix}{key}" or "column"
        if isinstance(value, dict):
            _flatten_into(values, f"{name}.", value)
        elif value is not None:
            while name in values:  # {"a.b": 1, "a": {"b": 2}}
                name += " (2)"
            values[name] = _to_text(value)


def _to_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        if any(isinstance(item, dict | list | tuple) for item in value):
            return json.dumps(value, ensure_ascii=False, default=_to_text)
        return "; ".join(_to_text(item) for item in value if item is not None)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if hasattr(value, "isoformat"):
        return str(
            value.isoformat(sep=" ")
            if hasattr(value, "hour") and hasattr(value, "year")
            else value.isoformat()
        )
    return str(value)


def _detect(file: InputFile) -> Encoding:
    with file.open() as stream:
        return detect_encoding(stream)


def _find_layout(head: str, file: InputFile) -> _Layout:
    text = head.lstrip("\ufeff \r\n\t")
    start = len(head) - len(text)
    if text.startswith("["):
        return _Layout("stream", start + 1)
    lines = [line for line in text.split("\n", 50)[:50] if line.strip()]
    complete = [_is_object(line) for line in lines]
    if (
        sum(complete) >= 2
        or (complete[0] and len(lines) == 2)
        or file.ending in ("jsonl", "ndjson")
    ):
        return _Layout("jsonl")
    if not text.startswith("{"):
        raise InputError(f"{file.name} holds no JSON objects; earful reads objects with names")
    try:
        _, end = _LENIENT.raw_decode(text)
        if text[end:].lstrip(" \r\n\t,").startswith("{"):
            return _Layout("stream", start)
    except (ValueError, RecursionError):
        pass
    return _find_list(text, start)


def _is_object(line: str) -> bool:
    try:
        return isinstance(_LENIENT.decode(line.strip("\ufeff\r\n\t ")), dict)
    except (ValueError, RecursionError):
        return False


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]', re.DOTALL)


def _find_list(text: str, start: int) -> _Layout:
    """Walk the tokens of the first megabytes and choose among the lists of objects."""
    names: list[str] = []  # of the open containers
    kinds = ""  # their opening brackets
    key = last = ""
    lists: dict[str, list[int]] = {}  # path -> [position after the bracket, number of objects]
    for match in _TOKEN.finditer(text):
        mark = match.group()
        if mark in "{[":
            if mark == "{" and kinds.endswith("[") and kinds.count("[") == 1:
                lists[_join(names)][1] += 1
            elif mark == "[" and "[" not in kinds:
                lists.setdefault(_join([*names, key]), [match.end(), 0])
            names.append(key)
            kinds += mark
        elif mark in "}]":
            if len(kinds) <= 1:
                break
            kinds = kinds[:-1]
            names.pop()
        elif mark == ":" and last.startswith('"') and kinds.endswith("{"):
            key, last = last[1:-1], mark
            continue
        if not mark.startswith('"'):
            key = ""
        last = mark
    full = {path: found for path, found in lists.items() if found[1]}
    if not full:
        empty = [path for path in lists if _rank(path) < len(_LIST_NAMES)]
        is_list = bool(empty) and text[lists[empty[0]][0] :].lstrip().startswith("]")
        return _Layout("list", start + lists[empty[0]][0]) if is_list else _Layout("stream", start)
    best = min(full, key=lambda path: (_rank(path), -full[path][1], path))
    others = tuple(path for path in full if path != best)
    return _Layout("list", start + full[best][0], best, others)


def _join(names: list[str]) -> str:
    return ".".join(name for name in names if name)


def _rank(path: str) -> int:
    name = path.rsplit(".", 1)[-1].lower()
    return _LIST_NAMES.index(name) if name in _LIST_NAMES else len(_LIST_NAMES)


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
    file: InputFile, encoding: str, layout: _Layout, unfold: Unfold | None
) -> Iterator[Row | BadRow]:
    with file.open() as stream:
        text = io.TextIOWrapper(stream, encoding, errors="replace")
        if layout.form == "jsonl":
            records = _read_lines(text)
        else:
            text.read(layout.start)
            records = _read_stream(text)
        for record in records:
            if isinstance(record, BadRow):
                yield record
                continue
            rows = _make_rows(*record, unfold)
            if layout.form == "whole":
                rows = (replace(row, number=number) for number, row in enumerate(rows, 1))
            yield from rows


Record = BadRow | tuple[int, Any, str]
"""A record that cannot be read, or its number, what it is, and how it is written."""


def _read_lines(text: io.TextIOWrapper) -> Iterator[Record]:
    number = 0
    while line := text.readline(MAX_RECORD_CHARS):
        number += 1
        if len(line) >= MAX_RECORD_CHARS:
            yield make_bad_row(number, "cell_too_long", line)
            while line and not line.endswith("\n"):
                line = text.readline(MAX_RECORD_CHARS)
            continue
        stripped = line.strip("\ufeff \t\r\n")
        if not stripped:
            continue
        try:
            record = _LENIENT.decode(stripped)
        except (ValueError, RecursionError):
            yield make_bad_row(number, "broken_json", stripped)
        else:
            yield number, record, stripped


def _make_rows(number: int, record: Any, raw: str, unfold: Unfold | None) -> Iterator[Row | BadRow]:
    if not isinstance(record, dict):
        yield make_bad_row(number, "not_an_object", raw)
        return
    try:
        flat = [flatten_record(each) for each in (unfold(record) if unfold else [record])]
    except RecursionError:
        yield make_bad_row(number, "broken_json", raw)
        return
    for values in flat:
        if len(raw) > MAX_CELL_CHARS and is_too_long(values):
            yield make_bad_row(number, "cell_too_long", raw)
        else:
            yield Row(number, values, "\ufffd" in raw)


class _Buffer:
    """A window onto a text stream that grows on demand and forgets what was used."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._stream = text
        self.text = ""
        self.is_at_end = False

    def grow(self) -> bool:
        """Read as much again as there is; False at the end of the stream."""
        more = self._stream.read(max(_BLOCK_CHARS, len(self.text)))
        self.is_at_end = not more
        self.text += more
        return bool(more)

    def drop(self, n_chars: int) -> str:
        """Forget the first characters and return them."""
        dropped, self.text = self.text[:n_chars], self.text[n_chars:]
        return dropped


def _read_stream(text: io.TextIOWrapper) -> Iterator[Record]:
    """Yield the objects of an array, or of objects one after another, past broken ones."""
    buffer = _Buffer(text)
    position = number = 0
    while True:
        match = _SPACE.match(buffer.text, position)
        position = match.end() if match else position
        if position == len(buffer.text):
            buffer.drop(position)
            position = 0
            if not buffer.grow():
                return
            continue
        if buffer.text[position] == "]":
            return
        number += 1
        try:
            record, end = _decode(buffer.text, position)
        except (ValueError, RecursionError) as error:
            n_left = len(buffer.text) - position
            if _is_cut(error, len(buffer.text)) and n_left < MAX_RECORD_CHARS:
                buffer.drop(position)
                position = 0
                number -= 1
                if not buffer.is_at_end and buffer.grow():
                    continue
                number += 1
            reason = "cell_too_long" if n_left >= MAX_RECORD_CHARS else "broken_json"
            buffer.drop(position)
            yield make_bad_row(number, reason, _skip_broken(buffer))
            position = 0
        else:
            is_cut_number = end == len(buffer.text) and not buffer.is_at_end
            if is_cut_number and not isinstance(record, dict) and buffer.grow():
                number -= 1
                continue
            yield number, record, buffer.text[position:end]
            position = end
            if position > _BLOCK_CHARS:
                buffer.drop(position)
                position = 0


_SPACE = re.compile(r"[\s,\ufeff\x1e]*")
# The next record begins on a line of its own with little indentation, or after "}, {".
_NEXT_RECORD = re.compile(r"\n {0,4}\t?(?=\{)|\}\s*,?\s*(?=\{)")


def _decode(text: str, position: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, position)
    except json.JSONDecodeError as error:
        if error.msg.startswith("Invalid control character"):
            return _LENIENT.raw_decode(text, position)
        raise


def _is_cut(error: Exception, n_chars: int) -> bool:
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.msg.startswith("Unterminated string") or error.pos >= n_chars - 12


def _skip_broken(buffer: _Buffer) -> str:
    """Move to where the next record seems to begin; return what was passed over."""
    raw = ""
    while True:
        match = _NEXT_RECORD.search(buffer.text, 1)
        if match:
            return raw + buffer.drop(match.end())
        raw = (raw + buffer.drop(max(len(buffer.text) - 64, 0)))[:4_000]
        if not buffer.grow():
            return raw + buffer.drop(len(buffer.text))
