"""Actions are raised once for each occasion, held back with a reason, and never lost silently."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from pipelines import tables
from pipelines.actions.limits import Channel, Raised, Wanted, apply_limits
from pipelines.actions.raising import raise_actions
from pipelines.actions.respect import suppress_unwanted
from pipelines.runs import begin_run
from pipelines.store import Store
from tests.pipelines.actions.outbox import (
    DETRACTOR,
    MONDAY,
    NEWEST,
    RISE,
    RISING,
    SAFETY,
    WEEKS,
    add,
    fill,
    make_rules,
    raise_by,
    read_actions,
    say,
)
from tests.pipelines.store_contents import read_contents
from tests.pipelines.store_copies import open_copy

CONTACT = {**DETRACTOR, "contacts_customer": True, "channel": "email"}


@pytest.fixture
def outbox(store_url: str) -> Iterator[Store]:
    """On both databases."""
    opened = open_copy(store_url, "raised", fill)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def small(sqlite_url: str) -> Iterator[Store]:
    opened = open_copy(sqlite_url, "raised", fill)
    yield opened
    opened.engine.dispose()


def change(store: Store, statement: Any) -> None:
    with store.write() as connection:
        connection.execute(statement)


def allow(store: Store, purpose: str, status: str, number: int) -> None:
    at = datetime.now(UTC) - timedelta(hours=10 - number)
    row = {"consent_id": f"c{number}", "customer_id": "A", "at": at}
    change(store, insert(tables.consent).values(**row, purpose=purpose, status=status))


def respect(store: Store) -> int:
    with begin_run(store, "any command", config_hash="", lock_timeout_s=1) as run:
        return suppress_unwanted(run.connection, run.started_at)


def test_each_occasion_raises_one_action_with_its_figures(outbox: Store) -> None:
    detractor = {**DETRACTOR, "min_value": 500, "group_by": "customer"}
    rules = (detractor, {**SAFETY, "group_by": "day"}, {**RISING, "group_by": "theme"})
    assert raise_by(outbox, *rules) == 3
    assert raise_by(outbox, *rules) == 0
    names = ("rule", "kind", "destination", "customer_id", "theme_id", "status", "payload")
    last_week = f"{MONDAY - timedelta(days=7):%Y-%m-%d}"
    customer, rise, words = read_actions(outbox, *names)
    payload = {
        "title": "detractor",
        "reason": "nps detractor, value 900.00, currency EUR",
        "facts": {
            "nps": "detractor",
            "value": 900.0,
            "currency": "EUR",
        },
        "mentions": ["f-A-0"],
        "at": "2026-03-04T00:00:00Z",
        "occasion": "f-A",
    }
    assert customer == ("detractor", "customer", "crm", "A", "t1", "pending", payload)
    assert words[:-1] == ("safety", "words", "chat", "A", "t2", "pending")
    assert words[-1]["mentions"] == ["f-hurt-0"]
    assert words[-1]["facts"]["topics"] == "safety"
    assert rise[:-1] == ("rising", "theme", "chat", None, "t1", "pending")
    facts = rise[-1]["facts"]
    assert rise[-1]["title"] == f"{facts['verdict']}: late parcels"
    assert (facts["voices"], facts["week"], facts["since"]) == (RISE, last_week, last_week)
    assert facts["ratio_low"] > 1
    assert facts["q_value"] < 0.05
    assert rise[-1]["mentions"] == [f"w{WEEKS - 1:02d}-{number:02d}-0" for number in range(10)]
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    groups = {row[0] for row in read_actions(outbox, "group_key")}
    assert groups == {"customer A", "theme t1", f"day {today} safety"}


def test_the_order_of_rows_changes_nothing(tmp_path: Path) -> None:
    told = []
    for seed in (1, 2):
        store = open_copy(f"sqlite:///{tmp_path}/{seed}.db", "empty")
        fill(store, seed)
        raise_by(store, {**DETRACTOR, "max_a_day": 1}, SAFETY, RISING)
        told.append(read_actions(store, "idempotency_key", "payload", "status", "reason"))
        store.engine.dispose()
    assert told[0] == told[1]
    assert len(told[0]) == 3


def test_nothing_is_done_while_neither_rules_nor_tables_changed(small: Store) -> None:
    raise_by(small, SAFETY)
    change(small, tables.action.delete())
    with begin_run(small, "again", config_hash="", lock_timeout_s=1) as run:
        assert raise_actions(run, make_rules(SAFETY)) == 0
        assert raise_actions(run, make_rules({**SAFETY, "title": "Look"})) == 1


def test_the_names_of_runs_are_not_in_what_is_kept_of_raising(tmp_path: Path) -> None:
    kept = []
    for name in ("run1", "run2"):  # as after a crash: measured once, by another run
        store = open_copy(f"sqlite:///{tmp_path}/{name}.db", "raised", fill)
        measured = {"measure": "noise_rate", "n": 200, "value": 0.1, "variance": 0.01}
        change(store, insert(tables.run_measure).values(run_id=name, basis="", **measured))
        raise_by(store, SAFETY)
        kept.append(read_contents(store)["store_info"])
        change(store, insert(tables.run_measure).values(run_id="run3", basis="", **measured))
        with begin_run(store, "again", config_hash="", lock_timeout_s=1) as run:
            raise_actions(run, make_rules(SAFETY))
        kept.append(read_contents(store)["store_info"])
        store.engine.dispose()
    assert kept[0] == kept[2] != kept[1] == kept[3]


def test_what_is_old_raises_nothing_but_waits_when_it_was_raised_in_time(small: Store) -> None:
    assert raise_by(small, {**SAFETY, "max_age_days": 1, "customer_days": 0}) == 1
    rule = {**SAFETY, "max_age_days": 40, "customer_days": 0}
    assert raise_by(small, rule) == 1
    with begin_run(small, "later", config_hash="", lock_timeout_s=1) as run:
        for name, row in say("f-new", "Fine.", NEWEST + timedelta(days=35), None, None, "t2"):
            add(run, name, [row])
    assert raise_by(small, rule) == 0
    assert [row[2] for row in read_actions(small)] == ["pending", "pending"]


def test_who_has_not_agreed_is_not_contacted_until_they_do(outbox: Store) -> None:
    raise_by(outbox, CONTACT)
    assert read_actions(outbox) == [("detractor", "A", "suppressed", "contact_refused")]
    allow(outbox, "contact", "granted", 1)
    assert raise_by(outbox, CONTACT) == 1
    assert read_actions(outbox) == [("detractor", "A", "pending", None)]
    allow(outbox, "contact", "withdrawn", 2)
    assert respect(outbox) == 1
    assert respect(outbox) == 0
    assert read_actions(outbox) == [("detractor", "A", "suppressed", "contact_refused")]


def test_who_refuses_to_be_profiled_is_not_told_of(outbox: Store) -> None:
    raise_by(outbox, DETRACTOR, SAFETY)
    change(
        outbox, update(tables.action).where(tables.action.c.kind == "words").values(status="sent")
    )
    allow(outbox, "profiling", "withdrawn", 1)
    assert respect(outbox) == 2
    assert read_actions(outbox) == [
        ("detractor", "A", "suppressed", "profiling_refused"),
        ("safety", "A", "sent", None),
    ]
    assert [row[0]["facts"] for row in read_actions(outbox, "payload")] == [{}, {}]
    # What they say may still be a danger to others: it is told, and laid to nobody's account.
    raise_by(outbox, DETRACTOR, {**SAFETY, "name": "danger"})
    assert read_actions(outbox, "rule", "customer_id")[0] == ("danger", None)


def test_words_of_nobody_known_contact_nobody(small: Store) -> None:
    raise_by(small, {**SAFETY, "contacts_customer": True, "max_age_days": 60})
    reasons = {row[1]: row[3] for row in read_actions(small)}
    assert reasons == {"A": "contact_refused", None: "no_customer"}


def test_limits_hold_for_a_rule_and_day_and_for_a_customer(small: Store) -> None:
    with begin_run(small, "more", config_hash="", lock_timeout_s=1) as run:
        for number in range(4):
            hurt = say(f"g{number}", "I was injured.", NEWEST, "AB"[number % 2], None, "t2")
            for name, row in hurt:
                add(run, name, [row])
    raise_by(small, {**SAFETY, "max_a_day": 1})
    by_customer = {"A": set[str | None](), "B": set[str | None]()}
    for _, customer, _, reason in read_actions(small):
        by_customer[customer].add(reason)
    reasons = {None, "customer_limit"}, {"day_limit"}
    assert sorted(by_customer.values(), key=len, reverse=True) == [*reasons]
    # A limit is final: what was over it is not raised on the next day either.
    assert raise_by(small, {**SAFETY, "max_a_day": 0, "customer_days": 0}) == 0


def test_an_action_falls_with_its_rule_and_rises_with_it(outbox: Store) -> None:
    raise_by(outbox, DETRACTOR, SAFETY)
    assert raise_by(outbox, SAFETY) == 1
    assert read_actions(outbox)[0] == ("detractor", "A", "suppressed", "rule_gone")
    assert raise_by(outbox, DETRACTOR, SAFETY) == 1
    assert read_actions(outbox)[0] == ("detractor", "A", "pending", None)
    assert raise_by(outbox) == 2


def test_what_does_not_hold_any_more_is_not_delivered(small: Store) -> None:
    raise_by(small, DETRACTOR, SAFETY, RISING)
    feedback, theme = tables.feedback.c, tables.theme.c
    change(small, update(tables.feedback).where(feedback.feedback_id == "f-A").values(rating=9))
    noisy = update(tables.feedback).where(feedback.feedback_id == "f-hurt")
    change(small, noisy.values(noise_reason="spam"))
    change(small, update(tables.theme).where(theme.theme_id == "t1").values(status="muted"))
    assert raise_by(small, DETRACTOR, SAFETY, RISING) == 3
    assert [row[2:] for row in read_actions(small)] == [
        ("suppressed", "over"),
        ("suppressed", "muted"),
        ("suppressed", "noise"),
    ]
    change(small, noisy.values(noise_reason=None))
    assert raise_by(small, DETRACTOR, SAFETY, RISING) == 1
    assert read_actions(small)[2][2:] == ("pending", None)


def test_what_was_sent_stays_sent(small: Store) -> None:
    raise_by(small, DETRACTOR, SAFETY, RISING)
    change(small, update(tables.action).values(status="sent"))
    assert raise_by(small) == 0
    assert raise_by(small, DETRACTOR, SAFETY, RISING) == 0
    assert {row[2] for row in read_actions(small)} == {"sent"}


def test_late_feedback_does_not_raise_a_rise_again(small: Store) -> None:
    raise_by(small, RISING)
    period = tables.theme_period.c
    week = MONDAY - timedelta(days=14)
    is_late = (period.theme_id == "t1") & (period.period_start == week)
    grown = {"n_customers": RISE, "verdict": "growing"}
    change(small, update(tables.theme_period).where(is_late).values(grown))
    assert raise_by(small, RISING) == 0
    assert len(read_actions(small)) == 1


def test_a_rule_may_ask_for_a_smaller_q_value(small: Store) -> None:
    assert raise_by(small, {**RISING, "max_q": 1e-12}) == 0
    assert raise_by(small, {**RISING, "max_q": 0.001}) == 1


def test_a_week_that_is_running_is_not_judged(small: Store) -> None:
    period = tables.theme_period.c
    is_last = (period.theme_id == "t1") & (period.period_start == MONDAY - timedelta(days=7))
    change(small, update(tables.theme_period).where(is_last).values(verdict="steady"))
    change(small, tables.theme_period.delete().where(period.period_start == MONDAY))
    with begin_run(small, "this week", config_hash="", lock_timeout_s=1) as run:
        start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        start -= timedelta(days=start.weekday())
        for number in range(30):
            for name, row in say(f"n{number}", "Late.", start, None, None, "t1"):
                add(run, name, [row])
        counts = {"n_mentions": 30, "n_customers": 30, "n_feedback": 30}
        row = {"theme_id": "t1", "period_start": start, "period": "week", "segment": "all"}
        add(run, "theme_period", [{**row, **counts, "verdict": "growing"}])
    assert raise_by(small, {**RISING, "max_age_days": 400}) == 0


def test_merged_customers_carry_their_actions_over(outbox: Store) -> None:
    rule = {**DETRACTOR, "group_by": "customer"}
    raise_by(outbox, rule)
    customer, insight = tables.customer.c, tables.customer_insight.c
    change(
        outbox, update(tables.customer).where(customer.customer_id == "A").values(merged_into="C")
    )
    for table, column in ((tables.customer_insight, insight), (tables.feedback, tables.feedback.c)):
        moved = update(table).where(column.customer_id == "A").values(customer_id="C")
        change(outbox, moved)
    assert raise_by(outbox, rule) == 1
    assert read_actions(outbox, "customer_id", "group_key") == [("C", "customer C")]


DAYS = st.integers(0, 9)
WANTED = st.builds(
    lambda number, day, customer, most: Wanted(
        f"k{number}", Channel("r", "d"), NEWEST + timedelta(days=day), customer, most, 7
    ),
    st.integers(0, 50),
    DAYS,
    st.sampled_from(["A", "B", None]),
    st.just(3),
)


@settings(max_examples=50)
@given(st.lists(WANTED, unique_by=lambda each: each.key), st.randoms())
def test_limits_do_not_depend_on_the_order_and_are_kept(wanted: list[Wanted], chance: Any) -> None:
    now = NEWEST + timedelta(days=9)
    raised = Raised({Channel("r", "d"): 1}, {(Channel("r", "d"), "A"): [now - timedelta(days=8)]})
    over = apply_limits(wanted, raised, now)
    shuffled = list(wanted)
    chance.shuffle(shuffled)
    assert apply_limits(shuffled, raised, now) == over
    kept = [each for each in wanted if each.key not in over]
    named = [each.customer_id for each in kept if each.customer_id]
    assert len(kept) <= 2
    assert len(named) == len({*named})
    assert set(over.values()) <= {"day_limit", "customer_limit"}


def test_evidence_is_of_mentions_that_are_there(small: Store) -> None:
    raise_by(small, DETRACTOR, SAFETY, RISING)
    with small.read() as connection:
        there = set(connection.execute(select(tables.mention.c.mention_id)).scalars())
    for (payload,) in read_actions(small, "payload"):
        assert payload["mentions"]
        assert set(payload["mentions"]) <= there
