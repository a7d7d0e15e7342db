"""The step that ranks themes, on stores whose every row stands in the test."""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from pipelines import tables
from pipelines.attention.defaults import DEFAULT_WEIGHTS
from pipelines.attention.settings import AttentionSettings
from pipelines.attention.step import rank_themes
from pipelines.runs import begin_run
from pipelines.store import Store
from tests.pipelines.attention.said import NEWEST, add_customers, add_said, said, write
from tests.pipelines.store_copies import open_copy

RANKED = ("theme_signal", "priority", "comparison", "coverage", "theme_share")


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[Store]:
    opened = open_copy(sqlite_url, "empty")
    yield opened
    opened.engine.dispose()


def rank(store: Store, settings: AttentionSettings | None = None) -> int:
    with begin_run(store, "rank", config_hash="", lock_timeout_s=5) as run:
        return rank_themes(run, settings)


def read(store: Store, name: str, **values: Any) -> list[dict[str, Any]]:
    table = tables.metadata.tables[name]
    query = select(table).order_by(*table.primary_key)
    with store.read() as connection:
        return [
            dict(row)
            for row in connection.execute(
                query.where(*(table.c[column] == value for column, value in values.items()))
            ).mappings()
        ]


def part(store: Store, theme_id: str, name: str) -> dict[str, Any]:
    (row,) = read(store, "theme_signal", theme_id=theme_id, part=name)
    return row


def score(store: Store, theme_id: str) -> float | None:
    return read(store, "theme", theme_id=theme_id)[0]["signal_score"]


def shop() -> list[dict[str, Any]]:
    """Fees anger many, everywhere; the colour two; the staff please."""
    rows = []
    for number in range(30):
        source = ("reviews", "survey")[number % 2]
        rows.append(said("fees", f"c{number}", -0.8, source=source, days_ago=number % 60))
        rows.append(said("staff", f"c{number + 20}", 0.7, source=source, days_ago=number % 60))
    rows += [said("colour", f"a{number}", -0.9, days_ago=1) for number in range(2)]
    rows += [said(None, f"a{number}", 0.0, days_ago=number) for number in range(40)]
    rows += [said("old", f"a{number}", -0.9, days_ago=200) for number in range(30)]
    return rows


def add_shop(connection: Any) -> None:
    add_said(connection, shop())
    add_customers(
        connection,
        (0, 24, {"segment": "Basic", "country": "IL", "lang": "he"}),
        (24, 28, {"segment": "Rare", "country": "US", "lang": "en-US"}),
        (28, 100, {"segment": "Plus", "country": "US", "lang": "English"}),
    )


@pytest.fixture
def filled(store: Store) -> Store:
    write(store, add_shop)
    return store


def test_the_score_of_each_theme_is_the_sum_of_the_parts_that_are_shown(filled: Store) -> None:
    assert rank(filled) > 0
    for theme in read(filled, "theme"):
        parts = read(filled, "theme_signal", theme_id=theme["theme_id"])
        assert {each["part"] for each in parts} == set(DEFAULT_WEIGHTS)
        assert sum(each["weight"] for each in parts) == pytest.approx(1)
        assert theme["signal_score"] == pytest.approx(sum(each["points"] for each in parts))
    scores = {key: score(filled, key) or 0 for key in ("fees", "staff", "colour", "old")}
    assert scores["fees"] > scores["staff"] > scores["colour"] > scores["old"] == 0
    assert part(filled, "fees", "growth")["note"] == "not_judged"
    assert part(filled, "fees", "value")["note"] == "no_effect_known"
    assert part(filled, "old", "reach")["note"] == "silent"


def test_a_second_run_writes_nothing_and_other_settings_rank_anew(filled: Store) -> None:
    rank(filled, AttentionSettings())
    before = {name: read(filled, name) for name in RANKED}
    assert rank(filled, AttentionSettings()) == rank(filled, None) == 0
    assert rank(filled, AttentionSettings(days=0)) > 0
    assert (score(filled, "old") or 0) > 0
    assert rank(filled, None) == 0
    rank(filled, AttentionSettings())
    assert {name: read(filled, name) for name in RANKED} == before


