"""Keys and ids of erased persons: what comes in by one of them is counted, never stored.

What is kept is a keyed hash of the keyed hash, so that nothing in the store equals it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, literal, select, update

from pipelines import tables
from pipelines.bulk import insert_rows
from pipelines.id_batches import batch_ids
from pipelines.secret import hash_key
from pipelines.store import read_info, write_info

Key = tuple[str, str]
_blocked, _file = tables.blocked_key.c, tables.input_file.c
_STALE = "stale "
# By kind, the column that dates its rows and the one with an id that is derived from the source's.
_DATES = {"feedback": "occurred_at", "events": "at"}


@dataclass(frozen=True)
class Blocks:
    """What does not come in again, for one reading of a file."""

    hashes: frozenset[str]
    before: datetime | None
    secret: bytes

    @classmethod
    def read(cls, connection: Connection, secret: bytes) -> "Blocks":
        """What the store blocks now."""
        hashes = connection.execute(select(_blocked.key_hash)).scalars()
        return cls(frozenset(hashes), read_purge_date(connection), secret)

    def holds_row(self, kind: str, row: Mapping[str, Any], keys: Mapping[str, str]) -> bool:
        """Whether a row is of somebody who was erased, or older than what was purged.

        :param kind: feedback, customers or events.
        """
        at = row.get(_DATES.get(kind, ""))
        if self.before is not None and at is not None and at < self.before:
            return True
        return self.holds_keys([*keys.items(), ("feedback_id", str(row.get("feedback_id")))])

    def holds_keys(self, keys: Iterable[Key]) -> bool:
        """Whether one of these keys is of somebody who was erased."""
        if not self.hashes:
            return False
        return any(hash_blocked(self.secret, key) in self.hashes for key in keys)

    def holds_person(self, keys: Mapping[str, str]) -> bool:
        """Whether a row that could not be used names somebody who was erased.

        :param keys: whom it names: keyed hash by key type.
        """
        if not self.hashes:
            return False
        return self.holds_keys(keys.items())


def forget_files(connection: Connection) -> None:
    """Have every file read anew: what it says of its rows does not hold any more."""
    statement = update(tables.input_file).where(_file.settings_hash.not_like(f"{_STALE}%"))
    connection.execute(statement.values(settings_hash=literal(_STALE).concat(_file.settings_hash)))


def drop_read_file(connection: Connection, file_hash: str, settings_hash: str) -> None:
    """Let the row of a file go that is read anew."""
    connection.execute(
        delete(tables.input_file).where(
            _file.file_hash == file_hash,
            _file.settings_hash.in_((settings_hash, _STALE + settings_hash)),
        )
    )


_PURGED_BEFORE = "purged_before"


def hash_blocked(secret: bytes, key: Key) -> str:
    """What is kept of a key of somebody who is erased."""
    return hash_key(secret, f"blocked {key[0]}", key[1])


def block_keys(connection: Connection, secret: bytes, keys: Iterable[Key], request_id: str) -> int:
    """Have nothing with one of these keys stored again.

    :returns: how many are new.
    """
    hashes = sorted({hash_blocked(secret, key) for key in keys})
    new = sorted(set(hashes) - find_blocked(connection, hashes))
    rows = [{"key_hash": each, "request_id": request_id} for each in new]
    insert_rows(connection, tables.blocked_key, rows)
    return len(new)


def find_blocked(connection: Connection, hashes: Sequence[str]) -> set[str]:
    """Which of these are blocked."""
    found: set[str] = set()
    for batch in batch_ids(hashes):
        query = select(_blocked.key_hash).where(_blocked.key_hash.in_(batch))
        found.update(connection.execute(query).scalars())
    return found


def is_blocked(connection: Connection, secret: bytes, keys: Iterable[Key]) -> bool:
    """Whether one of these keys is blocked."""
    return bool(find_blocked(connection, [hash_blocked(secret, key) for key in keys]))


def read_purge_date(connection: Connection) -> datetime | None:
    """Until when feedback and events were purged: what is older is not stored again."""
    stored = read_info(connection, _PURGED_BEFORE)
    return datetime.fromisoformat(stored) if stored else None


def write_purge_date(connection: Connection, before: datetime) -> None:
    """Remember a purge; an earlier one of more days stays."""
    known = read_purge_date(connection)
    if known is None or before > known:
        write_info(connection, _PURGED_BEFORE, before.isoformat())
