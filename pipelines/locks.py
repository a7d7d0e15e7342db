"""The locks of a store: one program at a time, and the others are told who that is."""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from pipelines.errors import LockedError, StoreError

Lock = Literal["store", "syncs", "delivery"]
# Any constants will do, as long as every earful uses the same.
ADVISORY_LOCKS: dict[Lock, int] = {
    "store": 0x_EA5F_0001,
    "syncs": 0x_EA5F_0002,
    "delivery": 0x_EA5F_0003,
}
# Of the transaction of a run, see `guard_transaction`.
_TRANSACTION_LOCK = 0x_EA5F_0011
_HOLDERS: dict[Lock, str] = {
    "store": "another run holds",
    "syncs": "another earful sync sends rows of",
    "delivery": "another earful actions deliver sends what is due in",
}
_POLL_S = 0.2
# PostgreSQL cuts the name of a session after so many bytes.
_MAX_NOTE = 63


@contextmanager
def hold_file_lock(
    store: Path, name: str, timeout_s: float, of: Lock, command: str
) -> Iterator[None]:
    """Hold a lock of an SQLite store: that of a file beside it, which says who holds it.

    :param name: of the store, as it may be shown.
    :raises LockedError: when another program still holds it after timeout_s seconds.
    """
    from filelock import FileLock, Timeout

    path = Path(f"{store}.lock" if of == "store" else f"{store}.{of}.lock")
    lock = FileLock(path, mode=0o600)
    try:
        lock.acquire(timeout=timeout_s)
        with suppress(OSError):  # a full disk: who waits is told less
            path.write_text(_note_holder(command), encoding="utf-8")
    except Timeout as error:
        raise _locked(name, timeout_s, of, _read_note(path)) from error
    except OSError as error:
        raise StoreError(
            f"store {name}: the lock file {path} cannot be written; check the rights of its folder"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def hold_server_lock(
    engine: Engine, name: str, timeout_s: float, of: Lock, command: str
) -> Iterator[None]:
    """Hold an advisory lock of a PostgreSQL database, in a session whose name says who holds it.

    :param name: of the store, as it may be shown.
    :raises LockedError: when another program still holds it after timeout_s seconds.
    """
    key = {"key": ADVISORY_LOCKS[of]}
    deadline = time.monotonic() + timeout_s
    with engine.connect() as connection:
        session = connection.execution_options(isolation_level="AUTOCOMMIT")
        while not session.execute(text("SELECT pg_try_advisory_lock(:key)"), key).scalar():
            if time.monotonic() >= deadline:
                raise _locked(name, timeout_s, of, _ask_holder(session, of))
            time.sleep(_POLL_S)
        rename = text("SELECT set_config('application_name', :note, false)")
        session.execute(rename, {"note": _note_holder(command)})
        try:
            yield
        finally:
            # A session that was cut has given the lock back already; what counts is that it ends.
            with suppress(DBAPIError):
                session.execute(text("SELECT pg_advisory_unlock(:key)"), key)


def guard_transaction(connection: Connection, name: str, timeout_s: float) -> None:
    """Keep two runs from writing to one server though the session of a run's lock was cut.

    On SQLite the transaction itself does.

    :raises LockedError: when such a transaction is still open after timeout_s seconds.
    """
    if connection.dialect.name != "postgresql":
        return
    query, key = text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _TRANSACTION_LOCK}
    deadline = time.monotonic() + timeout_s
    while not connection.execute(query, key).scalar():
        if time.monotonic() >= deadline:
            raise _locked(name, timeout_s, "store", None)
        time.sleep(_POLL_S)


def _note_holder(command: str) -> str:
    """Who holds a lock: no arguments of the command, which may name customers."""
    note = f"{command}, process {os.getpid()} on {platform.node()}".removeprefix(", ")
    return note.encode("ascii", "replace").decode()[:_MAX_NOTE]


def _read_note(path: Path) -> str | None:
    with suppress(OSError):
        since = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        if note := path.read_text(encoding="utf-8", errors="replace")[:_MAX_NOTE]:
            return f"{note}, since {since:%Y-%m-%d %H:%M} UTC"
    return None


def _ask_holder(session: Connection, of: Lock) -> str | None:
    query = text(
        "SELECT a.application_name, a.state_change AT TIME ZONE 'UTC' FROM pg_locks l "
        "JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.granted "
        "AND l.classid = 0 AND l.objid = :key AND l.objsubid = 1 "
        "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    found = session.execute(query, {"key": ADVISORY_LOCKS[of]}).first()
    if found is None:
        return None
    since = f", since {found[1]:%Y-%m-%d %H:%M} UTC" if found[1] else ""  # of another's: unknown
    return f"{found[0]}{since}"


def _locked(name: str, timeout_s: float, of: Lock, holder: str | None) -> LockedError:
    who = f"{holder}; " if holder else ""
    return LockedError(
        f"{_HOLDERS[of]} the store {name} ({who}waited {timeout_s:g} s); try again when it has "
        "finished, or wait longer with --lock-timeout"
    )