def test_the_order_of_rows_and_the_database_change_nothing(filled: Store, sqlite_url: str) -> None:
    settings = AttentionSettings(weight_by=("segment", "country"), columns=("source",))
    rank(filled, settings)

    def add_shuffled(connection: Any) -> None:
        rows = shop()
        random.Random(3).shuffle(rows)
        add_said(connection, rows)
        add_customers(
            connection,
            (28, 100, {"segment": "Plus", "country": "US", "lang": "English"}),
            (24, 28, {"segment": "Rare", "country": "US", "lang": "en-US"}),
            (0, 24, {"segment": "Basic", "country": "IL", "lang": "he"}),
        )

    other = open_copy(f"{sqlite_url}.other", "empty")
    write(other, add_shuffled)
    rank(other, settings)
    for name in RANKED:
        assert read(other, name) == read(filled, name)
    assert read(other, "comparison") and read(other, "theme_share")
    other.engine.dispose()


def test_muted_and_merged_themes_have_no_score_and_are_no_priority(sqlite_store: Store) -> None:
    write(sqlite_store, add_shop)
    rank(sqlite_store)
    assert read(sqlite_store, "priority", theme_id="fees")

    def mute(connection: Any) -> None:
        theme = tables.theme
        connection.execute(update(theme).where(theme.c.theme_id == "fees").values(status="muted"))

    write(sqlite_store, mute)
    rank(sqlite_store)
    assert score(sqlite_store, "fees") is None
    for name in ("theme_signal", "priority", "comparison"):
        assert not read(sqlite_store, name, theme_id="fees")


def test_growth_is_that_of_the_latest_judged_weeks_at_its_lower_end(sqlite_store: Store) -> None:
    week = NEWEST - timedelta(days=1)

    def judge(connection: Any) -> None:
        add_shop(connection)
        told, before = {"period": "week", "segment": "all", "ratio": 4.0}, timedelta(days=7)
        rows = [
            {"theme_id": "fees", "period_start": week, "ratio_low": 0.5, **told},
            {"theme_id": "fees", "period_start": week - before, "ratio_low": 2.0, **told},
            {
                "theme_id": "staff",
                "period_start": week - 2 * before,
                "ratio_low": 9.0,
                **told,
            },
        ]
        connection.execute(insert(tables.theme_period), rows)
        connection.execute(update(tables.theme).values(verdict="steady"))
        connection.execute(
            update(tables.theme).where(tables.theme.c.theme_id == "colour").values(verdict=None)
        )

    write(sqlite_store, judge)
    rank(sqlite_store)
    growth = {key: part(sqlite_store, key, "growth") for key in ("fees", "staff", "colour")}
    assert (growth["fees"]["value"], growth["fees"]["score"]) == (2.0, 0.5)
    assert (growth["staff"]["value"], growth["staff"]["score"]) == (0.0, 0.0)
    assert growth["colour"]["score"] is None


def impact(theme_id: str, outcome: str, **told: Any) -> dict[str, Any]:
    columns = dict.fromkeys(("effect", "low", "high", "q_value", "note"))
    key = {"theme_id": theme_id, "outcome": outcome, "method": "m", "n_with_theme": 30}
    return {**columns, **key, **told}


def stake(theme_id: str, currency: str, n: int, value: float, low: float) -> dict[str, Any]:
    told = {"theme_id": theme_id, "outcome": "churn_90", "currency": currency, "n_customers": n}
    return told | {"at_stake": value, "low": low, "high": 2 * value - low}


def add_impact(connection: Any) -> None:
    add_shop(connection)
    spent = {"kind": "order", "currency": "EUR", "at": NEWEST - timedelta(days=9)}
    events = [
        {"event_id": f"e{n}", "customer_id": f"c{n}", "amount": 300.0 if n >= 28 else 10.0, **spent}
        for n in range(100)
    ]
    events.append({**events[0], "event_id": "r", "kind": "refund", "amount": 4.0})
    events.append({**events[0], "event_id": "past", "at": NEWEST - timedelta(days=400)})
    connection.execute(insert(tables.event), events)
    rows = [
        impact("fees", "churn_90", effect=0.1, low=0.05, high=0.2, q_value=0.01),
        impact("staff", "rating", effect=-0.2, low=-0.3, high=-0.1, q_value=0.2),
        impact("colour", "churn_90", note="too few events"),
    ]
    connection.execute(insert(tables.theme_impact), rows)
    stakes = [stake("fees", "EUR", 30, 60.0, 20.0), stake("fees", "", 30, 3.0, 1.5)]
    connection.execute(insert(tables.theme_stake), stakes)


