"""All rows of one store into another, whatever their databases are.

The seam to ``earful copy-store``: what it does row by row, a backup of PostgreSQL needs too.
"""

from collections.abc import Mapping
from itertools import islice

from sqlalchemy import Connection, delete, func, insert, select

from pipelines import tables
from pipelines.vector_lake.reading import copied_rows, stream_rows

_BATCH = 1_000


def copy_rows(source: Connection, target: Connection) -> None:
    """Put every row of a store into another one of the same schema that holds none yet."""
    # What a new store says of itself gives way to what the copied one does.
    target.execute(delete(tables.store_info))
    for table in tables.metadata.sorted_tables:
        names = [column.name for column in table.c]
        rows = stream_rows(source, table)
        while batch := list(islice(rows, _BATCH)):
            target.execute(insert(table), [dict(zip(names, row, strict=True)) for row in batch])


def count_rows(connection: Connection) -> Mapping[str, int]:
    """Rows by table, of all that a copy has."""
    return {
        table.name: connection.execute(
            select(func.count()).select_from(copied_rows(table).subquery())
        ).scalar_one()
        for table in tables.metadata.sorted_tables
    }
