"""Parquet: every type as text, damage told."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import InputError


def test_every_type_becomes_text(tmp_path, open_bytes):
    table = pa.table(
        {
            "id": pa.array([1, 2**60], pa.int64()),
            "price": [Decimal("1.50"), None],
            "at": pa.array([1_700_000_000_000_000_001, None], pa.timestamp("ns", "UTC")),
            "day": [dt.date(2024, 3, 1), None],
            "ok": [True, False],
            "user": [{"name": "a", "age": 3}, {"name": "b", "age": None}],
            "tags": [["x", "y"], []],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    opened = open_bytes("a.parquet", (tmp_path / "t.parquet").read_bytes())
    assert opened.columns == ["id", "price", "at", "day", "ok", "tags", "user.name", "user.age"]
    assert [row.values for row in opened.rows] == [
        {
            "id": "1",
            "price": "1.50",
            "at": "2023-11-14 22:13:20+00:00",
            "day": "2024-03-01",
            "ok": "true",
            "user.name": "a",
            "user.age": "3",
            "tags": "x; y",
        },
        {"id": str(2**60), "ok": "false", "user.name": "b", "tags": ""},
    ]


def test_a_damaged_file_is_a_clear_error(open_bytes):
    with pytest.raises(InputError, match="damaged or not a Parquet file"):
        open_bytes("a.parquet", b"PAR1" + bytes(100))