def test_effects_give_value_at_stake_and_the_gain_of_fixing(store: Store) -> None:
    write(store, add_impact)
    rank(store)
    total = 28 * 10 + 72 * 300 - 4
    value = part(store, "fees", "value")
    assert value["value"] == pytest.approx(20 / total)
    assert part(store, "staff", "value")["note"] == "no_effect_known"  # a rating is no value
    first, second, third = read(store, "priority", segment="all")
    assert (first["theme_id"], first["unit"], first["reason"]) == ("fees", "EUR", "adjusted_effect")
    assert (first["gain"], first["gain_low"], first["gain_high"]) == (60.0, 20.0, 100.0)
    assert (first["n_customers"], first["outcome"], first["method"]) == (30, "churn_90", "m")
    assert first["q_value"] == 0.01
    # A worse rating is lost: its sign is turned, and so are the ends of its interval.
    assert (second["theme_id"], second["unit"]) == ("staff", "points x voices")
    assert second["gain"] == pytest.approx(6.0)
    assert second["gain_low"] == pytest.approx(3.0)
    assert (third["theme_id"], third["reason"]) == ("colour", "feeling_gap")


def test_a_segment_gains_its_part_of_the_effect_by_what_it_spends(store: Store) -> None:
    write(store, add_impact)
    rank(store, AttentionSettings(k=2))
    own = {row["segment"]: row for row in read(store, "priority", theme_id="fees")}
    basic, rare, plus = 24 * 10 - 4, 4 * 10, 2 * 300
    whole = basic + rare + plus
    assert own["Plus"]["gain"] == pytest.approx(60 * plus / whole)
    assert own["Plus"]["gain_low"] == pytest.approx(20 * plus / whole)
    reached = {name: row["n_customers"] for name, row in own.items()}
    assert reached == {"all": 30, "Basic": 24, "Plus": 2, "Rare": 4}
    assert sum(row["gain"] for name, row in own.items() if name != "all") == pytest.approx(60)


def test_customers_are_counted_where_no_currency_is_that_of_most(sqlite_store: Store) -> None:
    def add_currencies(connection: Any) -> None:
        add_impact(connection)
        connection.execute(delete(tables.theme_stake))
        rows = [("EUR", 14, 60.0, 20.0), ("USD", 9, 30.0, 10.0), ("", 30, 3.0, 1.5)]
        connection.execute(insert(tables.theme_stake), [stake("fees", *row) for row in rows])

    write(sqlite_store, add_currencies)
    rank(sqlite_store)
    (first, *_) = read(sqlite_store, "priority", segment="all")
    assert (first["unit"], first["gain"], first["n_customers"]) == ("customers", 3.0, 30)
    assert part(sqlite_store, "fees", "value")["value"] == pytest.approx(1.5 / 100)
    own = {row["segment"]: row["gain"] for row in read(sqlite_store, "priority", theme_id="fees")}
    assert own == {"all": 3.0, "Basic": pytest.approx(3.0 * 24 / 30)}


def test_without_effects_what_feels_worse_than_the_rest_comes_first(filled: Store) -> None:
    rank(filled)
    (fees, *others) = read(filled, "priority", segment="all")
    assert fees["theme_id"] == "fees"
    assert (fees["outcome"], fees["reason"]) == ("sentiment", "feeling_gap")
    assert fees["unit"] == "points x voices"
    # 30 voices at -.8, against 30 of staff at .7 and two of colour at -.9.
    others_mean = (30 * 0.7 - 2 * 0.9) / 32
    assert fees["gain"] == pytest.approx(30 * (others_mean + 0.8))
    assert fees["gain_low"] > 0
    assert fees["q_value"] < 1e-6
    assert [row["theme_id"] for row in others] == ["colour"]  # staff please, old is over


def test_segments_of_few_are_told_by_no_row_and_no_difference(filled: Store) -> None:
    """24 of Basic, 4 of Rare and 2 of Plus speak of fees; nothing may tell of the 4 or the 2."""
    rank(filled)
    assert {row["segment"] for row in read(filled, "priority", theme_id="fees")} == {"all", "Basic"}
    shown = {row["value"] for row in read(filled, "coverage", dimension="segment")}
    assert shown == {"Plus"}  # 100 less 24 and 72 would tell of the 4


