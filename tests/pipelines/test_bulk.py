"""Many rows at once: the same on both databases, however few or many, and nothing half done."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func

from pipelines import tables
from pipelines.bulk import COPY_ROWS, insert_rows, merge_rows, update_rows
from pipelines.errors import StoreError
from pipelines.store import Store
from tests.pipelines.conftest import read_rows

ODD = "tab\tline\nback\\slash \\N \\. \"quotes' א\u202e 😀"
SIZES = (1, COPY_ROWS - 1, COPY_ROWS, COPY_ROWS + 1)


def make_rows(n: int) -> list[dict[str, Any]]:
    """Customers with odd signs, documents, dates and nulls."""
    return [
        {
            "customer_id": f"c{number:05d}",
            "segment": ODD if number % 2 else None,
            "attributes": {ODD: [number, 0.1, None]} if number % 3 else None,
            "valid_from": datetime(2026, 1, 1, 1, 2, 3, 456_789, UTC) if number % 2 else None,
        }
        for number in range(n)
    ]


def columns_of(store: Store, *names: str) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        return read_rows(connection, "customer", *names)


@pytest.mark.parametrize("n", SIZES)
def test_what_is_written_in_bulk_is_read_as_it_was(store: Store, n: int) -> None:
    rows = make_rows(n)
    with store.write() as connection:
        insert_rows(connection, tables.customer, rows)
    assert columns_of(store, *rows[0]) == [tuple(row.values()) for row in rows]


@pytest.mark.parametrize("n", SIZES)
def test_updates_set_what_is_given_and_what_is_derived_and_nothing_else(
    store: Store, n: int
) -> None:
    rows = make_rows(n + 1)
    changes = [{"customer_id": row["customer_id"], "country": "IL"} for row in rows[:n]]
    with store.write() as connection:
        insert_rows(connection, tables.customer, rows)
        update_rows(
            connection,
            tables.customer,
            changes,
            lambda given: {"lang": func.lower(given["country"])},
        )
        update_rows(connection, tables.customer, [])
    found = columns_of(store, "country", "lang", "segment")
    assert found[:n] == [("IL", "il", row["segment"]) for row in rows[:n]]
    assert found[n] == (None, None, rows[n]["segment"])


@pytest.mark.parametrize("n", SIZES)
def test_merging_counts_what_is_new_or_differs_and_the_last_of_two_counts(
    store: Store, n: int
) -> None:
    names = ("segment", "attributes", "valid_from")
    rows = make_rows(n)
    twice = [{**rows[0], "segment": "first"}, *rows[1:], {**rows[0], "segment": "last"}]

    def merge(given: list[dict[str, Any]]) -> int:
        with store.write() as connection:
            return merge_rows(connection, tables.customer, given, changed=names, compared=names)

    assert merge(rows) == n
    assert merge(rows) == 0
    assert merge([*rows[:-1], {**rows[-1], "segment": "other"}]) == 1
    merge(twice)
    assert columns_of(store, "segment")[0] == ("last",)


def test_a_row_that_is_there_ends_it_and_leaves_nothing(store: Store) -> None:
    rows = make_rows(COPY_ROWS)
    with pytest.raises(StoreError) as caught, store.write() as connection:
        insert_rows(connection, tables.customer, [*rows, rows[0]])
    assert "c00000" not in str(caught.value)
    assert columns_of(store, "customer_id") == []


def test_nothing_is_asked_to_come_back_and_no_temporary_table_stays(store: Store) -> None:
    said: list[str] = []
    event.listen(
        store.engine, "before_cursor_execute", lambda _c, _cu, statement, *_: said.append(statement)
    )
    rows = make_rows(COPY_ROWS)
    with store.write() as connection:
        insert_rows(connection, tables.customer, rows)
        update_rows(connection, tables.customer, rows)
        merge_rows(connection, tables.customer, rows, changed=["segment"], compared=["segment"])
        if store.path is None:
            made = "SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'"
            assert connection.exec_driver_sql(made).scalar() == 0
    assert not [statement for statement in said if "RETURNING" in statement]


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.text("abc", min_size=1, max_size=2), st.text(max_size=3)), max_size=9))
def test_merging_twice_is_merging_once(store: Store, pairs: list[tuple[str, str]]) -> None:
    rows = [
        {"name": f"law {key}", "value": value.replace("\0", "")}
        for key, value in (pairs * COPY_ROWS)[: COPY_ROWS + len(pairs)]
    ]
    if not rows:
        return

    def merge() -> int:
        latest = list({row["name"]: row for row in rows}.values())
        with store.write() as connection:
            merge_rows(connection, tables.store_info, rows, changed=["value"], compared=["value"])
            return merge_rows(
                connection, tables.store_info, latest, changed=["value"], compared=["value"]
            )

    assert merge() == 0
