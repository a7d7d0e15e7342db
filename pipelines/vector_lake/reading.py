"""Vectors, wherever they lie."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import numpy as np
from sqlalchemy import Connection, Select, Table, false, select

from pipelines import tables
from pipelines.id_batches import batch_ids
from pipelines.vector_lake.files import open_vectors
from pipelines.vector_lake.pending import LAKE_FACT, find_lake, find_pending
from pipelines.vector_lake.places import find_place

_BATCH = 5_000


@overload
def load_vectors(connection: Connection, held: Sequence[bytes]) -> list[bytes]: ...
@overload
def load_vectors(connection: Connection, held: Sequence[bytes | None]) -> list[bytes | None]: ...
def load_vectors(connection: Connection, held: Sequence[bytes | None]) -> list[Any]:
    """Vectors from what ``vector.data`` holds: themselves, or where they lie in the lake.

    :raises StoreError: when a file of the lake is gone or damaged.
    """
    found: list[Any] = list(held)
    by_file: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for at, data in enumerate(held):
        if (place := find_place(data)) is not None:
            by_file[place.file].append((at, place.row))
    for rows, own in _open_files(connection, by_file):
        for at, row in own:
            found[at] = bytes(rows[row])
    return found


def _open_files(
    connection: Connection, by_file: dict[int, list[tuple[int, int]]]
) -> Iterator[tuple[Any, list[tuple[int, int]]]]:
    pending = find_pending(connection)
    if pending is not None and pending.number in by_file:
        yield pending.data, by_file[pending.number]
    numbers = [each for each in by_file if pending is None or each != pending.number]
    folder = find_lake(connection) if numbers else None
    if folder is None:
        return
    file = tables.lake_file.c
    for batch in batch_ids(numbers):
        query = select(file.number, file.name, file.n_bytes).where(file.number.in_(batch))
        for number, name, n_bytes in connection.execute(query):
            yield open_vectors(folder / name, n_bytes), by_file[number]


def find_width(connection: Connection, encoder_name: str) -> int:
    """Dimensions of the vectors of an encoder; 0 where there is none."""
    vector = tables.vector.c
    query = select(vector.data).where(vector.model == encoder_name).limit(1)
    first = load_vectors(connection, list(connection.execute(query).scalars()))
    return len(first[0]) // np.dtype("<f2").itemsize if first else 0


def copied_rows(table: Table) -> Select[Any]:
    """The rows of a table but for what tells where the lake is."""
    if table is tables.lake_file:
        return select(table).where(false())
    query = select(table)
    return query.where(table.c.name != LAKE_FACT) if table is tables.store_info else query


def stream_rows(connection: Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    """All rows of a table as another store can hold them, which has no lake.

    :raises StoreError: when a file of the lake is gone or damaged.
    """
    query = copied_rows(table)
    if table is tables.vector:
        yield from stream_with_vectors(connection, query)
        return
    rows = connection.execute(query.execution_options(yield_per=_BATCH))
    yield from (tuple(row) for row in rows)


def stream_with_vectors(connection: Connection, query: Select[Any]) -> Iterator[tuple[Any, ...]]:
    """Rows of a query, with the vectors themselves where it asks for them.

    :raises StoreError: when a file of the lake is gone or damaged.
    """
    names = [column.name for column in query.selected_columns]
    at = names.index(tables.vector.c.data.name)
    for rows in connection.execute(query.execution_options(yield_per=_BATCH)).partitions():
        vectors = load_vectors(connection, [row[at] for row in rows])
        yield from _put(rows, at, vectors)


def _put(
    rows: Iterable[Any], at: int, vectors: Sequence[bytes | None]
) -> Iterator[tuple[Any, ...]]:
    for row, vector in zip(rows, vectors, strict=True):
        yield (*row[:at], vector, *row[at + 1 :])
