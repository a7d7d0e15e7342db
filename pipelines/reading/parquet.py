"""Parquet files, read in batches of rows."""

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

from pipelines.errors import InputError
from pipelines.reading.cutting import Cursor, RowSource
from pipelines.reading.flattening import flatten_record
from pipelines.reading.streams import InputFile
from pipelines.reading.tables import (
    BadRow,
    Row,
    Table,
    check_width,
    is_too_long,
    make_bad_row,
)

_BATCH_ROWS = 1_000


def open_parquet(file: InputFile) -> Table:
    """Open a Parquet file; nested values become dotted columns, times ISO text.

    :raises InputError: for damaged or encrypted files.
    """
    rows = RowSource(partial(_read_rows, file))
    head = list(itertools.islice(rows, _BATCH_ROWS))
    columns: dict[str, None] = dict.fromkeys(_list_columns(file))
    for row in head:
        if isinstance(row, Row):
            columns.update(dict.fromkeys(row.values))
    chained = itertools.chain(head, rows)
    return Table(file.name, list(columns), chained, "parquet", source=rows)


def _list_columns(file: InputFile) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with file.on_disk() as path:
        try:
            schema = pq.ParquetFile(path).schema_arrow
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _damaged(file.name, error) from error
    check_width(file.name, len(schema))
    return [field.name for field in schema if not pa.types.is_struct(field.type)]


def _read_rows(file: InputFile, cursor: Cursor) -> Iterator[Row | BadRow]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = cursor.start.number if cursor.start else 0
    with file.on_disk() as path:
        if path == file.path:  # else it would be unpacked for each part
            cursor.tell = lambda: (number, number)
        try:
            for batch in _read_batches(pq.ParquetFile(path), number):
                for record in _list_records(batch):
                    number += 1
                    yield _make_row(number, flatten_record(record))
        except (pa.ArrowException, OSError, ValueError) as error:
            if number == 0:
                raise _damaged(file.name, error) from error
            yield make_bad_row(number + 1, "damaged_file", "")


def _read_batches(parquet: Any, n_before: int) -> Iterator[Any]:
    """The batches behind so many rows; of the groups before them nothing is read."""
    sizes = [parquet.metadata.row_group(group).num_rows for group in range(parquet.num_row_groups)]
    first = 0
    while first < len(sizes) and n_before >= sizes[first]:
        n_before -= sizes[first]
        first += 1
    groups = list(range(first, len(sizes)))
    for batch in parquet.iter_batches(batch_size=_BATCH_ROWS, row_groups=groups):
        if n_before < batch.num_rows:
            yield batch.slice(n_before)
        n_before = max(0, n_before - batch.num_rows)


def _make_row(number: int, values: dict[str, str]) -> Row | BadRow:
    if is_too_long(values):
        shown = "; ".join(f"{name}={value[:100]}" for name, value in values.items())
        return make_bad_row(number, "cell_too_long", shown)
    return Row(number, values)


def _list_records(batch: Any) -> list[dict[str, Any]]:
    # to_pylist() of a whole batch keeps only the last of two columns with one name.
    import pyarrow as pa

    columns = []
    for column in batch.columns:
        if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
            # Python's datetime has no nanoseconds; pyarrow refuses values that have them.
            column = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
        columns.append(column.to_pylist())
    names = batch.schema.names
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _damaged(name: str, error: Exception) -> InputError:
    if "encrypt" in str(error).lower():
        return InputError(f"{name} is encrypted; write it without encryption")
    return InputError(f"{name} is damaged or not a Parquet file; export it again")
