"""Writing rows so that a second time changes nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Integer, Table, Text, delete, func, literal, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from pipelines.bulk import merge_rows
from pipelines.id_batches import batch_ids
from pipelines.tables import UtcDateTime

# Facts about the execution, not about the data: they change only together with something else.
RUN_COLUMNS = frozenset({"run_id", "created_run", "updated_run", "updated_at", "ingested_at"})
BATCH_ROWS = 5_000
# Sums of floats depend on their order in the last digits; nobody reads a tenth decimal.
DECIMALS = 9
_NO_NUMBERS = (Text, Integer, UtcDateTime)


def upsert_rows(
    connection: Connection,
    table: Table,
    rows: Iterable[Mapping[str, Any]],
    *,
    keep: Sequence[str] = (),
) -> int:
    """Insert rows by primary key; update those that are there and differ.

    A row that differs only in facts about the run (``run_id``, ``updated_at`` ...) is left alone.

    :param rows: all with the same keys, which are column names.
    :param keep: columns that an update leaves as they were.
    :returns: number of rows inserted or changed.
    """
    iterator = iter(rows)
    n_changed = 0
    keys = {column.name for column in table.primary_key}
    numbers = [column.name for column in table.c if not isinstance(column.type, _NO_NUMBERS)]
    while batch := [_round_some(row, numbers) for row in islice(iterator, BATCH_ROWS)]:
        changed = [name for name in batch[0] if name not in keys and name not in keep]
        compared = [name for name in changed if name not in RUN_COLUMNS]
        n_changed += merge_rows(connection, table, batch, changed=changed, compared=compared)
    return n_changed


class Replacement:
    """Rows that a table, or a part of it, is to hold and no others; only what differs is written.

    In portions, of which none need be in memory with another; their keys are.
    """

    def __init__(self, connection: Connection, table: Table) -> None:
        self._connection = connection
        self._table = table
        self._keys = list(table.primary_key)
        self._kept: set[tuple[Any, ...]] = set()
        self._n_written = 0

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert or change some of the rows; each once."""
        self._n_written += upsert_rows(self._connection, self._table, self._watch(rows))

    def finish(self, among: ColumnElement[bool] | None = None) -> int:
        """Delete what was not written.

        :param among: of which stored rows; None for all.
        :returns: number of rows written or deleted.
        """
        stored = literal(value=True) if among is None else among
        # All that is kept is there now: where that is all there is, nothing is gone.
        count = select(func.count()).select_from(self._table).where(stored)
        if self._connection.execute(count).scalar() == len(self._kept):
            return self._n_written
        present = select(*self._keys).where(stored)
        gone = sorted({tuple(row) for row in self._connection.execute(present)} - self._kept)
        for batch in batch_ids(gone):
            self._connection.execute(delete(self._table).where(tuple_(*self._keys).in_(batch)))
        return self._n_written + len(gone)

    def _watch(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        names = [key.name for key in self._keys]
        for row in rows:
            self._kept.add(tuple([row[name] for name in names]))
            yield row


def replace_rows(
    connection: Connection,
    table: Table,
    rows: Iterable[Mapping[str, Any]],
    among: ColumnElement[bool] | None = None,
) -> int:
    """Make a table hold just these rows, writing only what differs.

    :param among: of which stored rows; None for all.
    :returns: number of rows written or deleted.
    """
    replacement = Replacement(connection, table)
    replacement.write(rows)
    return replacement.finish(among)


def round_floats(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with every float rounded to DECIMALS, so that equal figures are equal rows.

    Databases add up in orders of their own, and so differ in the last bits: rounded first to three
    decimals more, a value halfway between two is the same for all.
    """
    return _round_some(row, list(row))


def _round_some(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The row with the floats in some columns rounded, of those that it has."""
    rounded = dict(row)
    for name in names:
        value = rounded.get(name)
        if isinstance(value, float):
            rounded[name] = round(round(value, DECIMALS + 3), DECIMALS)
    return rounded
