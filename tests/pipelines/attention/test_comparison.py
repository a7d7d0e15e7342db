"""Brands side by side: which columns are compared, what of them, and what is found."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from pipelines.attention.columns import Compared, NotCompared, find_compared, list_attributes
from pipelines.attention.comparing import Heard, compare_values
from pipelines.attention.comparison import compare_columns
from pipelines.attention.estimates import Sample
from pipelines.attention.settings import AttentionSettings
from pipelines.store import Store
from tests.pipelines.attention.said import add_said, said, write
from tests.pipelines.store_copies import open_copy

SETTINGS = AttentionSettings(min_voices=5)
HOSTILE = "<script>alert(1)</script>\u202eexe." + "x" * 300


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[Store]:
    opened = open_copy(sqlite_url, "empty")
    yield opened
    opened.engine.dispose()


def find(store: Store, name: str, settings: AttentionSettings = SETTINGS) -> Compared | NotCompared:
    with store.read() as connection:
        return find_compared(connection, name, settings, list_attributes(connection))


def compare(store: Store, *columns: str) -> dict[tuple[str, str], dict[str, Any]]:
    settings = AttentionSettings(min_voices=5, columns=columns)
    with store.read() as connection:
        rows = compare_columns(connection, settings)
    return {(row["value"], row["theme_id"]): row for row in rows}


def fly(values: dict[str, tuple[int, int]], name: str = "Airline") -> list[dict[str, Any]]:
    """Of each airline so many voices, of whom so many speak of delays."""
    return [
        said(
            "late" if number < n_late else "other",
            f"{value}-{number}",
            -0.9 if number < n_late else 0.3,
            attributes={name: value, "Ticket": f"{value}{number}", "Note": "free text"},
        )
        for value, (n, n_late) in values.items()
        for number in range(n)
    ]


def test_values_are_compared_with_intervals_and_corrected_for_all_that_was_tried(
    store: Store,
) -> None:
    write(store, lambda c: add_said(c, fly({"Alpha": (60, 40), "Beta": (60, 6), "Gamma": (50, 5)})))
    rows = compare(store, "airline")
    late = rows["Alpha", "late"]
    assert (late["dimension"], late["n_voices"], late["n_with_theme"]) == ("airline", 60, 40)
    assert late["share"] == pytest.approx(2 / 3)
    assert 0.5 < late["share_low"] < late["share"] < late["share_high"] < 0.8
    assert late["share_q"] < 1e-8
    assert (late["sentiment"], late["sentiment_q"]) == (pytest.approx(-0.9), pytest.approx(1.0))
    whole = rows["Beta", ""]
    assert (whole["n_voices"], whole["share"]) == (60, None)
    assert whole["sentiment"] == pytest.approx((6 * -0.9 + 54 * 0.3) / 60)
    assert whole["sentiment_q"] < 0.05
    assert rows["Gamma", "late"]["share_q"] < 0.05


def test_spellings_of_a_value_are_one_and_small_values_are_hidden(sqlite_store: Store) -> None:
    flights = {
        "Delta": (20, 9),
        "DELTA ": (8, 4),
        "Echo": (30, 6),
        "Foxtrot": (3, 3),
        "Golf": (4, 0),
    }
    write(sqlite_store, lambda c: add_said(c, fly(flights)))
    rows = compare(sqlite_store, "airline")
    assert {value for value, _ in rows} == {"Delta", "Echo"}
    assert rows["Delta", "late"]["n_voices"] == 28
    assert rows["Delta", "late"]["n_with_theme"] == 13


def test_a_small_value_cannot_be_reckoned_from_the_others(sqlite_store: Store) -> None:
    flights = {"Alpha": (30, 3), "Beta": (20, 2), "Gamma": (9, 1), "Delta": (2, 2)}
    write(sqlite_store, lambda c: add_said(c, fly(flights)))
    assert {value for value, _ in compare(sqlite_store, "airline")} == {"Alpha", "Beta"}


def test_columns_that_are_no_comparison_say_why(sqlite_store: Store) -> None:
    rows = fly({"Alpha": (40, 4), "Beta": (40, 4)})
    rows += [said("other", f"v{n}", attributes={"Seat": f"{n // 2}"}) for n in range(5_000)]
    write(sqlite_store, lambda c: add_said(c, rows))
    assert find(sqlite_store, "Ticket") == NotCompared("ticket", "few_values", 80)
    assert find(sqlite_store, "note") == NotCompared("note", "few_values", 1)
    assert find(sqlite_store, "seat") == NotCompared("seat", "few_values", 1_000)
    assert find(sqlite_store, "Cabin") == NotCompared("cabin", "missing")
    seats = AttentionSettings(min_voices=1, k=2, max_values=20)
    assert find(sqlite_store, "Seat", seats) == NotCompared("seat", "many_values", 1_000)
    assert isinstance(find(sqlite_store, "AIRLINE"), Compared)
    assert compare(sqlite_store, "ticket", "note", "seat", "cabin") == {}


def test_sources_channels_and_odd_names_can_be_compared(store: Store) -> None:
    name, other = "Brand – “x” 'y'", 'a "quoted" key'
    rows = [
        said(
            "late",
            f"v{n}",
            source=("app", "web")[n % 2],
            channel=("mail", "chat")[n % 2],
            attributes={name: (HOSTILE, "שם")[n % 2], other: "v", "n": "1"},
        )
        for n in range(40)
    ]
    write(store, lambda c: add_said(c, rows))
    assert {value for value, _ in compare(store, "source")} == {"app", "web"}
    assert {value for value, _ in compare(store, "channel")} == {"mail", "chat"}
    assert {value for value, _ in compare(store, name)} == {HOSTILE, "שם"}
    assert find(store, other) == NotCompared("a quoted key", "missing")


def test_one_column_under_two_names_is_compared_once(sqlite_store: Store) -> None:
    rows = [*fly({"Alpha": (20, 9)}, "Brand"), *fly({"Beta": (20, 1)}, "brand")]
    write(sqlite_store, lambda c: add_said(c, rows))
    found = compare(sqlite_store, "brand", "BRAND")
    assert len(found) == 6
    assert found["Beta", "late"]["share"] == pytest.approx(1 / 20)


def test_one_value_alone_and_no_attributes_are_no_comparison(sqlite_store: Store) -> None:
    rows = [*fly({"Alpha": (30, 9)}), said("late", "a1"), said("late", "a2", attributes={})]
    write(sqlite_store, lambda c: add_said(c, rows))
    assert compare(sqlite_store, *AttentionSettings().columns) == {}


def test_themes_of_few_voices_are_not_tried_and_cost_the_others_nothing() -> None:
    big = {"a": Heard(30, Sample(30, -15.0, 9.0)), "b": Heard(8, Sample(8, -4.0, 2.4))}
    few = {"a": Heard(4, Sample(4, 2.0, 1.2)), "b": Heard(5, Sample(5, 2.0, 1.2))}
    alone = compare_values({"a": 100, "b": 100}, {}, {"t": big})
    with_few = compare_values({"a": 100, "b": 100}, {}, {"t": big, "few": few})
    assert with_few == alone
    (share,) = {row["share_q"] for row in alone if row["theme_id"] and row["value"] == "a"}
    assert share < 0.05


def test_values_drawn_by_lot_hardly_ever_differ() -> None:
    rng = np.random.default_rng(11)
    n_alarms = 0
    for _ in range(60):
        themes: dict[str, dict[str, Heard]] = {}
        for theme in range(20):
            share = rng.uniform(0.01, 0.2)
            themes[f"t{theme}"] = {
                value: Heard(n, Sample(n, *_draw_feelings(rng, n)))
                for value, n in zip("abcd", rng.binomial(200, share, 4).tolist(), strict=True)
            }
        rows = compare_values(dict.fromkeys("abcd", 200), {}, themes)
        q_values = [row[name] for row in rows for name in ("share_q", "sentiment_q")]
        n_alarms += min((q for q in q_values if q is not None), default=1.0) <= 0.05
    # One in twenty at most; Benjamini-Yekutieli stays far below it.
    assert n_alarms <= 3


def _draw_feelings(rng: np.random.Generator, n: int) -> tuple[float, float]:
    scores = rng.choice([-0.8, 0.0, 0.8], n)
    return float(scores.sum()), float((scores**2).sum())