def test_a_segment_called_all_is_not_taken_for_everybody(sqlite_store: Store) -> None:
    def add_odd(connection: Any) -> None:
        add_said(connection, shop())
        add_customers(connection, (0, 20, {"segment": "all"}), (20, 50, {"segment": "Plus"}))

    write(sqlite_store, add_odd)
    rank(sqlite_store)
    (fees, *_) = read(sqlite_store, "priority", segment="all")
    assert (fees["theme_id"], fees["n_customers"]) == ("fees", 30)
    covered = read(sqlite_store, "coverage", value="all")
    assert [row["n_customers"] for row in covered] == [50, 20]


def test_coverage_holds_who_is_heard_against_the_crm(filled: Store) -> None:
    rank(filled, AttentionSettings(k=3))
    (everybody,) = read(filled, "coverage", dimension="all")
    assert (everybody["n_customers"], everybody["n_heard"]) == (100, 50)
    assert everybody["n_voices"] == 90
    rows = {row["value"]: row for row in read(filled, "coverage", dimension="segment")}
    counts = {name: (row["n_customers"], row["n_heard"]) for name, row in rows.items()}
    assert counts == {"Basic": (24, 24), "Rare": (4, 4), "Plus": (72, 22)}
    assert rows["Basic"]["representation"] == pytest.approx(2.0)
    assert rows["Plus"]["representation_high"] < 1
    # The CRM writes one language in three ways.
    languages = {row["value"]: row for row in read(filled, "coverage", dimension="lang")}
    assert {name: row["n_customers"] for name, row in languages.items()} == {"en": 76, "he": 24}


def test_weighted_shares_are_those_of_the_customers(filled: Store) -> None:
    rank(filled, AttentionSettings(weight_by=("segment",), max_weight=10.0))
    fees = read(filled, "theme_share", theme_id="fees")[0]
    assert (fees["n_heard"], fees["n_with_theme"], fees["share"]) == (50, 30, 0.6)
    # All 28 of Basic and Rare, and 2 of 22 in Plus, which is 72 of 100 customers.
    assert fees["weighted_share"] == pytest.approx(0.28 + 0.72 * 2 / 22)
    assert fees["weighted_share_low"] < fees["weighted_share"] < fees["weighted_share_high"]
    (everybody,) = read(filled, "coverage", dimension="all")
    assert everybody["n_effective"] == pytest.approx(50**2 / (28**2 / 28 + 72**2 / 22) * 4)
    rank(filled, AttentionSettings())
    assert read(filled, "theme_share") == []


def test_who_refuses_analysis_is_no_customer_to_be_heard(filled: Store) -> None:
    def refuse(connection: Any) -> None:
        told = {"purpose": "analysis", "status": "withdrawn", "at": NEWEST}
        rows = [{"consent_id": f"w{n}", "customer_id": f"c{n}", **told} for n in range(90, 100)]
        connection.execute(insert(tables.consent), rows)

    write(filled, refuse)
    rank(filled)
    (everybody,) = read(filled, "coverage", dimension="all")
    assert (everybody["n_customers"], everybody["n_heard"]) == (90, 50)


def test_noise_and_copies_count_nowhere(filled: Store) -> None:
    rank(filled)
    before = {name: read(filled, name) for name in RANKED}

    def add_noise(connection: Any) -> None:
        noise = {"source": "spam", "text": "", "customer_id": "c99", "noise_reason": "spam"}
        rows = [{"feedback_id": f"n{n}", "occurred_at": NEWEST, **noise} for n in range(9)]
        mentions = [
            {"mention_id": f"n{n}", "feedback_id": f"n{n}", "text": "", "text_hash": "n"}
            | {"theme_id": "fees", "sentiment_score": -1.0}
            for n in range(9)
        ]
        connection.execute(insert(tables.feedback), rows)
        connection.execute(insert(tables.mention), mentions)

    write(filled, add_noise)
    assert rank(filled) == 0
    assert {name: read(filled, name) for name in RANKED} == before


