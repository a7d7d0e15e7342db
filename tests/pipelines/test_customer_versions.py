"""Customers that come more than once: the record that was changed last counts, all are kept."""

from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import pytest

from pipelines.record_versions import read_record
from pipelines.store import Store
from tests.pipelines.conftest import read_rows
from tests.pipelines.export_files import HeardProgress, read_night, write_csv

HEADS = {
    "salesforce": "Id,LastName,Email,AccountId,LastModifiedDate,Segment__c,CreatedDate",
    "hubspot": "Record ID,Last Name,Email,Associated Company IDs,Last Modified Date,"
    "Lifecycle Stage,Create Date",
    "plain": "customer_id,name,email,company,updated_at,segment,created_at",
    "leads": "Customer ID,Name,Email,Company,Lead Last Modified,Segment,Created",
}
ROWS = (
    "C1,Levi,dana@example.com,1,2025-03-02T10:00:00Z,bronze,2020-01-01",
    "C1,Levi,dana@example.com,1,2026-03-02T10:00:00Z,gold,2020-01-01",
    "C1,Levi,dana@example.com,1,2024-03-02T10:00:00Z,silver,2020-01-01",
    "C2,Rad,omid@example.com,1,2026-03-02T10:00:00Z,basic,2020-01-01",
)


def read_tables(store: Store) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    with store.read() as connection:
        return (
            read_rows(connection, "customer", "customer_id", "segment"),
            sorted(read_rows(connection, "customer_version", "customer_id", "segment")),
        )


NEWEST = ([("C1", "gold"), ("C2", "basic")], [("C1", "bronze"), ("C1", "silver")])


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_the_record_that_was_changed_last_counts_and_the_others_are_kept(
    sqlite_store: Store, tmp_path: Path, head: str
) -> None:
    progress = HeardProgress()
    read_night(sqlite_store, [write_csv(tmp_path, "crm", head, *ROWS)], progress=progress)
    assert read_tables(sqlite_store) == NEWEST
    (told,) = progress.warnings
    assert told.startswith("2 records are older than another of the same customer: the newest")


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("is_one_night", [True, False])
def test_neither_the_order_of_rows_nor_that_of_files_decides(
    sqlite_store: Store, tmp_path: Path, order: tuple[int, ...], is_one_night: bool
) -> None:
    files = [
        write_csv(tmp_path, f"crm{place}", HEADS["plain"], ROWS[each], ROWS[3])
        for place, each in enumerate(order)
    ]
    for night in [files] if is_one_night else [[file] for file in files]:
        read_night(sqlite_store, night)
    assert read_tables(sqlite_store) == NEWEST


def test_of_records_without_a_date_the_content_decides_and_a_later_file_replaces(
    sqlite_store: Store, tmp_path: Path
) -> None:
    head, rows = "customer_id,email,segment", ["C1,d@example.com,gold", "C1,d@example.com,silver"]
    progress = HeardProgress()
    read_night(sqlite_store, [write_csv(tmp_path, "a", head, *rows)], progress=progress)
    first = read_tables(sqlite_store)
    (told,) = progress.warnings
    assert told.startswith("1 record differs from another of the same customer, and no date tells")
    assert "--map edited=COLUMN" in told
    read_night(sqlite_store, [write_csv(tmp_path, "b", head, *reversed(rows))])
    assert read_tables(sqlite_store) == first
    read_night(sqlite_store, [write_csv(tmp_path, "c", head, "C1,d@example.com,basic")])
    customers, older = read_tables(sqlite_store)
    assert customers == [("C1", "basic")]
    assert older == [("C1", "gold"), ("C1", "silver")]


def test_a_record_without_its_last_change_is_not_as_old_as_the_customer(
    store: Store, tmp_path: Path
) -> None:
    dated = write_csv(tmp_path, "dated", HEADS["plain"], ROWS[1])
    bare = write_csv(
        tmp_path, "bare", "customer_id,email,segment,created_at", "C1,d@example.com,new,2020-01-01"
    )
    read_night(store, [dated])
    read_night(store, [bare])
    assert read_tables(store)[0] == [("C1", "new")]


def test_as_of_a_day_the_record_is_the_one_of_then(store: Store, tmp_path: Path) -> None:
    read_night(store, [write_csv(tmp_path, "crm", HEADS["plain"], *ROWS)])
    bare = "customer_id,email,segment,created_at"
    read_night(store, [write_csv(tmp_path, "x", bare, "C3,s@example.com,first,2024-06-01")])
    read_night(store, [write_csv(tmp_path, "y", bare, "C3,s@example.com,second,2024-06-01")])

    def ask(customer_id: str, year: int) -> str | None:
        with store.read() as connection:
            row = read_record(connection, customer_id, datetime(year, 6, 30, tzinfo=UTC))
        assert row is not None
        assert row["customer_id"] == customer_id
        return row["segment"]

    assert [ask("C1", year) for year in (2023, 2024, 2025, 2027)] == [
        *(None, "silver", "bronze", "gold")
    ]
    # What nobody dated holds from when it was read; before, the first that was read.
    assert [ask("C3", year) for year in (2023, 2025, 9_000)] == [None, "first", "second"]
    with store.read() as connection:
        assert read_record(connection, "nobody") is None
