"""One number for all rows of a table, the same on every database and in any order of rows."""

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import JSON, Double, Integer, Table

_SIZE: Final = 32


class RowDigest:
    """The sum of the hashes of rows: a row that is lost, doubled or changed changes it.

    :param table: whose rows are added, as tuples of its columns.
    """

    def __init__(self, table: Table) -> None:
        self._write = [_find_form(column.type) for column in table.c]
        self._sum = 0
        self.n_rows = 0

    def add(self, row: Sequence[Any]) -> None:
        """Count a row in."""
        hashed = hashlib.sha256()
        for value, write in zip(row, self._write, strict=True):
            said = b"" if value is None else write(value)
            # Lengths, so that no two rows are written alike; null is not the empty text.
            hashed.update(b"-" if value is None else b"%d:" % len(said))
            hashed.update(said)
        self._sum = (self._sum + int.from_bytes(hashed.digest())) % (1 << 8 * _SIZE)
        self.n_rows += 1

    def text(self) -> str:
        """The digest as it is shown and compared."""
        return self._sum.to_bytes(_SIZE).hex()


def _find_form(kind: Any) -> Callable[[Any], bytes]:
    if isinstance(kind, JSON):
        return _write_json
    if isinstance(kind, Double):
        return lambda value: _write_number(float(value))
    if isinstance(kind, Integer):
        return lambda value: _write_number(int(value))
    return _write_plain


def _write_plain(value: Any) -> bytes:
    if isinstance(value, bytes | memoryview):
        return bytes(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().encode()
    return str(value).encode("utf-8", "surrogatepass")


def _write_number(value: float) -> bytes:
    """Equal numbers alike, whether a database gives them back whole or not."""
    is_whole = isinstance(value, float) and math.isfinite(value) and value == int(value)
    return repr(int(value) if is_whole else value).encode()


def _write_json(value: Any) -> bytes:
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=True).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return ["number", _write_number(value).decode()]
    return value
