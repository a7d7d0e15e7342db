"""JSON that is a table as a whole, in the ways that pandas and others write it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import InputError
from pipelines.reading import turning
from pipelines.reading.tables import Row, Table
from pipelines.reading.turning import turn_table

Rows = list[dict[str, Any]]
NAMES = ("id", "text", "שביעות רצון", "Q1", "7")
CELLS = st.one_of(st.none(), st.text(max_size=5), st.integers(), st.booleans())


@st.composite
def tables(draw: st.DrawFn) -> Rows:
    """Two rows or more of two columns or more, not all of which are numbers."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=5, unique=True))
    row = st.tuples(*(CELLS for _ in names))
    rows = draw(st.lists(row, min_size=2, max_size=6))
    return [dict(zip(names, each, strict=True)) for each in rows]


def write_columns(rows: Rows) -> Any:
    """As DataFrame.to_json() does."""
    return {name: {str(k): row[name] for k, row in enumerate(rows)} for name in rows[0]}


def write_index(rows: Rows) -> Any:
    """As DataFrame.to_json(orient="index") does."""
    return {str(k): row for k, row in enumerate(rows)}


def write_split(rows: Rows) -> Any:
    """As DataFrame.to_json(orient="split") does."""
    return {
        "columns": [*rows[0]],
        "index": [*range(len(rows))],
        "data": [[*row.values()] for row in rows],
    }


def write_lists(rows: Rows) -> Any:
    """As DataFrame.to_dict(orient="list") does."""
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.parametrize("write", [write_columns, write_index, write_split, write_lists])
@given(rows=tables())
def test_rows_come_back_from_every_way_to_write_them(
    write: Callable[[Rows], Any], rows: Rows
) -> None:
    assert turn_table(json.loads(json.dumps(write(rows)))) == rows


TURNED: list[tuple[Any, Any]] = [
    ({"r1": {"t": "a"}, "r2": {"t": "b"}}, [{"id": "r1", "t": "a"}, {"id": "r2", "t": "b"}]),
    ({"a": {"0": 1, "5": 2}, "b": {"5": 3}}, [{"a": 1, "b": None}, {"a": 2, "b": 3}]),
    (
        {"cols": [{"name": "t"}, {"name": "n"}], "rows": [["a", 1], ["b", 2]]},
        [{"t": "a", "n": 1}, {"t": "b", "n": 2}],
    ),
]
RECORDS: list[Any] = [
    {"id": 1, "text": "a"},
    {"tags": ["a", "b"], "likes": ["c"]},
    {"tags": ["a"], "likes": ["c"]},
    {"tags": ["a", "b"]},
    {"user": {"id": 1, "name": "x"}, "page": {"id": 2, "name": "y"}},
    {"a1": {"text": "x"}, "a2": {"other": "y"}},
    {"columns": ["a", "b"], "data": [["x"]]},
    {"columns": ["a", "a"], "data": [["x", "y"]]},
    {"columns": [], "data": []},
    {"a": {"0": {"deep": 1}}, "b": {"0": 2}},
    {},
]


@pytest.mark.parametrize(("table", "rows"), TURNED)
def test_other_tables_are_turned(table: Any, rows: Rows) -> None:
    assert turn_table(table) == rows


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: json.dumps(record)[:40])
def test_records_stay(record: Any) -> None:
    assert turn_table(record) is None


def test_a_file_that_is_a_table_has_its_rows(open_bytes: Callable[..., Table]) -> None:
    rows: Rows = [{"id": f"r{k}", "text": f"words {k}", "n": k} for k in range(50)]
    told = [{name: str(value) for name, value in row.items()} for row in rows]
    for write in (write_columns, write_split, write_lists):
        table = open_bytes(f"{write.__name__}.json", "\ufeff" + json.dumps(write(rows)) + "\n")
        read = [row for row in table.rows if isinstance(row, Row)]
        assert [row.values for row in read] == told
        assert [row.number for row in read] == [*range(1, 51)]
    keyed = {row["id"]: {"text": row["text"], "n": row["n"]} for row in rows}
    table = open_bytes("keyed.json", json.dumps(keyed, indent=1))
    assert [row.values for row in table.rows if isinstance(row, Row)] == told


def test_a_table_that_is_too_long_says_how_to_write_it(
    open_bytes: Callable[..., Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turning, "MAX_TABLE_CHARS", 2**20)
    table = write_columns([{"id": k, "text": "words " * 20} for k in range(10_000)])
    with pytest.raises(InputError, match=r"orient='records'"):
        open_bytes("long.json", json.dumps(table))
    monkeypatch.setattr(turning, "MAX_TABLE_CHARS", 2**26)
    assert sum(1 for _ in open_bytes("long.json", json.dumps(table)).rows) == 10_000
