"""Connections: one engine for SQLite and PostgreSQL, with the settings that each needs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from pipelines.errors import ConfigError, StoreError

# SQLite before 3.51.3 can corrupt a database when a checkpoint meets a WAL reset
# (https://sqlite.org/wal.html#walresetbug); pysqlite3 carries a newer library than most Pythons.
FIXED_SQLITE = (3, 51, 3)
BUSY_TIMEOUT_MS = 30_000


# A link that was cut without a word is noticed after a minute, and not when a run is to be stored.
_CUT_LINKS = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


def parse_url(url: str) -> URL:
    """Check a database URL.

    :raises ConfigError: when it is not a URL of a supported database.
    """
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError):
        backend = ""
    if backend not in {"sqlite", "postgresql"}:
        raise ConfigError(
            "the database URL names neither SQLite nor PostgreSQL; "
            "write it as sqlite:///earful.db or postgresql+psycopg://user@host/name"
        )
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if not parsed.database or parsed.database == ":memory:":
        raise ConfigError("a store needs a file: write the URL as sqlite:///earful.db")
    return parsed


def sqlite_path(url: URL) -> Path | None:
    """Path of the SQLite file that a URL names; None for a server."""
    if url.get_backend_name() != "sqlite" or url.database is None:
        return None
    return Path(url.database)


def sqlite_driver() -> Any:
    """The DB-API module for SQLite: pysqlite3 where there is a wheel, else the standard library."""
    try:
        from pysqlite3 import dbapi2
    except ImportError:  # no wheel on this platform
        import sqlite3 as dbapi2
    return dbapi2


def connect_engine(url: URL, *, read_only: bool = False) -> Engine:
    """Make an engine.

    :param read_only: open the SQLite file so that nothing can be written through this engine.
    """
    if url.get_backend_name() == "postgresql":
        options = "-c default_transaction_read_only=on" if read_only else ""
        engine = create_engine(
            url, connect_args={"connect_timeout": 15, "options": options, **_CUT_LINKS}
        )
        event.listen(engine, "connect", _server_settings)
        return engine
    if read_only and (path := sqlite_path(url)) is not None and _is_still(path):
        # In a folder that cannot be written SQLite cannot make the files that readers share.
        still = {"uri": "true", "mode": "ro", "immutable": "1"}
        url = url.set(database=path.absolute().as_uri(), query=still)
    engine = create_engine(url, module=sqlite_driver())
    event.listen(engine, "connect", _query_only_settings if read_only else _writer_settings)
    # The driver's own transaction handling commits before DDL; ours is explicit.
    event.listen(engine, "begin", _begin_deferred if read_only else _begin_immediate)
    return engine


def create_private_file(path: Path) -> None:
    """Create an empty file that only its owner can read, unless it exists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))


def _is_still(path: Path) -> bool:
    """Tell whether nobody writes to a store, and this user could not: it has no log beside it."""
    log = path.with_name(f"{path.name}-wal")
    return not os.access(path.parent, os.W_OK) and path.exists() and not log.exists()


def _server_settings(connection: Any, _record: object) -> None:
    """While the encoder reads, a run asks the server nothing for minutes: that is no idling."""
    connection.execute("SET idle_in_transaction_session_timeout = 0")
    if connection.info.server_version >= 140_000:
        connection.execute("SET idle_session_timeout = 0")
    connection.commit()


def _query_only_settings(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA query_only=ON")


def _writer_settings(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode=WAL")
    # One commit a run: the price of a full sync is paid once, and power loss costs nothing.
    connection.execute("PRAGMA synchronous=FULL")
    # Deleted text must not stay readable in free pages.
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("PRAGMA cache_size=-65536")
    connection.execute("PRAGMA temp_store=FILE")


def _begin_deferred(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def clear_database_errors(url: URL) -> Iterator[None]:
    """Turn what the database says into one clear message.

    :raises StoreError: for a full disk, a read-only place, a file that is no database ...
    """
    try:
        yield
    except DBAPIError as error:
        raise StoreError(describe_database_error(error.orig or error, url)) from error
    except Exception as error:
        # What a driver says of a COPY does not pass through SQLAlchemy.
        if type(error).__module__.partition(".")[0] not in _DRIVERS:
            raise
        raise StoreError(describe_database_error(error, url)) from error


_DRIVERS = {"psycopg", "pysqlite3", "sqlite3"}
# What the drivers say, and what to tell the user; the first that matches counts.
_MESSAGES = (
    ("disk is full", "the disk is full; free some space, then run the same command again"),
    (
        "no space left",
        "the server's disk is full; free some space, then run the same command again",
    ),
    ("disk i/o error", "the disk gave an error, or is full; check it, then run the command again"),
    ("readonly database", "it cannot be written; check the rights of the file and of its folder"),
    ("read-only", "it cannot be written; check the rights of this user"),
    (
        "unable to open database file",
        "it cannot be opened; check that its folder exists and is writable",
    ),
    ("file is not a database", "the file is not an SQLite database; give another path with --db"),
    ("malformed", "the file is damaged; restore it from a backup"),
    ("database is locked", "another program holds it; try again, or see who uses the file"),
    (
        "connection",
        "the server cannot be reached or closed the connection; check it, run the command again",
    ),
    ("password", "the server refused the user or the password"),
)


def describe_database_error(error: BaseException, url: URL) -> str:
    """One sentence about what a driver says, without SQL, values or passwords."""
    said = str(error).lower()
    name = url.database if url.get_backend_name() == "sqlite" else url.render_as_string()
    for words, advice in _MESSAGES:
        if words in said:
            return f"store {name}: {advice}"
    return f"store {name}: the database refused ({type(error).__name__}); see earful doctor"
