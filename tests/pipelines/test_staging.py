"""Merging rows: each id once, the newest, in whatever order they come."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine

from pipelines import tables
from pipelines.database import sqlite_driver
from pipelines.runs import Run
from pipelines.staging import Incoming, Merged, Staging, hash_content
from pipelines.upserts import upsert_rows
from tests.pipelines.conftest import read_rows

START = datetime(2026, 1, 1, tzinfo=UTC)


def incoming(key: str, day: int | None, segment: str, row_number: int = 1) -> Incoming:
    row: dict[str, Any] = {
        "customer_id": key,
        "segment": segment,
        "valid_from": None if day is None else START + timedelta(days=day),
    }
    row["content_hash"] = hash_content(row)
    return Incoming(row, "crm.csv", row_number, {"email": f"hash of {key}"})


def merge(run: Run, *rows: Incoming) -> tuple[Merged, list[str]]:
    staging = Staging(run.connection, tables.customer, ("valid_from",))
    losers = staging.add(rows)
    merged = staging.merge()
    staging.drop()
    reasons = [loser.reason for loser in (*losers, *merged.losers)]
    return merged, reasons


def segments(run: Run) -> dict[str, str]:
    return dict(read_rows(run.connection, "customer", "customer_id", "segment"))


def test_new_rows_are_inserted(run: Run) -> None:
    merged, reasons = merge(run, incoming("a", 1, "x"), incoming("b", 1, "y"))
    assert (merged.n_new, merged.n_known, merged.updated, reasons) == (2, 0, (), [])
    assert segments(run) == {"a": "x", "b": "y"}


def test_the_same_rows_again_are_known(run: Run) -> None:
    merge(run, incoming("a", 1, "x"))
    merged, reasons = merge(run, incoming("a", 1, "x"))
    assert (merged.n_new, merged.n_known, merged.updated, reasons) == (0, 1, (), [])


def test_a_newer_version_replaces_and_an_older_one_does_not(run: Run) -> None:
    merge(run, incoming("a", 5, "x"))
    merged, _ = merge(run, incoming("a", 6, "newer"))
    assert merged.updated == ("a",)
    merged, reasons = merge(run, incoming("a", 2, "older"))
    assert (merged.updated, reasons) == ((), ["older_version"])
    assert segments(run) == {"a": "newer"}


def test_an_undated_version_replaces(run: Run) -> None:
    merge(run, incoming("a", 5, "x"))
    merged, _ = merge(run, incoming("a", None, "undated"))
    assert merged.updated == ("a",)


def test_which_of_two_equal_rows_stays_does_not_depend_on_the_order_of_files(run: Run) -> None:
    one, other = (replace(incoming("a", 1, "x"), file=name) for name in ("a.csv", "b.csv"))
    for rows in ([one, other], [other, one]):
        staging = Staging(run.connection, tables.customer, ("valid_from",))
        assert [loser.incoming.file for loser in staging.add(rows)] == ["b.csv"]
        staging.drop()


def test_a_repeated_row_is_a_loser_with_its_place(run: Run) -> None:
    staging = Staging(run.connection, tables.customer, ("valid_from",))
    losers = staging.add([incoming("a", 1, "x", 2), incoming("a", 1, "x", 3)])
    assert [(each.reason, each.incoming.row_number) for each in losers] == [("repeated", 3)]
    losers = staging.add([incoming("a", 1, "x", 9)])
    assert [(each.reason, each.incoming.row_number) for each in losers] == [("repeated", 9)]
    staging.drop()


def version(day: int) -> Incoming:
    row: dict[str, Any] = {
        "feedback_id": "f1",
        "source": "shop",
        "party": "first",
        "run_id": "r",
        "text": "late",
        "lang": "en",
        "text_hash": "h",
        "noise_score": 0.0,
        "occurred_at": START + timedelta(days=day),
        "ingested_at": START,
    }
    row["content_hash"] = hash_content(row)
    return Incoming(row, "reviews.csv", day, {"email": f"of day {day}"})


@pytest.mark.parametrize(
    ("keep_all_keys", "kept"), [(False, ["of day 5"]), (True, ["of day 2", "of day 5"])]
)
def test_keys_of_a_version_older_than_the_stored_one_are_not_added_unless_all_are_kept(
    run: Run, keep_all_keys: bool, kept: list[str]
) -> None:
    reasons = []
    for day in (5, 2):
        staging = Staging(
            run.connection, tables.feedback, ("occurred_at",), keep_all_keys=keep_all_keys
        )
        staging.add([version(day)])
        reasons += [loser.reason for loser in staging.merge().losers]
        staging.copy_keys(tables.feedback_key)
        staging.drop()
    assert reasons == ["older_version"]
    keys = read_rows(run.connection, "feedback_key", "key_hash")
    assert sorted(key for (key,) in keys) == kept


@pytest.fixture
def connection() -> Iterator[Any]:
    engine = create_engine("sqlite://", module=sqlite_driver())
    tables.metadata.create_all(engine)
    with engine.connect() as opened:
        yield opened


@pytest.mark.parametrize("seed", range(25))
def test_the_order_of_rows_decides_nothing(connection: Any, seed: int) -> None:
    chance = random.Random(seed)
    rows = [
        incoming(chance.choice("abcd"), chance.choice([None, 1, 2, 3]), chance.choice("xyz"), n)
        for n in range(30)
    ]
    expected: dict[str, Incoming] = {}
    for each in rows:
        rank = (each.row["valid_from"] or START - timedelta(9), each.row["content_hash"])
        best = expected.get(each.row["customer_id"])
        if best is None or rank > (
            best.row["valid_from"] or START - timedelta(9),
            best.row["content_hash"],
        ):
            expected[each.row["customer_id"]] = each
    chance.shuffle(rows)
    staging = Staging(connection, tables.customer, ("valid_from",))
    n_losers = sum(len(staging.add(rows[start : start + 7])) for start in range(0, 30, 7))
    merged = staging.merge()
    staging.drop()
    assert segments(Run(connection, "r", START)) == {
        key: each.row["segment"] for key, each in expected.items()
    }
    assert merged.n_new + n_losers == 30


def test_an_upsert_writes_only_what_differs(run: Run) -> None:
    row = {"customer_id": "c", "theme_id": "t", "n_mentions": 2, "sentiment": 0.1 + 0.2}
    assert upsert_rows(run.connection, tables.customer_theme, [row]) == 1
    assert upsert_rows(run.connection, tables.customer_theme, [{**row, "sentiment": 0.3}]) == 0
    assert upsert_rows(run.connection, tables.customer_theme, [{**row, "n_mentions": 3}]) == 1


def test_an_upsert_leaves_a_row_alone_that_differs_only_in_its_run(run: Run) -> None:
    row = {"customer_id": "c", "n_feedback": 1, "evidence": ["m1"], "run_id": "r1"}
    assert upsert_rows(run.connection, tables.customer_insight, [row]) == 1
    assert upsert_rows(run.connection, tables.customer_insight, [{**row, "run_id": "r2"}]) == 0
    changed = {**row, "evidence": ["m1", "m2"], "run_id": "r3"}
    assert upsert_rows(run.connection, tables.customer_insight, [changed]) == 1
    assert read_rows(run.connection, "customer_insight", "run_id", "evidence") == [
        ("r3", ["m1", "m2"])
    ]