def test_one_who_repeats_himself_is_one_voice(sqlite_store: Store) -> None:
    def repeat(connection: Any) -> None:
        rows = [said("loud", "c1", -0.9) for _ in range(50)]
        rows += [said("many", f"c{n}", -0.9) for n in range(50)]
        add_said(connection, rows)

    write(sqlite_store, repeat)
    rank(sqlite_store)
    assert (score(sqlite_store, "loud") or 0) < (score(sqlite_store, "many") or 0) / 2


def test_an_empty_store_and_one_without_customers_or_dates_say_what_they_can(
    sqlite_store: Store,
) -> None:
    assert rank(sqlite_store) == 1
    (only,) = read(sqlite_store, "coverage")
    assert (only["n_customers"], only["share"], only["note"]) == (0, None, "no_customers")

    def add_undated(connection: Any) -> None:
        add_said(
            connection,
            [said("only", f"a{n}", -0.5, days_ago=None, channel="x") for n in range(12)],
        )

    write(sqlite_store, add_undated)
    rank(sqlite_store, AttentionSettings(weight_by=("segment",)))
    assert (score(sqlite_store, "only") or 0) > 0
    assert part(sqlite_store, "only", "breadth")["note"] == "one_source"
    assert read(sqlite_store, "priority") == []  # nothing to hold its feelings against
    assert {row["note"] for row in read(sqlite_store, "coverage")} == {"no_customers"}
    assert read(sqlite_store, "theme_share") == []


def test_a_slip_of_a_date_does_not_make_all_the_rest_old(sqlite_store: Store) -> None:
    def add_slips(connection: Any) -> None:
        rows = [said("now", f"a{n}", -0.5, days_ago=n) for n in range(12)]
        rows += [said("slip", "a90", days_ago=-365 * 73), said("slip", "a91", days_ago=365 * 56)]
        add_said(connection, rows)

    write(sqlite_store, add_slips)
    rank(sqlite_store)
    assert part(sqlite_store, "now", "reach")["value"] > 0.5


def test_what_is_gone_from_the_store_is_gone_from_the_tables(sqlite_store: Store) -> None:
    write(sqlite_store, add_shop)
    rank(sqlite_store)

    def remove(connection: Any) -> None:
        for name in ("mention", "feedback", "customer", "theme"):
            connection.execute(delete(tables.metadata.tables[name]))

    write(sqlite_store, remove)
    rank(sqlite_store)
    assert [row["dimension"] for row in read(sqlite_store, "coverage")] == ["all"]
    assert not any(read(sqlite_store, name) for name in ("theme_signal", "priority", "comparison"))


def test_what_other_steps_tell_anew_is_ranked_anew(sqlite_store: Store) -> None:
    write(sqlite_store, add_impact)
    rank(sqlite_store)

    def tell(connection: Any) -> None:
        connection.execute(update(tables.theme_stake).values(low=-5.0))

    # As when outcomes are configured otherwise: no feedback changed.
    with begin_run(sqlite_store, "judge", config_hash="", lock_timeout_s=5) as run:
        tell(run.connection)
    assert rank(sqlite_store) > 0
    assert [row["theme_id"] for row in read(sqlite_store, "priority", segment="all")] == [
        *("staff", "fees", "colour")
    ]
    assert part(sqlite_store, "fees", "value")["score"] == 0
    assert rank(sqlite_store) == 0


def test_a_theme_that_was_fixed_of_late_waits(sqlite_store: Store) -> None:
    write(sqlite_store, add_impact)
    told = {"theme_id": "fees", "outcome": "voices"}
    with begin_run(sqlite_store, "fixed", config_hash="", lock_timeout_s=5) as run:
        fix = {"edit_id": "e1", "fixed_at": NEWEST - timedelta(days=20), **told}
        run.connection.execute(insert(tables.theme_fix), [fix])
    rank(sqlite_store)
    assert not read(sqlite_store, "priority", theme_id="fees")
    assert (score(sqlite_store, "fees") or 0) > 0
    with begin_run(sqlite_store, "fixed", config_hash="", lock_timeout_s=5) as run:
        run.connection.execute(
            update(tables.theme_fix).values(fixed_at=NEWEST - timedelta(days=95))
        )
    rank(sqlite_store)
    assert read(sqlite_store, "priority", theme_id="fees")
