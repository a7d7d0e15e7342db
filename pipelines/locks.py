"""The locks of a store, each held by one program at a time: a file, or a session on a server.

On a server a lock lives as long as the connection that took it. So every writing transaction takes
a lock of its own too, and asks whether the connections of its locks are still there: a run whose
lock was lost writes nothing more, and the next one waits until what it was writing has ended.
"""

import os
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from sqlalchemy import Connection, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from pipelines.errors import LockedError, StoreError

Lock = Literal["store", "syncs", "delivery"]
# Any constants will do, as long as every earful uses the same.
ADVISORY_LOCKS: Final[dict[Lock, int]] = {
    "store": 0x_EA5F_0001,
    "syncs": 0x_EA5F_0002,
    "delivery": 0x_EA5F_0003,
}
_WRITING: Final = 0x_EA5F_0004
_HOLDERS: Final[dict[Lock, str]] = {
    "store": "another run holds",
    "syncs": "another earful sync sends rows of",
    "delivery": "another earful actions deliver sends what is due in",
}
LOCK_POLL_S = 0.2
# PostgreSQL cuts the name of a session after so many bytes.
_MAX_NOTE: Final = 63

_TRY = text("SELECT pg_try_advisory_lock(:key)")
_GIVE_BACK = text("SELECT pg_advisory_unlock(:key)")
_RENAME = text("SELECT set_config('application_name', :note, false)")
# A connection that was lost may have been made anew, without the lock.
_IS_HELD = text(
    "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted "
    "AND pid = pg_backend_pid() AND classid = 0 AND objid = CAST(:key AS oid) AND objsubid = 1)"
)


@contextmanager
def hold_file(
    path: Path, name: str, timeout_s: float, of: Lock, command: str = ""
) -> Iterator[None]:
    """Hold a lock of a store in a file, which says who holds it.

    :param path: of the file of this lock.
    :param name: of the store, for messages.
    :raises LockedError: when another program still holds it after timeout_s seconds.
    :raises StoreError: when the file cannot be written.
    """
    from filelock import FileLock, Timeout

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
def hold_session(
    engine: Engine, name: str, timeout_s: float, of: Lock, command: str = ""
) -> Iterator[Connection]:
    """Hold a lock of a store on a server, in a session whose name says who holds it; give that.

    :param name: of the store, for messages.
    :raises LockedError: when another program still holds it after timeout_s seconds.
    """
    with engine.connect() as connection:
        session = connection.execution_options(isolation_level="AUTOCOMMIT")
        deadline = time.monotonic() + timeout_s
        while not _try_lock(session, of):
            if time.monotonic() >= deadline:
                raise _locked(name, timeout_s, of, _ask_holder(session, of))
            time.sleep(LOCK_POLL_S)
        session.execute(_RENAME, {"note": _note_holder(command)})
        try:
            yield session
        finally:
            # Where the connection is gone, so is the lock; what was committed is committed.
            with suppress(SQLAlchemyError):
                session.execute(_GIVE_BACK, {"key": ADVISORY_LOCKS[of]})


def begin_writing(connection: Connection, held: Mapping[Lock, Connection], name: str) -> None:
    """Have a transaction on a server be the only one that writes, and write under its locks only.

    :param held: the connections of the locks that it relies on.
    :raises StoreError: when one of them was lost: others may have written since.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITING})
    for of, session in held.items():
        try:
            is_held = session.execute(_IS_HELD, {"key": ADVISORY_LOCKS[of]}).scalar()
        except SQLAlchemyError:
            is_held = False
        if not is_held:
            raise StoreError(
                f"store {name}: the connection that held its lock ({of}) was lost, and another "
                "run may have begun; nothing more was written. Run the same command again"
            )


def _try_lock(session: Connection, of: Lock) -> bool:
    key = {"key": ADVISORY_LOCKS[of]}
    if not session.execute(_TRY, key).scalar():
        return False
    # Of a run that lost its lock while it wrote, the end is waited for.
    if of != "store" or session.execute(_TRY, {"key": _WRITING}).scalar():
        if of == "store":
            session.execute(_GIVE_BACK, {"key": _WRITING})
        return True
    session.execute(_GIVE_BACK, key)
    return False


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
