"""Vectors once more as pgvector's ``halfvec``, where a server has it: what it compares itself.

``vector.data`` is what counts and what everything reads; these rows go with theirs. They are made
by ``earful migrate`` once the extension is in the database, and kept from then on. The extension
has a type that is called as the table ``vector``, so it needs a schema of its own.
"""

import struct
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from sqlalchemy import Column, Connection, LargeBinary, MetaData, Table, Text, and_, select, text

from pipelines import tables
from pipelines.bulk import copy_rows
from pipelines.encoder_pass import VECTOR_TYPE
from pipelines.errors import ConfigError
from pipelines.vector_lake.pending import find_lake

NAME: Final = "vector_half"
_BATCH_ROWS: Final = 5_000
# Told to the driver as bytes: what it sends is what the server's halfvec reads.
HALF = Table(
    NAME,
    MetaData(),
    Column("text_hash", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("data", LargeBinary),
)
# Of any width: another encoder has another. What deletes a vector deletes it here.
_CREATE: Final = """
CREATE TABLE {name} (
    text_hash text, model text, data {schema}.halfvec NOT NULL, PRIMARY KEY (text_hash, model),
    FOREIGN KEY (text_hash, model) REFERENCES vector (text_hash, model) ON DELETE CASCADE
)"""
_FIND_SCHEMA: Final = text(
    "SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = "
    "e.extnamespace JOIN pg_type t ON t.typnamespace = n.oid AND t.typname = 'halfvec' "
    "WHERE e.extname = 'vector'"
)
_HIDES_TABLE: Final = text(
    "SELECT EXISTS (SELECT 1 FROM pg_extension e WHERE e.extname = 'vector' "
    "AND e.extnamespace = to_regnamespace(current_schema()))"
)


def has_half_vectors(connection: Connection) -> bool:
    """Whether the store keeps them."""
    if connection.dialect.name != "postgresql":
        return False
    return connection.execute(text(f"SELECT to_regclass('{NAME}')")).scalar() is not None


def find_schema(connection: Connection) -> str | None:
    """The schema of pgvector's types, quoted; None where the database has not got them."""
    if connection.dialect.name != "postgresql":
        return None
    schema: str | None = connection.execute(_FIND_SCHEMA).scalar()
    return schema


def refuse_hidden_table(connection: Connection) -> None:
    """Say why the tables cannot be made, where the extension lies in their schema.

    :raises ConfigError: with what to do.
    """
    if connection.dialect.name == "postgresql" and connection.execute(_HIDES_TABLE).scalar():
        raise ConfigError(
            "the extension pgvector lies in the schema of the store, and its type has the name of "
            "earful's table vector; give it a schema of its own: CREATE SCHEMA extensions; "
            "ALTER EXTENSION vector SET SCHEMA extensions"
        )


def drop_half_vectors(connection: Connection) -> None:
    """Keep them no longer: the vectors go to the lake, to make the store small."""
    if has_half_vectors(connection):
        connection.execute(text(f"DROP TABLE {NAME}"))


def keep_half_vectors(connection: Connection) -> bool:
    """Keep them from now on, where the server can and the store has its vectors itself.

    All that it has are written.

    :returns: whether they are kept.
    """
    schema = find_schema(connection)
    if schema is None or find_lake(connection) is not None:
        return False
    if not has_half_vectors(connection):
        connection.execute(text(_CREATE.format(name=NAME, schema=schema)))
    _fill_missing(connection)
    return True


def _fill_missing(connection: Connection) -> None:
    vector = tables.vector.c
    is_same = and_(HALF.c.text_hash == vector.text_hash, HALF.c.model == vector.model)
    missing = select(tables.vector).outerjoin(HALF, is_same).where(HALF.c.model.is_(None))
    stored = missing.execution_options(yield_per=_BATCH_ROWS)
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
    packed = (
        dict(zip(names, (key, model, pack_half(data)), strict=True)) for key, model, data in rows
    )
    copy_rows(connection, HALF, names, packed)
