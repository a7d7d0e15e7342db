"""The lake of a store from run to run: begun, checked, and rid of what nothing points to."""

import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import Connection, and_, delete, func, select

from pipelines import tables
from pipelines.bulk import update_rows
from pipelines.errors import StoreError
from pipelines.half_vectors import drop_half_vectors
from pipelines.id_batches import batch_ids
from pipelines.progress import Progress
from pipelines.store import write_info
from pipelines.vector_lake.files import FILE_ROWS, VectorFile, is_whole, list_names, read_texts
from pipelines.vector_lake.pending import (
    LAKE_FACT,
    find_lake,
    note_replaced,
    put_vectors,
    write_pending,
)
from pipelines.vector_lake.places import PLACE_BYTES, Place, find_place, pack_place
from pipelines.vector_lake.reading import load_vectors

# A file in the folder, so that one that is not mounted is not taken for one that lost its files.
_MARK: Final = "earful-vectors"
# Then chance: a copy of a store has its id.
_NAME: Final = "vectors-"
# Files that are less than half full; more are made one.
_MAX_SMALL: Final = 16


def settle_lake(connection: Connection, root: Path, progress: Progress, *, is_wanted: bool) -> int:
    """See that the lake is there, before a run writes to it; where it is wanted, begin it.

    A store that has a lake keeps it. Its folder may be moved, with all that is in it.

    :param root: the folder, of those who have this id, that the configuration says it is in.
    :returns: files that are gone or damaged; their texts have no vector any more.
    :raises StoreError: when it is not there, or cannot be written.
    """
    known = find_lake(connection)
    if known is None:
        if is_wanted:
            _begin(connection, root / f"{_NAME}{secrets.token_hex(8)}", progress)
        return 0
    moved = root / known.name
    if known != moved and _is_marked(moved):
        write_info(connection, LAKE_FACT, str(moved))
        known = moved
    if not _is_marked(known):
        raise StoreError(
            f"the folder {known}, in which the vectors of this store lie, is not there; mount it, "
            "put it back, or name the lake's new place as lake under [engine]. If it is lost for "
            f"good, make an empty file {known / _MARK}: the next run then reads all texts again"
        )
    remove_unknown(connection)
    n_lost = _drop_lost(connection, known)
    _merge_small(connection, known)
    return n_lost


def _begin(connection: Connection, folder: Path, progress: Progress) -> None:
    """Make the folder, and move there what the store has."""
    try:
        folder.mkdir(mode=0o700, parents=True)
        (folder / _MARK).touch(mode=0o600)
    except OSError as error:
        raise StoreError(
            f"the lake {folder} cannot be made ({error.strerror or error}); name another folder, "
            "as lake under [engine]"
        ) from error
    write_info(connection, LAKE_FACT, str(folder))
    drop_half_vectors(connection)
    vector = tables.vector.c
    is_held = func.length(vector.data) != PLACE_BYTES
    total = connection.execute(select(func.count()).where(is_held)).scalar_one()
    if not total:
        return
    progress.start("moving vectors to the lake", total, "texts")
    query = select(tables.vector).where(is_held).order_by(vector.model).limit(FILE_ROWS)
    while rows := connection.execute(query).all():
        _put(connection, folder, (_Vector(*row) for row in rows))
        progress.advance(len(rows))
    progress.finish(str(folder))


class _Vector(NamedTuple):
    """A row of the table ``vector``."""

    text_hash: str
    model: str
    data: bytes


def _put(connection: Connection, folder: Path, rows: Iterable[_Vector]) -> None:
    """Have the table point to the lake for some of its rows, which lie by model."""
    for model, own in groupby(rows, lambda row: row.model):
        places = put_vectors(connection, folder, model, {row.text_hash: row.data for row in own})
        update_rows(
            connection,
            tables.vector,
            [{"text_hash": key, "model": model, "data": data} for key, data in places.items()],
        )


def _is_marked(folder: Path) -> bool:
    return (folder / _MARK).exists()


def list_lake_files(connection: Connection) -> list[Path]:
    """The files that the vectors of a store lie in."""
    folder = find_lake(connection)
    if folder is None:
        return []
    return [folder / name for name in sorted(connection.execute(_NAMES).scalars())]


_NAMES: Final = select(tables.lake_file.c.name)


def remove_unknown(connection: Connection) -> None:
    """Remove files that nothing points to; only while no other run can write.

    They were written by a run that was taken back, or replaced since.
    """
    folder = find_lake(connection)
    if folder is None:
        return
    known = set(connection.execute(_NAMES).scalars())
    for name in list_names(folder):
        if name not in known:
            (folder / name).unlink(missing_ok=True)


