"""A store moved to another place: every row, checked, in one transaction of the new store."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, func, inspect, select
from sqlalchemy.exc import DBAPIError

from pipelines import tables
from pipelines.bulk import insert_rows
from pipelines.database import parse_url, sqlite_path
from pipelines.errors import ConfigError, StoreError
from pipelines.half_vectors import keep_half_vectors, refuse_hidden_table
from pipelines.migrations import migrate_schema
from pipelines.progress import Progress
from pipelines.row_digest import RowDigest
from pipelines.store import Store, make_empty_store, open_store
from pipelines.vector_lake.reading import stream_rows

BATCH_ROWS: Final = 5_000
# What a store has beside its rows, and why it is not copied.
LEFT_OUT: Final[Mapping[str, str]] = {
    "secret": "the secret behind keyed hashes never is in a store: whoever runs earful on the copy "
    "needs the same",
    "index": "earful ask makes its index again",
    "lake": "vectors that lie in the lake are put into the copy itself; its next run moves them to "
    "a lake of its own where the configuration says so",
    "unfinished": "what an unfinished run has read stays with its machine; the next run reads it "
    "again",
}


@dataclass(frozen=True)
class CopiedTable:
    """What was copied of a table, and its digest, the same in both stores."""

    table: str
    rows: int
    digest: str


@dataclass(frozen=True)
class Copied:
    """What was copied from where to where; stores are named without passwords."""

    source: str
    target: str
    tables: Sequence[CopiedTable]
    left_out: Mapping[str, str]

    @property
    def n_rows(self) -> int:
        """Rows of all tables."""
        return sum(each.rows for each in self.tables)


def copy_store(
    source_url: str, target_url: str, lock_timeout_s: float, progress: Progress
) -> Copied:
    """Copy a store into a place where none is yet.

    Both are locked meanwhile: what a run wrote into the old one would be missing in the new one.

    :raises ConfigError: when the target holds anything.
    :raises LockedError: when another run holds one of them.
    :raises StoreError: when a database refuses, or the rows that arrived are not those that left;
        the target is then as it was.
    """
    source = open_store(source_url)
    _refuse_same(source, target_url)
    with (
        source.lock(lock_timeout_s),
        _make_target(target_url) as target,
        target.lock(lock_timeout_s),
        source.read() as reading,
        target.write() as writing,
    ):
        _prepare_target(writing, target)
        copied = [
            _copy_table(reading, writing, table, target, progress)
            for table in tables.metadata.sorted_tables
        ]
        _check(writing, copied, progress)
        keep_half_vectors(writing)
    return Copied(source.name, target.name, copied, LEFT_OUT)


def _refuse_same(source: Store, target_url: str) -> None:
    target = parse_url(target_url)
    old, new = source.path, sqlite_path(target)
    is_same = old.samefile(new) if old and new and new.exists() else target == source.url
    if is_same:
        raise ConfigError(f"{source.name} is the store itself; name another place for its copy")


@contextmanager
def _make_target(url: str) -> Iterator[Store]:
    """The target; a file that was made for it goes when the copy fails."""
    path = sqlite_path(parse_url(url))
    is_new = path is not None and not path.exists()
    target = make_empty_store(url)
    try:
        yield target
    except BaseException:
        target.engine.dispose()
        if path is not None and is_new:
            for end in ("", "-wal", "-shm", ".lock"):
                path.with_name(path.name + end).unlink(missing_ok=True)
        raise
    target.engine.dispose()


def _prepare_target(connection: Connection, target: Store) -> None:
    """Make the tables where there are none, with what keeps them append only.

    :raises ConfigError: when there is a row.
    """
    names = set(inspect(connection).get_table_names())
    if not names:
        refuse_hidden_table(connection)
        migrate_schema(connection)
        return
    if tables.store_info.name not in names:
        raise ConfigError(f"the database {target.name} has other tables; name an empty one")
    # A store that was just made knows no more than its own id.
    connection.execute(delete(tables.store_info))
    for table in tables.metadata.sorted_tables:
        n_rows = connection.execute(select(func.count()).select_from(table)).scalar_one()
        if n_rows:
            raise ConfigError(
                f"the store {target.name} is not empty ({n_rows:,} rows in {table.name}); a copy "
                "is never mixed with what is there: name an empty database, or a new file"
            )


def _copy_table(
    reading: Connection, writing: Connection, table: Table, target: Store, progress: Progress
) -> CopiedTable:
    names = [column.name for column in table.c]
    total = reading.execute(select(func.count()).select_from(table)).scalar_one()
    progress.start(f"copying {table.name}", total)
    digest = RowDigest(table)
    rows = stream_rows(reading, table)
    while batch := list(islice(rows, BATCH_ROWS)):
        for row in batch:
            digest.add(row)
        try:
            insert_rows(writing, table, [dict(zip(names, row, strict=True)) for row in batch])
        except (DBAPIError, ValueError) as error:
            if _has_null_sign(batch):
                raise StoreError(
                    f"the store {target.name} cannot hold all of {table.name}: a text has a null "
                    "character, which PostgreSQL does not take; nothing was copied"
                ) from None
            raise error
        progress.advance(len(batch))
    progress.finish("")
    return CopiedTable(table.name, digest.n_rows, digest.text())


def _has_null_sign(rows: Sequence[Sequence[Any]]) -> bool:
    said = (value for row in rows for value in row if isinstance(value, str | dict | list))
    return any(r"\u0000" in json.dumps(value) for value in said)


def _check(writing: Connection, copied: Sequence[CopiedTable], progress: Progress) -> None:
    """Read everything again where it arrived, before it is committed.

    :raises StoreError: naming the tables that differ.
    """
    progress.start("checking the copy", sum(each.rows for each in copied))
    wrong = []
    for each in copied:
        table = tables.metadata.tables[each.table]
        digest = RowDigest(table)
        for row in stream_rows(writing, table):
            digest.add(row)
        progress.advance(digest.n_rows)
        if (digest.n_rows, digest.text()) != (each.rows, each.digest):
            wrong.append(f"{each.table} ({each.rows:,} rows left, {digest.n_rows:,} arrived)")
    progress.finish("the same on both sides" if not wrong else "")
    if wrong:
        raise StoreError(
            f"what arrived is not what was sent: {', '.join(wrong)}; nothing was copied. Please "
            "report it"
        )
