"""Free pages, logs and side files: what deleted rows leave on the disk, on both databases."""

from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pipelines import tables
from pipelines.asking.index import list_index_files, remove_index
from pipelines.database import BUSY_TIMEOUT_MS, clear_database_errors, sqlite_driver
from pipelines.distributed.folders import remove_lake
from pipelines.errors import StoreError
from pipelines.half_vectors import HALF, has_half_vectors
from pipelines.journal import journal_path
from pipelines.store import Store, read_info
from pipelines.vector_lake.keeping import list_lake_files, remove_unknown

# Tables that never hold anything of a person; all others are rewritten where free pages keep bytes.
IMPERSONAL: Final = frozenset(
    {
        *("audit", "blocked_key", "erasure", "input_file", "run", "run_measure", "store_info"),
        "theme_suggestion",
    }
)
_LOCK_TIMEOUT = "30s"


def remove_unfinished(store: Store, cache_dir: Path, lake: Path) -> None:
    """Remove what an unfinished run read, here and in the lake, and the index of earful ask.

    All are made again when they are needed.
    """
    remove_index(store)
    with store.read() as connection:
        store_id = read_info(connection, "store_id")
        remove_unknown(connection)
    remove_lake(lake, str(store_id))
    path = journal_path(cache_dir, store_id)
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def rewrite_store(store: Store) -> None:
    """Write the store without what was deleted.

    :raises StoreError: when the database refuses, or readers hold what is to go.
    """
    if store.path is None:
        _rewrite_tables(store)
    else:
        _rewrite_file(store.path, store)


def empty_log(store: Store) -> None:
    """Move what the write-ahead log of SQLite holds into the file, and cut it to nothing.

    :raises StoreError: when readers hold it.
    """
    if store.path is not None:
        with clear_database_errors(store.url), closing(_connect(store.path)) as connection:
            _truncate(connection, store.path)


def list_files(store: Store) -> list[Path]:
    """The files of a store: of SQLite, the index that lies beside it, and the lake."""
    with store.read() as connection:
        files = list_lake_files(connection)
    if store.path is None:
        return files
    ends = ("", "-wal", "-shm", "-journal")
    return [
        *files,
        *(store.path.with_name(store.path.name + end) for end in ends),
        *list_index_files(store),
    ]


def _rewrite_file(path: Path, store: Store) -> None:
    try:
        with closing(_connect(path)) as connection:
            _truncate(connection, path)
            connection.execute("VACUUM")
            # A vacuum goes through the log as well.
            _truncate(connection, path)
    except sqlite_driver().DatabaseError as error:
        raise StoreError(
            f"store {store.name} could not be rewritten ({error}); free as much disk as it is "
            "large, close what reads it, then run: earful forget --resume"
        ) from error


def _connect(path: Path) -> Any:
    connection = sqlite_driver().connect(path, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS // 6}")
    connection.execute("PRAGMA secure_delete=ON")
    return connection


def _truncate(connection: Any, path: Path) -> None:
    busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise StoreError(
            f"the log of {path} is held by a program that reads the store; close it, then run: "
            "earful forget --resume"
        )


def _rewrite_tables(store: Store) -> None:
    with clear_database_errors(store.url), store.engine.connect() as connection:
        session = connection.execution_options(isolation_level="AUTOCOMMIT")
        session.execute(text(f"SET lock_timeout = '{_LOCK_TIMEOUT}'"))
        try:
            names = sorted(tables.metadata.tables.keys() - IMPERSONAL)
            if has_half_vectors(session):
                names.append(HALF.name)
            for statement in _statements(names):
                session.execute(text(statement))
        except DBAPIError as error:
            raise StoreError(
                f"store {store.name}: its tables could not be rewritten "
                f"({type(error.orig).__name__}); close what reads them, as their owner, then run: "
                "earful forget --resume"
            ) from error
        # The planner's samples hold values too. Where this user may not, autovacuum comes by.
        for statement in ("VACUUM FULL pg_catalog.pg_statistic", "CHECKPOINT"):
            with suppress(DBAPIError):
                session.execute(text(statement))


def _statements(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        yield f'VACUUM (FULL, ANALYZE) "{name}"'
