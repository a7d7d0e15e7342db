"""Tables that are one JSON object, as pandas and others write them, turned into a record a row."""

import io
import re
from collections.abc import Sequence
from typing import Any, Final

from pipelines.errors import InputError
from pipelines.folding import fold_name
from pipelines.reading.json_places import LENIENT
from pipelines.reading.streams import InputFile

# Such a table is in memory as a whole, at ten times its size.
MAX_TABLE_CHARS: Final = 64 * 2**20

_Record = dict[str, Any]
_HEADS = frozenset({"columns", "column names", "cols", "header", "headers", "fields"})
_BODIES = frozenset({"data", "rows", "values"})
_NUMBERED = re.compile(r"\d+")
_BLANK = "\ufeff \r\n\t"
_WORD = r'"(?:[^"\\]|\\.)*"'
# A first column: values in a list or by their rows; of what stands in lists of lists, its names.
_BEGINS = re.compile(rf"\s*{{\s*{_WORD}\s*:\s*(?:\[\s*[^\[{{\s]|\{{\s*{_WORD}\s*:\s*[^\[{{\s])")


def read_whole_table(
    file: InputFile, encoding: str, head: str, *, has_list: bool
) -> list[_Record] | None:
    """The rows of a file that is one object and a table as a whole; None where it is another.

    :param head: the beginning of the file: all of it, or of a long one some.
    :param has_list: whether there is a list of objects in it, which may be its records: then no
        more than the head is looked at.
    :raises InputError: where it is too long to be turned.
    """
    text, is_cut = head.lstrip(_BLANK), False
    if not text.startswith("{"):
        return None
    if not has_list and _BEGINS.match(text):
        with file.open() as stream:
            whole = io.TextIOWrapper(stream, encoding, errors="replace")
            text = whole.read(MAX_TABLE_CHARS).lstrip(_BLANK)
            is_cut = bool(whole.read(1))
    try:
        table, end = LENIENT.raw_decode(text)
    except (ValueError, RecursionError):
        if not is_cut:
            return None
        raise InputError(
            f"{file.name} is one object of more than {MAX_TABLE_CHARS >> 20} MB, a column after "
            "the other; write a record a row, in pandas by to_json(orient='records', lines=True)"
        ) from None
    return None if text[end:].strip() else turn_table(table)


def turn_table(table: _Record) -> list[_Record] | None:
    """The rows of an object that is a whole table; None where it is a record.

    Read are a column each (``{"id": [1, 2], "text": ["a", "b"]}``, or with the rows' labels,
    ``{"id": {"0": 1, "1": 2}, ...}``, which is what ``DataFrame.to_json`` writes unasked), a row
    each by its key (``{"r1": {"text": "a"}, "r2": {"text": "b"}}``, which becomes the ``id``), and
    names beside lists of values (``{"columns": ["id"], "data": [[1], [2]]}``).
    """
    if (found := _read_split(table)) is not None:
        return found
    values = list(table.values())
    if len(values) < 2:
        return None
    if all(isinstance(value, list) for value in values):
        return _turn_lists(table)
    if not all(isinstance(value, dict) and value for value in values):
        return None
    labels = [label for value in values for label in value]
    if all(map(_NUMBERED.fullmatch, labels)) and not all(map(_NUMBERED.fullmatch, table)):
        return _turn_columns(table)
    is_keyed = all(map(_NUMBERED.search, table)) and _are_alike(values)
    return _list_keyed(table) if is_keyed else None


def _read_split(table: _Record) -> list[_Record] | None:
    by_name = {fold_name(name): value for name, value in table.items()}
    heads = [value for name, value in by_name.items() if name in _HEADS]
    bodies = [value for name, value in by_name.items() if name in _BODIES]
    if len(heads) != 1 or len(bodies) != 1 or not _are_rows(bodies[0]):
        return None
    names = _read_names(heads[0])
    if names is None or any(len(row) != len(names) for row in bodies[0]):
        return None
    return [dict(zip(names, row, strict=True)) for row in bodies[0]]


def _are_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, list) for row in value)


def _read_names(value: Any) -> list[str] | None:
    """Names of columns, or of the objects that describe them; None where one has none or two."""
    items = value if isinstance(value, list) else []
    told = [item.get("name") if isinstance(item, dict) else item for item in items]
    names = [name for name in told if isinstance(name, str)]
    return names if names and len({*names}) == len(told) else None


def _turn_lists(table: _Record) -> list[_Record] | None:
    length = len(next(iter(table.values())))
    is_even = all(len(value) == length for value in table.values())
    if length < 2 or not is_even or not all(map(_are_cells, table.values())):
        return None
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def _turn_columns(table: dict[str, _Record]) -> list[_Record] | None:
    if not all(_are_cells(list(column.values())) for column in table.values()):
        return None
    labels = dict.fromkeys(label for column in table.values() for label in column)
    return [{name: column.get(label) for name, column in table.items()} for label in labels]


def _are_cells(values: Sequence[Any]) -> bool:
    return not any(isinstance(value, dict | list) for value in values)


def _are_alike(records: Sequence[_Record]) -> bool:
    """Whether each has most of the names that the first has."""
    names = {*records[0]}
    return all(2 * len(names & {*each}) > len(names) for each in records)


def _list_keyed(table: dict[str, _Record]) -> list[_Record]:
    is_counted = list(table) == [str(number) for number in range(len(table))]
    return [
        each if is_counted or "id" in each else {"id": key, **each} for key, each in table.items()
    ]