def find_lost(connection: Connection, *, is_thorough: bool = False) -> list[str]:
    """Files of the lake that are gone or not of the size they had.

    :param is_thorough: compare every byte.
    """
    folder, file = find_lake(connection), tables.lake_file.c
    if folder is None:
        return []
    rows = connection.execute(select(file.name, file.n_bytes, file.digest)).all()
    known = [VectorFile(*row) for row in rows]
    if is_thorough:
        return sorted(each.name for each in known if not is_whole(folder / each.name, each))
    return sorted(each.name for each in known if _size(folder / each.name) != each.n_bytes)


def _size(path: Path) -> int | None:
    with suppress(OSError):
        return path.stat().st_size
    return None


def _drop_lost(connection: Connection, folder: Path) -> int:
    """Have texts whose vectors are lost read again, and their feeling with them."""
    file, vector, felt = tables.lake_file.c, tables.vector.c, tables.text_sentiment
    lost = find_lost(connection)
    for batch in batch_ids(lost):
        numbers = connection.execute(select(file.number).where(file.name.in_(batch))).scalars()
        for number in list(numbers):
            first, end = (pack_place(Place(each, 0)) for each in (number, number + 1))
            is_there = and_(
                func.length(vector.data) == PLACE_BYTES, vector.data >= first, vector.data < end
            )
            texts = select(vector.text_hash).where(is_there)
            connection.execute(delete(felt).where(felt.c.text_hash.in_(texts)))
            connection.execute(delete(tables.vector).where(is_there))
        connection.execute(delete(tables.lake_file).where(file.name.in_(batch)))
    for name in lost:
        (folder / name).unlink(missing_ok=True)
    return len(lost)


def _merge_small(connection: Connection, folder: Path) -> None:
    """Make few files of many that hold little. Who reads the old ones has until the next run."""
    file = tables.lake_file.c
    query = select(file.number).where(file.n_rows < FILE_ROWS // 2)
    small = list(connection.execute(query).scalars())
    if len(small) > _MAX_SMALL:
        _rewrite(connection, folder, small)


def find_files(connection: Connection, text_hashes: Sequence[str]) -> set[int]:
    """The files of the lake that hold vectors of these texts."""
    vector = tables.vector.c
    found: set[int] = set()
    for batch in batch_ids(text_hashes):
        query = select(vector.data).where(vector.text_hash.in_(batch))
        places = (find_place(data) for data in connection.execute(query).scalars())
        found.update(place.file for place in places if place is not None)
    return found


def erase_from_files(connection: Connection, numbers: Collection[int]) -> None:
    """Write files anew without what nothing points to; the old ones go with the transaction's end.

    :raises StoreError: when a file is gone or damaged, or cannot be written.
    """
    folder = find_lake(connection)
    if folder is None or not numbers:
        return
    write_pending(connection)
    note_replaced(connection, _rewrite(connection, folder, sorted(numbers)))


def _rewrite(connection: Connection, folder: Path, numbers: Sequence[int]) -> list[Path]:
    """Put what files hold that is still pointed to into new ones.

    :returns: the old ones.
    """
    file = tables.lake_file.c
    paths = []
    for batch in batch_ids(numbers):
        query = select(file.number, file.name).where(file.number.in_(batch)).order_by(file.number)
        for number, name in connection.execute(query).all():
            _put(connection, folder, _read_used(connection, folder / name, number))
            connection.execute(delete(tables.lake_file).where(file.number == number))
            paths.append(folder / name)
    return paths


def _read_used(connection: Connection, path: Path, number: int) -> Iterator[_Vector]:
    """Rows of the table whose vectors lie in a file, with these."""
    vector = tables.vector.c
    model, keys = read_texts(path)
    for batch in batch_ids(keys):
        query = select(tables.vector).where(vector.text_hash.in_(batch), vector.model == model)
        rows = [row for row in connection.execute(query) if _lies_in(row.data, number)]
        data = load_vectors(connection, [row.data for row in rows])
        for row, own in zip(rows, data, strict=True):
            yield _Vector(row.text_hash, row.model, own)


def _lies_in(data: bytes, number: int) -> bool:
    place = find_place(data)
    return place is not None and place.file == number


def bring_home(connection: Connection) -> None:
    """Have a copy of a store hold its vectors itself, for it is to be whole without the lake.

    :raises StoreError: when a file of the lake is gone or damaged.
    """
    if find_lake(connection) is None:
        return
    vector, fact = tables.vector.c, tables.store_info.c
    is_away = func.length(vector.data) == PLACE_BYTES
    # By file: each is read from its beginning to its end.
    query = select(tables.vector).where(is_away).order_by(vector.data).limit(FILE_ROWS)
    while rows := connection.execute(query).all():
        found = load_vectors(connection, [row.data for row in rows])
        changed = [
            {"text_hash": row.text_hash, "model": row.model, "data": data}
            for row, data in zip(rows, found, strict=True)
        ]
        update_rows(connection, tables.vector, changed)
    connection.execute(delete(tables.lake_file))
    connection.execute(delete(tables.store_info).where(fact.name == LAKE_FACT))
