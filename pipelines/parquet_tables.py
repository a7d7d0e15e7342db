"""Parquet files written bit by bit, and the kinds of columns that they and CSV files have."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, BinaryIO, Literal

from sqlalchemy import JSON, DateTime, Double, Integer, TypeDecorator

Kind = Literal["text", "whole", "number", "moment", "json", "bytes"]
_ROWS_A_GROUP = 10_000


def find_kind(column_type: Any) -> Kind:
    """The kind of a column of a table or view."""
    base = column_type.impl_instance if isinstance(column_type, TypeDecorator) else column_type
    if isinstance(base, JSON):
        return "json"
    if isinstance(base, DateTime):
        return "moment"
    if isinstance(base, Double):
        return "number"
    return "whole" if isinstance(base, Integer) else "text"


def stream_parquet_rows(
    file: BinaryIO, kinds: Mapping[str, Kind], rows: Iterable[Sequence[Any]]
) -> None:
    """Write rows to an open file.

    :param kinds: of the columns by name; moments are aware datetimes, JSON is text.
    """
    import pyarrow as pa
    from pyarrow import parquet

    types: dict[Kind, Any] = {
        "text": pa.string(),
        "whole": pa.int64(),
        "number": pa.float64(),
        "moment": pa.timestamp("us", tz="UTC"),
        "json": pa.string(),
        "bytes": pa.binary(),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in kinds.items()])
    remaining = iter(rows)
    with parquet.ParquetWriter(file, schema) as writer:
        while group := list(islice(remaining, _ROWS_A_GROUP)):
            columns = [list(column) for column in zip(*group, strict=True)]
            writer.write_table(pa.table(columns, schema=schema))
