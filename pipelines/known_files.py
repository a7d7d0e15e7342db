"""Files that have been read, and whether what they say still holds."""

import hashlib
from dataclasses import dataclass, fields
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, insert, select

from pipelines import tables
from pipelines.reading.streams import InputFile
from pipelines.rights.blocks import drop_read_file

_BLOCK_BYTES = 2**20
_file = tables.input_file.c


@dataclass
class FileCounts:
    """What became of the rows: read = new + known + updated + rejected + left out + blocked.

    :param older: of the rejected those that another version of the same id beat.
    :param undecided: of these those that are no older, as far as their dates tell.
    """

    read: int = 0
    new: int = 0
    known: int = 0
    updated: int = 0
    rejected: int = 0
    left_out: int = 0
    blocked: int = 0
    older: int = 0
    undecided: int = 0

    def add(self, other: "FileCounts") -> None:
        """Add the counts of further files."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


class Reading(NamedTuple):
    """What was read, and how."""

    file_hash: str
    settings_hash: str


class Place(NamedTuple):
    """What makes two readings versions of one file."""

    kind: str
    source: str
    file: str


def hash_file(file: InputFile) -> str:
    """SHA-256 of a file's unpacked bytes.

    :raises InputError: when it cannot be read to its end.
    """
    digest = hashlib.sha256()
    with file.open() as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def find_counts(connection: Connection, reading: Reading) -> FileCounts | None:
    """What a file gave that was read before; None when it was not."""
    n_blocked = func.coalesce(_file.n_blocked, 0).label("n_blocked")
    query = select(_file.n_read, _file.n_rejected, _file.n_left_out, n_blocked).where(
        _is_of(reading)
    )
    found = connection.execute(query).one_or_none()
    if found is None:
        return None
    return FileCounts(
        read=found.n_read,
        known=found.n_read - found.n_rejected - found.n_left_out - found.n_blocked,
        rejected=found.n_rejected,
        left_out=found.n_left_out,
        blocked=found.n_blocked,
    )


def find_later(connection: Connection, reading: Reading, place: Place) -> set[Reading]:
    """What later runs read at the place of a known reading: while there is any, it may not hold."""
    own = select(_file.run_id).where(_is_of(reading)).scalar_subquery()
    is_there = and_(*(_file[name] == said for name, said in place._asdict().items()))
    query = select(_file.file_hash, _file.settings_hash).where(is_there, _file.run_id > own)
    return {Reading(*row) for row in connection.execute(query)}


def note_reading(
    connection: Connection, reading: Reading, place: Place, counts: FileCounts, run_id: str
) -> None:
    """Remember that a file was read, and what it gave."""
    drop_read_file(connection, *reading)
    connection.execute(
        insert(tables.input_file).values(
            **reading._asdict(),
            **place._asdict(),
            n_read=counts.read,
            n_rejected=counts.rejected,
            n_left_out=counts.left_out,
            n_blocked=counts.blocked,
            run_id=run_id,
        )
    )


def _is_of(reading: Reading) -> ColumnElement[bool]:
    return and_(_file.file_hash == reading.file_hash, _file.settings_hash == reading.settings_hash)
