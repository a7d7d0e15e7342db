"""Rows on their way in: each id once, the newest version, merged into the store set by set.

The order in which rows arrive decides nothing: of two rows with one id the newer stays, and of two
equally new ones that with the larger content hash. Only what a later run reads may replace what
nobody dated.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
)
from sqlalchemy.sql.elements import ColumnElement

from pipelines.bulk import insert_rows
from pipelines.id_batches import batch_ids
from pipelines.upserts import upsert_rows

_EPOCH = datetime.min.replace(tzinfo=UTC)
# Columns of the temporary table that say where a row came from.
_FILE, _ROW_NUMBER = "staged_file", "staged_row_number"


@dataclass(frozen=True)
class Incoming:
    """A row to be merged, where it came from, and the hashed keys of the person it is about.

    :param row: value by column, with id and content_hash.
    :param keys: keyed hash by key type.
    """

    row: dict[str, Any]
    file: str
    row_number: int
    keys: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Loser:
    """A row that was not taken: the store or the input holds a better one of the same id.

    :param is_undecided: no date tells which is newer, so that its content decided.
    """

    reason: str
    incoming: Incoming
    is_undecided: bool = False


@dataclass(frozen=True)
class Merged:
    """What a merge did: numbers of rows, and the ids that an update replaced."""

    n_new: int
    n_known: int
    updated: tuple[str, ...]
    losers: tuple[Loser, ...]


def hash_content(row: dict[str, Any]) -> str:
    """Hash of everything in a row, the same for equal values in any order of the keys."""
    canonical = json.dumps(row, sort_keys=True, ensure_ascii=False, default=_encode_moment)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Staging:
    """Temporary tables beside the table that their rows will be merged into.

    :param table: has one text primary key, a ``content_hash`` and the column that dates a version.
    :param versions: names of the columns that date a version; the first that is filled counts.
    :param compares_alike: a date is compared with one of the same column only: a customer's record
        without the time of its last change may be newer than any, though the customer is not.
    :param history: table for the versions that are replaced or not taken, with columns of the same
        names as those to be kept.
    :param keep_all_keys: stage the keys of beaten rows too: a person's keys add up.
    """

    def __init__(
        self,
        connection: Connection,
        table: Table,
        versions: tuple[str, ...],
        *,
        keep_all_keys: bool = False,
        compares_alike: bool = False,
        history: Table | None = None,
    ) -> None:
        self._connection = connection
        self.table = table
        self._versions = versions
        self._compares_alike = compares_alike
        self._history = history
        self._keep_all_keys = keep_all_keys
        self._key = next(iter(table.primary_key)).name
        self._staged = Table(
            f"staged_{table.name}",
            MetaData(),
            *(Column(c.name, c.type, primary_key=c.primary_key) for c in table.columns),
            Column(_FILE, Text),
            Column(_ROW_NUMBER, Integer),
            prefixes=["TEMPORARY"],
        )
        self.keys = Table(
            f"staged_{table.name}_key",
            MetaData(),
            Column(self._key, Text, primary_key=True),
            Column("key_type", Text, primary_key=True),
            Column("key_hash", Text, primary_key=True),
            prefixes=["TEMPORARY"],
            sqlite_with_rowid=False,
        )
        self._staged.create(connection)
        self.keys.create(connection)

    def add(self, rows: Iterable[Incoming]) -> list[Loser]:
        """Stage rows.

        :returns: those that a better one of their id beat; a row staged earlier can be among them.
        """
        incoming = list(rows)
        rivals = self._find_staged([each.row[self._key] for each in incoming])
        winners: dict[str, Incoming] = {}
        losers: list[Loser] = []
        for each in incoming:
            key = each.row[self._key]
            rival = winners.get(key) or rivals.get(key)
            if rival is None or self._beats(each, rival):
                winners[key] = each
            if rival is not None:
                losers.append(self._name_loser(each, rival, each_wins=winners.get(key) is each))
        self._keep_versions(losers)
        self._replace(winners, rivals)
        self._stage_keys(incoming if self._keep_all_keys else winners.values())
        return losers

    def merge(self) -> Merged:
        """Move what is staged into the table.

        The keys of what is staged stay in ``keys`` until :meth:`drop`.
        """
        n_known = self._count_same()
        losers = [Loser("older_version", each) for each in self._find_changed(is_older=True)]
        self._keep_versions(losers)
        beaten = [loser.incoming.row[self._key] for loser in losers]
        self._delete(self._staged, beaten)
        if not self._keep_all_keys:
            self._delete(self.keys, beaten)
        updated = [each.row[self._key] for each in self._find_changed(is_older=False)]
        self._keep_replaced(updated)
        self._delete(self.table, updated)
        n_new = self._insert_missing() - len(updated)
        return Merged(n_new, n_known, tuple(updated), tuple(losers))

    def copy_keys(self, table: Table, **constants: str) -> None:
        """Insert the staged keys that a table of keys lacks.

        :param constants: values of its further columns.
        """
        staged, kept = self.keys.c, table.c
        names = [column.name for column in staged]
        missing = (
            select(*staged, *(literal(value) for value in constants.values()))
            .outerjoin(table, and_(*(kept[name] == staged[name] for name in names)))
            .where(kept[self._key].is_(None))
        )
        self._connection.execute(insert(table).from_select([*names, *constants], missing))

    def drop(self) -> None:
        """Remove the temporary tables."""
        self._staged.drop(self._connection)
        self.keys.drop(self._connection)

    def _beats(self, each: Incoming, rival: Incoming) -> bool:
        own, other = self._rank(each), self._rank(rival)
        return own > other or (own == other and each.file < rival.file)

    def _rank(self, each: Incoming) -> tuple[tuple[datetime, ...], str]:
        return self._dates(each), each.row["content_hash"]

    def _dates(self, each: Incoming) -> tuple[datetime, ...]:
        """What is compared of two rows of one id, the first that differs."""
        dates = [each.row[name] for name in self._versions]
        if self._compares_alike:
            return tuple(date or _EPOCH for date in dates)
        return (next(filter(None, dates), _EPOCH),)

    def _name_loser(self, each: Incoming, rival: Incoming, *, each_wins: bool) -> Loser:
        loser = rival if each_wins else each
        if each.row["content_hash"] == rival.row["content_hash"]:
            return Loser("repeated", loser)
        return Loser("older_version", loser, self._dates(each) == self._dates(rival))

    def _keep_versions(self, losers: Sequence[Loser]) -> None:
        """Keep what older versions said, whichever of them came first."""
        older = [loser.incoming.row for loser in losers if loser.reason == "older_version"]
        if self._history is None or not older:
            return
        names = [column.name for column in self._history.columns]
        rows = {tuple(row[name] for name in (self._key, "content_hash")): row for row in older}
        kept = ({name: row[name] for name in names} for row in rows.values())
        upsert_rows(self._connection, self._history, kept, keep=("run_id",))

    def _keep_replaced(self, ids: Sequence[str]) -> None:
        if self._history is None:
            return
        columns = [self.table.c[column.name] for column in self._history.columns]
        for batch in batch_ids(ids):
            query = select(*columns).where(self.table.c[self._key].in_(batch))
            rows = [dict(found) for found in self._connection.execute(query).mappings()]
            upsert_rows(self._connection, self._history, rows, keep=("run_id",))

    def _find_staged(self, ids: Sequence[str]) -> dict[str, Incoming]:
        query = select(self._staged).where(self._staged.c[self._key].in_(ids))
        found = map(_as_incoming, self._connection.execute(query).mappings())
        return {each.row[self._key]: each for each in found}

    def _replace(self, winners: dict[str, Incoming], rivals: Collection[str]) -> None:
        """Stage what won, in the place of what was staged of the same ids."""
        beaten = [key for key in winners if key in rivals]
        self._delete(self._staged, beaten)
        if not self._keep_all_keys:
            self._delete(self.keys, beaten)
        rows = [
            {**each.row, _FILE: each.file, _ROW_NUMBER: each.row_number}
            for each in winners.values()
        ]
        insert_rows(self._connection, self._staged, rows)

    def _stage_keys(self, rows: Iterable[Incoming]) -> None:
        keys = {
            (each.row[self._key], key_type, key_hash)
            for each in rows
            for key_type, key_hash in each.keys.items()
        }
        names = (self._key, "key_type", "key_hash")
        upsert_rows(
            self._connection,
            self.keys,
            (dict(zip(names, key, strict=True)) for key in sorted(keys)),
        )

    def _is_same(self) -> ColumnElement[bool]:
        return self._staged.c.content_hash == self.table.c.content_hash

    def _is_older(self) -> ColumnElement[bool]:
        # Null on either side is not older: an undated row may replace and be replaced.
        pairs = [(self._staged.c[name], self.table.c[name]) for name in self._versions]
        if self._compares_alike:
            rules = [
                (or_(one.is_not(None), other.is_not(None)), one < other) for one, other in pairs
            ]
            return func.coalesce(case(*rules), False)
        one, other = (func.coalesce(*dates, None) for dates in zip(*pairs, strict=True))
        return func.coalesce(one < other, False)

    def _has_id(self) -> ColumnElement[bool]:
        return self._staged.c[self._key] == self.table.c[self._key]

    def _count_same(self) -> int:
        joined = self._staged.join(self.table, self._has_id())
        query = select(func.count()).select_from(joined).where(self._is_same())
        return self._connection.execute(query).scalar_one()

    def _find_changed(self, *, is_older: bool) -> list[Incoming]:
        older = self._is_older()
        query = (
            select(self._staged)
            .select_from(self._staged.join(self.table, self._has_id()))
            .where(and_(~self._is_same(), older if is_older else ~older))
            .order_by(self._staged.c[self._key])
        )
        return [_as_incoming(found) for found in self._connection.execute(query).mappings()]

    def _insert_missing(self) -> int:
        names = [column.name for column in self.table.columns]
        missing = (
            select(*(self._staged.c[name] for name in names))
            .select_from(self._staged.outerjoin(self.table, self._has_id()))
            .where(self.table.c[self._key].is_(None))
            .order_by(self._staged.c[self._key])
        )
        statement = self.table.insert().from_select(names, missing)
        counted = statement.execution_options(preserve_rowcount=True)
        return self._connection.execute(counted).rowcount

    def _delete(self, table: Table, ids: Sequence[str]) -> None:
        delete_by_id(self._connection, table, self._key, ids)


def delete_by_id(connection: Connection, table: Table, column: str, ids: Sequence[str]) -> None:
    """Delete the rows whose column holds one of the ids."""
    for batch in batch_ids(ids):
        connection.execute(delete(table).where(table.c[column].in_(batch)))


def _as_incoming(found: Any) -> Incoming:
    row = dict(found)
    return Incoming(file=row.pop(_FILE), row_number=row.pop(_ROW_NUMBER), row=row)


def _encode_moment(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"a value of type {type(value).__name__} cannot be hashed")
