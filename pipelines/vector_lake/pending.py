"""Vectors that a transaction has taken in and that lie in no file yet."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, insert, select

from pipelines import tables
from pipelines.vector_lake.files import FILE_ROWS, write_file
from pipelines.vector_lake.places import Place, pack_place

_KEY: Final = "earful_pending_vectors"
_REPLACED: Final = "earful_replaced_files"
LAKE_FACT: Final = "vector_lake"


@dataclass
class Pending:
    """What the next file will hold: all of one model.

    :param number: of that file.
    """

    folder: Path
    number: int
    model: str = ""
    keys: list[str] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)


def find_lake(connection: Connection) -> Path | None:
    """The folder that the vectors of this store lie in; None where the store has them itself."""
    fact = tables.store_info.c
    query = select(fact.value).where(fact.name == LAKE_FACT)
    found = connection.execute(query).scalar_one_or_none()
    return Path(found) if found else None


def find_pending(connection: Connection) -> Pending | None:
    """What this transaction has not put into a file yet."""
    found: Pending | None = connection.info.get(_KEY)
    return found


def put_vectors(
    connection: Connection, folder: Path, model: str, vectors: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Take in vectors of texts, by hash: what stands in the table in their place.

    They are in a file when the transaction ends, see `write_pending`.

    :raises StoreError: when the lake cannot be written.
    """
    places = {}
    for key, data in vectors.items():
        pending = _find_open(connection, folder, model, len(data))
        places[key] = pack_place(Place(pending.number, len(pending.keys)))
        pending.keys.append(key)
        pending.data.append(data)
    return places


def _find_open(connection: Connection, folder: Path, model: str, width: int) -> Pending:
    pending = find_pending(connection)
    if pending and pending.keys:
        is_other = pending.model != model or len(pending.data[0]) != width
        if is_other or len(pending.keys) >= FILE_ROWS:
            write_pending(connection)
            pending = None
    if pending is None:
        number = tables.lake_file.c.number
        last = connection.execute(select(func.max(number))).scalar()
        pending = Pending(folder, 0 if last is None else last + 1)
        connection.info[_KEY] = pending
    pending.model = model
    return pending


def write_pending(connection: Connection) -> None:
    """Put what was taken in into a file, before the transaction ends.

    :raises StoreError: when the lake cannot be written.
    """
    pending = find_pending(connection)
    if pending is not None and pending.keys:
        file = write_file(pending.folder, pending.model, pending.keys, pending.data)
        row = {
            "number": pending.number,
            "name": file.name,
            "n_rows": len(pending.keys),
            "n_bytes": file.n_bytes,
            "digest": file.digest,
        }
        connection.execute(insert(tables.lake_file).values(row))
    drop_pending(connection)


def drop_pending(connection: Connection) -> None:
    """Let go of what was taken in, once it is in a file or the transaction is taken back."""
    connection.info.pop(_KEY, None)


def note_replaced(connection: Connection, paths: Iterable[Path]) -> None:
    """Remember files that must be gone when this transaction is done: somebody is erased."""
    connection.info.setdefault(_REPLACED, []).extend(paths)


@contextmanager
def finishing_files(connection: Connection) -> Iterator[list[Path]]:
    """Have what a transaction takes in lie in files when it is committed.

    :returns: gets the files that are to be removed once it is.
    :raises StoreError: when the lake cannot be written.
    """
    replaced: list[Path] = []
    info = connection.info  # a connection that was cut has none to ask for
    try:
        yield replaced
        write_pending(connection)
        replaced.extend(info.get(_REPLACED, ()))
    finally:
        for key in (_KEY, _REPLACED):
            info.pop(key, None)
