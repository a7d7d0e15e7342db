"""Vectors once more as pgvector's ``halfvec``, where a server has it: what it compares itself.

``vector.data`` is what counts and what everything reads; these rows go with theirs. They are made
by ``earful migrate`` once the extension is in the database, and kept from then on.
"""

import struct
from collections.abc import Iterable, Mapping
from itertools import batched
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, LargeBinary, MetaData, Table, Text, select, text
from sqlalchemy import Column as Col

from pipelines import tables
from pipelines.bulk import copy_rows
from pipelines.encoder_pass import VECTOR_TYPE

NAME: Final = "vector_half"
_BATCH_ROWS: Final = 5_000
# Told to the driver as bytes: what it sends is what the server's halfvec reads.
_HALF = Table(
    NAME,
    MetaData(),
    Col("text_hash", Text, primary_key=True),
    Col("model", Text, primary_key=True),
    Col("data", LargeBinary),
)
# Of any width: another encoder has another. What deletes a vector deletes it here.
_CREATE: Final = f"""
CREATE TABLE {NAME} (
    text_hash text, model text, data halfvec NOT NULL, PRIMARY KEY (text_hash, model),
    FOREIGN KEY (text_hash, model) REFERENCES vector (text_hash, model) ON DELETE CASCADE
)"""


def has_half_vectors(connection: Connection) -> bool:
    """Whether the store keeps them."""
    if connection.dialect.name != "postgresql":
        return False
    return connection.execute(text(f"SELECT to_regclass('{NAME}')")).scalar() is not None


def keep_half_vectors(connection: Connection) -> bool:
    """Keep them from now on, where the server can; all that the store has are written.

    :returns: whether they are kept.
    """
    if connection.dialect.name != "postgresql":
        return False
    if has_half_vectors(connection):
        return True
    if connection.execute(text("SELECT to_regtype('halfvec')")).scalar() is None:
        return False
    connection.execute(text(_CREATE))
    fill_half_vectors(connection)
    return True


def fill_half_vectors(connection: Connection) -> None:
    """Write those of all vectors; the table is empty."""
    stored = select(tables.vector).execution_options(yield_per=_BATCH_ROWS)
    for rows in connection.execute(stored).partitions():
        _write(connection, ((row.text_hash, row.model, row.data) for row in rows))


def write_half_vectors(connection: Connection, model: str, vectors: Mapping[str, bytes]) -> None:
    """Write those of texts whose vectors were just stored, where they are kept."""
    if has_half_vectors(connection):
        _write(connection, ((key, model, data) for key, data in vectors.items()))


def pack_half(data: bytes) -> bytes:
    """A stored vector as pgvector sends and receives it: its width, and big-endian numbers."""
    numbers = np.frombuffer(data, dtype=VECTOR_TYPE)
    return struct.pack(">HH", len(numbers), 0) + numbers.astype(">f2").tobytes()


def _write(connection: Connection, rows: Iterable[tuple[str, str, bytes]]) -> None:
    names = ("text_hash", "model", "data")
    packed = (dict(zip(names, (key, model, pack_half(data)), strict=True)) for key, model, data in rows)
    copy_rows(connection, _HALF, names, packed)
