"""Connections: one engine for SQLite and PostgreSQL, with the settings that each needs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from pipelines.errors import ConfigError, StoreError

# SQLite before 3.51.3 can corrupt a database when a checkpoint meets a WAL reset
# (https://sqlite.org/wal.html#walresetbug); pysqlite3 carries a newer library than most Pythons.
FIXED_SQLITE = (3, 51, 3)
BUSY_TIMEOUT_MS = 30_000
# A peer that is gone without a word is noticed by both sides within a minute: the server then
# gives back the locks of a client whose machine or network died.
_KEEPALIVES = {"idle": 30, "interval": 10, "count": 3}
_CLIENT_SETTINGS: dict[str, object] = {
    **{f"keepalives_{name}": value for name, value in _KEEPALIVES.items()},
    "tcp_user_timeout": 60_000,
}
_SERVER_SETTINGS: dict[str, object] = {
    f"tcp_keepalives_{name}": value for name, value in _KEEPALIVES.items()
}
_LIMITS = [
    *("statement_timeout", "idle_in_transaction_session_timeout"),
    *("idle_session_timeout", "transaction_timeout"),
]


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
        return _connect_server(url, read_only=read_only)
    if read_only and (path := sqlite_path(url)) is not None and _is_still(path):
        # In a folder that cannot be written SQLite cannot make the files that readers share.
        still = {"uri": "true", "mode": "ro", "immutable": "1"}
        url = url.set(database=path.absolute().as_uri(), query=still)
    engine = create_engine(url, module=sqlite_driver())
    event.listen(engine, "connect", _query_only_settings if read_only else _writer_settings)
    # The driver's own transaction handling commits before DDL; ours is explicit.
    event.listen(engine, "begin", _begin_deferred if read_only else _begin_immediate)
    return engine


def _connect_server(url: URL, *, read_only: bool) -> Engine:
    settings = dict(_SERVER_SETTINGS)
    if read_only:
        settings["default_transaction_read_only"] = "on"
    said = url.query.get("options", ())
    options = [said] if isinstance(said, str) else [*said]
    options += [f"-c {name}={value}" for name, value in settings.items()]
    given = {"connect_timeout": 15, **_CLIENT_SETTINGS, "options": " ".join(options)}
    # A connection that was lost while it lay unused is made anew.
    engine = create_engine(url, connect_args=given, pool_pre_ping=True)
    if not read_only:
        event.listen(engine, "connect", _patient_settings)
    return engine


def create_private_file(path: Path) -> None:
    """Create an empty file that only its owner can read, unless it exists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))


def _is_still(path: Path) -> bool:
    """Tell whether nobody writes to a store, and this user could not: it has no log beside it."""
    log = path.with_name(f"{path.name}-wal")
    return not os.access(path.parent, os.W_OK) and path.exists() and not log.exists()


def _query_only_settings(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA query_only=ON")


PAGE_BYTES: Final = 8_192
# Taken as it is needed. Keys are hashes: what is written lies all over the tables, and with 64 MB
# a million rows wrote and read the same pages again and again.
CACHE_KB: Final = 262_144
# Of staged rows; SQLite's own 4 MB are too few for as many as a million.
TEMPORARY_CACHE_KB: Final = 65_536


def _writer_settings(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    # Of a new file only. Pages of 4,096 bytes hold four vectors and leave a sixth of their room.
    connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode=WAL")
    # One commit a run: the price of a full sync is paid once, and power loss costs nothing.
    connection.execute("PRAGMA synchronous=FULL")
    # Deleted text must not stay readable in free pages.
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute(f"PRAGMA cache_size=-{CACHE_KB}")
    connection.execute(f"PRAGMA temp.cache_size=-{TEMPORARY_CACHE_KB}")
    connection.execute("PRAGMA temp_store=FILE")


def _patient_settings(connection: Any, _record: object) -> None:
    """Let a writer wait for models and work for long, whatever limits others need; as pg_dump."""
    connection.autocommit = True
    connection.execute(
        "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = ANY(%s)", [_LIMITS]
    )
    connection.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}")
    connection.autocommit = False


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


_AGAIN = "What was not committed is not stored: run the same command again"
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
    ("password", "the server refused the user or the password"),
    (
        "connection",
        f"the server cannot be reached or closed the connection; check the address. {_AGAIN}",
    ),
)
# The same by PostgreSQL's codes (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_ENDED = "it ended a session that was idle for longer than the server allows"
_SERVER_MESSAGES = {
    "25P03": f"{_ENDED} (idle_in_transaction_session_timeout); raise it for this role",
    "25P04": f"{_ENDED} (transaction_timeout); raise it for this role",
    "57P05": f"{_ENDED} (idle_session_timeout); raise it for this role",
    "57014": "it cancelled a statement that took longer than the server allows "
    "(statement_timeout), or an administrator did; raise it for this role",
    "55P03": f"another session holds a table or the store for more than {BUSY_TIMEOUT_MS // 1000} "
    "s; see pg_stat_activity and pg_locks, then run the same command again",
    "40P01": "another session holds what this one needs, and the other way round; run the same "
    "command again",
    "57P01": f"an administrator ended the session, or the server stops. {_AGAIN}",
    "57P03": "the server is starting or stopping; run the same command again in a moment",
    "53300": "the server has no connection left for this user; see max_connections",
    "42501": "this user lacks a right; see the roles that earful roles prints",
    "3D000": "there is no such database; make it with createdb",
    "25006": "it cannot be written: a standby, or a role that only reads",
    "53100": "the server's disk is full; free some space, then run the same command again",
}


def describe_database_error(error: BaseException, url: URL) -> str:
    """One sentence about what a driver says, without SQL, values or passwords."""
    said = str(error).lower()
    code = getattr(error, "sqlstate", None)
    name = url.database if url.get_backend_name() == "sqlite" else url.render_as_string()
    if code in _SERVER_MESSAGES:
        return f"store {name}: {_SERVER_MESSAGES[code]}"
    for words, advice in _MESSAGES:
        if words in said:
            return f"store {name}: {advice}"
    return f"store {name}: the database refused ({type(error).__name__}); see earful doctor"
