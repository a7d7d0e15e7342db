"""The step: tables from tables, alike on both databases and in any order, and kept up to date."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert, select, update

from pipelines import tables
from pipelines.customer_rows import RowSettings
from pipelines.errors import ConfigError
from pipelines.impact.listing import CAVEAT
from pipelines.impact.step import compare_outcomes
from pipelines.odata.outcome_rows import write_given
from pipelines.odata.outcomes import OutcomeSettings
from pipelines.runs import Run, begin_run
from pipelines.store import Store
from tests.command_line import make_call
from tests.pipelines.conftest import read_rows
from tests.pipelines.planted import edit
from tests.pipelines.store_copies import open_copy

START = datetime(2025, 1, 6, tzinfo=UTC)
N, THEMES = 240, ("late", "price", "praise", "web", "gone", "app", "shop")
PRODUCTS = ("theme_impact", "theme_stake", "theme_fix")
SETTINGS = RowSettings()
Rows = dict[str, list[dict[str, Any]]]


def make_rows() -> Rows:
    """Customers with two feedback each; who speaks of "late" leaves more often and rates lower."""
    chance = np.random.default_rng(7)
    rows: Rows = {name: [] for name in ("customer", "event", "feedback", "mention")}
    for number in range(N):
        who = f"c{number:03d}"
        segment = f"segment {number % 3}"
        rows["customer"].append({"customer_id": who, "segment": segment, "valid_from": START})
        said = START + timedelta(days=40 + int(chance.integers(0, 150)))
        spoken = [name for name in THEMES if chance.random() < 0.3]
        for place, at in enumerate((said, said + timedelta(days=70))):
            key = f"f{number:03d}-{place}"
            rating = 4 - 2 * ("late" in spoken and not place) + int(chance.integers(-1, 2))
            given = {"feedback_id": key, "source": "s", "text": "words", "text_hash": key}
            scale = {"rating": rating, "rating_max": 5, "customer_id": who, "occurred_at": at}
            rows["feedback"].append({**given, **scale})
            for theme in spoken if not place else ():
                mention = {"mention_id": f"{key}-{theme}", "feedback_id": key, "theme_id": theme}
                felt = {"text": "words", "text_hash": key, "sentiment_score": -0.5}
                felt["nearest_theme_id"] = theme
                rows["mention"].append({**mention, **felt})
        bought = {"kind": "order", "at": said - timedelta(days=9), "amount": 10.0 + number % 5}
        rows["event"].append({"customer_id": who, "currency": "EUR", **bought})
        if chance.random() < 0.15 + 0.35 * ("late" in spoken):
            gone = said + timedelta(days=int(chance.integers(2, 50)))
            rows["event"].append({"customer_id": who, "kind": "churn", "at": gone})
    end = {"customer_id": None, "kind": "order", "at": START + timedelta(days=400)}
    rows["event"].append(end)
    for number, row in enumerate(rows["event"]):
        row["event_id"] = f"e{number:04d}"
    return rows


def fill(store: Store, *, is_reversed: bool = False) -> None:
    with begin_run(store, "fill", config_hash="", lock_timeout_s=5) as run:
        for theme in THEMES:
            status = "retired" if theme == "gone" else "active"
            named = {"theme_id": theme, "name": theme, "found_name": theme, "origin": "discovered"}
            states = {"status": status, "found_status": status}
            run.connection.execute(insert(tables.theme).values(**named, **states))
        for name, rows in make_rows().items():
            columns = sorted({column for row in rows for column in row})
            full = [{column: row.get(column) for column in columns} for row in rows]
            ordered = full[::-1] if is_reversed else full
            run.connection.execute(insert(tables.metadata.tables[name]), ordered)
        run.mark_changed()
        compare_outcomes(run, SETTINGS)


@pytest.fixture
def filled(store_url: str) -> Iterator[Store]:
    store = open_copy(store_url, "impact", fill)
    yield store
    store.engine.dispose()


def read_products(store: Store) -> dict[str, list[Any]]:
    with store.read() as connection:
        return {name: read_rows(connection, name) for name in PRODUCTS}


def compare_again(store: Store, change: Any = None) -> int:
    with begin_run(store, "again", config_hash="", lock_timeout_s=5) as run:
        if change is not None:
            change(run)
            run.mark_changed()
        return compare_outcomes(run)


def read_effects(store: Store, outcome: str) -> dict[str, Any]:
    impact = tables.theme_impact
    with store.read() as connection:
        query = select(impact).where(impact.c.outcome == outcome)
        return {row["theme_id"]: row for row in connection.execute(query).mappings().all()}


def test_what_was_planted_is_found_and_a_second_time_nothing_is_written(filled: Store) -> None:
    churn = read_effects(filled, "churn_90")
    assert set(churn) == {*THEMES} - {"gone"}
    late = churn["late"]
    assert late["low"] > 0.1
    assert late["q_value"] < 0.05
    assert (late["method"], late["unit"], late["currency"]) == ("logistic", "share", "EUR")
    assert late["adjusted_for"] == [*("other themes", "segment", "tenure", "value before", "time")]
    rows = make_rows()
    voiced = {row["feedback_id"] for row in rows["mention"] if row["theme_id"] == "late"}
    assert late["n_with_theme"] == len(voiced)
    worth = sum(10 + int(each[1:4]) % 5 for each in voiced)
    assert late["at_stake"] == pytest.approx(late["effect"] * worth)
    rating = read_effects(filled, "rating")["late"]
    assert rating["high"] < 0 < read_effects(filled, "rating")["price"]["high"]
    assert read_effects(filled, "nps_group")["late"]["note"] == "no_rating"
    before = read_products(filled)
    assert compare_again(filled) == 0
    assert compare_again(filled, lambda _run: None) == 0
    assert read_products(filled) == before


def test_the_order_of_rows_and_the_database_change_nothing(filled: Store, tmp_path: Any) -> None:
    other = open_copy(f"sqlite:///{tmp_path}/reversed.db", "impact reversed", fill_reversed)
    assert read_products(other) == read_products(filled)
    other.engine.dispose()


def fill_reversed(store: Store) -> None:
    fill(store, is_reversed=True)


def test_who_refuses_is_left_out(filled: Store) -> None:
    before = read_effects(filled, "churn_90")["late"]["n"]

    def refuse(run: Run) -> None:
        said = {"purpose": "profiling", "status": "withdrawn", "at": START, "source": "test"}
        rows = [{"consent_id": f"k{n}", "customer_id": f"c{n:03d}", **said} for n in range(30)]
        run.connection.execute(insert(tables.consent), rows)
        anonymous = {"customer_id": None, "author_key": "somebody"}
        of_nobody = tables.feedback.c.feedback_id == "f200-0"
        run.connection.execute(update(tables.feedback).where(of_nobody).values(**anonymous))

    compare_again(filled, refuse)
    assert read_effects(filled, "churn_90")["late"]["n"] == before - 30
    # The words of nobody are still rated; only who refuses is gone.
    assert read_effects(filled, "rating")["late"]["n"] == N - 30 + 1
    with begin_run(filled, "outcomes", config_hash="", lock_timeout_s=5) as run:
        write_given(run, OutcomeSettings())
        known = {row[0] for row in read_rows(run.connection, "feedback_outcome", "feedback_id")}
    assert "f200-0" in known
    assert "f029-0" not in known


def test_without_customers_ratings_are_compared_and_the_rest_says_why(filled: Store) -> None:
    def forget(run: Run) -> None:
        run.connection.execute(update(tables.feedback).values(customer_id=None))

    compare_again(filled, forget)
    churn, rating = read_effects(filled, "churn_90"), read_effects(filled, "rating")
    assert churn["late"]["note"] == "no_dated_customer"
    assert (churn["late"]["method"], churn["late"]["effect"]) == ("none", None)
    assert rating["late"]["high"] < 0
    assert rating["late"]["n"] == 2 * N
    assert rating["late"]["adjusted_for"] == ["other themes", "time"]
    assert not read_products(filled)["theme_stake"]


def test_a_fix_is_measured_and_undone(filled: Store) -> None:
    unfixed, effect = read_products(filled), read_effects(filled, "churn_90")["late"]["effect"]
    at = START + timedelta(days=130)
    edit(filled, "fixed", "late", text=at.date().isoformat())
    fix = tables.theme_fix
    with filled.read() as connection:
        rows = {row["outcome"]: row for row in connection.execute(select(fix)).mappings().all()}
    assert set(rows) == {"voices", "sentiment", "rating", "churn_90", "spend_change_90_EUR"}
    voices = rows["voices"]
    assert (voices["fixed_at"], voices["edit_id"], voices["unit"]) == (at, "e000001", "relative")
    assert voices["note"] is None
    assert voices["low"] < voices["effect"] < voices["high"]
    assert set(voices["compared_with"]) <= set(THEMES) - {"late"}
    assert voices["n_before"] + voices["n_after"] > 40
    assert read_products(filled)["theme_impact"] == unfixed["theme_impact"]
    assert compare_again(filled, lambda _run: None) == 0
    with pytest.raises(ConfigError, match="fixed since then already, by e000001"):
        edit(filled, "fixed", "late", text=at.isoformat())
    edit(filled, "undo")
    assert read_products(filled) == unfixed
    edit(filled, "mute", "price")
    muted = read_effects(filled, "churn_90")
    assert set(muted) == {*THEMES} - {"gone", "price"}
    # Nothing is claimed of it, and it is held equal all the same.
    assert muted["late"]["effect"] == effect


@pytest.mark.parametrize(
    ("theme", "day", "message"),
    [
        ("late", "soon", "--at 'soon' is no date"),
        ("late", "2999-01-01", "is to come"),
        ("nothing", "2026-01-01", "there is no theme 'nothing'"),
    ],
)
def test_what_cannot_be_fixed_is_refused_in_words(
    sqlite_url: str, theme: str, day: str, message: str
) -> None:
    store = open_copy(sqlite_url, "impact", fill)
    with pytest.raises(ConfigError, match=message):
        edit(store, "fixed", theme, text=day)
    store.engine.dispose()


def test_the_command_shows_effects_what_is_not_known_and_what_they_are_not(
    sqlite_url: str, capsys: Any
) -> None:
    store = open_copy(sqlite_url, "impact", fill)
    edit(store, "fixed", "late", text="2025-05-15")
    store.engine.dispose()
    call = make_call(capsys)
    shown = call("themes", "impact", "--db", sqlite_url).out
    assert "churn_90 (logistic; held equal: other themes, segment" in shown
    assert "6 themes: no feedback has a rating that tells nps_group" in shown
    assert CAVEAT in " ".join(shown.split())
    one = call("themes", "impact", "late", "--db", sqlite_url).out
    assert "at stake (churn_90): " in one
    assert "Since it was fixed, beyond what changed for similar themes" in one
    assert "nothing" in call("themes", "impact", "nothing", "--db", sqlite_url).err
    told = call("themes", "impact", "--outcome", "churn", "--db", sqlite_url).err
    assert "no outcome 'churn' was compared; there are: churn_90, nps_group" in told
    marked = call("themes", "fixed", "late", "--at", "2025-05-16", "--db", sqlite_url).out
    assert "late is marked as fixed\n" in marked
    assert CAVEAT in " ".join(call("themes", "show", "late", "--db", sqlite_url).out.split())
    history = call("themes", "history", "late", "--db", sqlite_url).out
    assert "fixed since 2025-05-15 00:00" in history
