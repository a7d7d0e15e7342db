"""What events say of customers, what followed, and the row that is made of all."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete

from nlp.journey import STAGES, classify_stages
from pipelines import risk_fitting, tables
from pipelines.config import check_config
from pipelines.customer_rows import RowSettings, publish_customers, read_row_settings
from pipelines.errors import ConfigError
from pipelines.journeys import JourneyStage
from pipelines.next_actions import DEFAULT_RULES, ActionRule, Situation, choose_action
from pipelines.odata.facts import Happened, derive_facts
from pipelines.odata.kinds import name_kind
from pipelines.odata.outcomes import OutcomeSettings, measure_churn, measure_outcomes
from pipelines.risk import (
    MIN_OUTCOMES,
    RiskModel,
    Signs,
    add_points,
    fit_risk,
    predict_risk,
    take_log,
)
from pipelines.runs import Run
from tests.pipelines.conftest import add_rows, read_rows

CALM = Signs(0.1, 0.1, 0.0, 0.0, take_log(10), take_log(5), take_log(0))


def on(day: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)


def happened(day: int, kind: str, amount: float | None = None, **more: Any) -> Happened:
    return Happened(on(day), kind, amount, **more)


LIFE = [
    happened(0, "order", 100.0, currency="EUR", order="1"),
    happened(5, "delivered", order="1"),
    happened(20, "order", 1_234.56, currency="ILS", order="2"),
    happened(25, "refund", 34.56, currency="ILS"),
    happened(30, "ticket"),
    happened(40, "balance", 7.0, currency="EUR"),
    happened(60, "churn"),
]


def test_a_customer_is_described_as_of_any_day() -> None:
    facts = derive_facts(LIFE, on(30), since=on(3))
    assert (facts.first_at, facts.last_order_at, facts.n_orders) == (on(0), on(20), 2)
    assert (facts.recency_days, facts.tenure_days, facts.frequency) == (10, 30, 2)
    # Currencies stay apart, and a refund that names no order closes the oldest that is open.
    assert facts.spend == {"EUR": 100.0, "ILS": 1_200.0}
    assert (facts.n_open_orders, facts.n_tickets_90, facts.churned_at) == (0, 1, None)
    assert derive_facts(LIFE, on(21)).n_open_orders == 1
    assert derive_facts(LIFE, on(21), knows_closing=False).n_open_orders is None
    assert derive_facts(LIFE, on(500)).churned_at == on(60)
    assert derive_facts(LIFE, on(500)).spend_year == {}
    assert derive_facts([*LIFE, happened(70, "renewal")], on(71)).churned_at is None
    assert derive_facts(LIFE, on(45)).balance == {"EUR": 7.0}
    assert derive_facts([], on(1)).tenure_days is None


KINDS = st.sampled_from(["order", "refund", "delivered", "churn", "renewal", "ticket", "balance"])
EVENTS = st.lists(st.tuples(st.integers(0, 99), KINDS, st.floats(0, 99)), max_size=12)


@given(EVENTS, st.integers(0, 99), st.randoms())
def test_nothing_that_comes_later_changes_what_was_known(
    drawn: list[tuple[int, str, float]], day: int, chance: Any
) -> None:
    events = [happened(at, kind, amount) for at, kind, amount in drawn]
    past = [each for each in events if each.at <= on(day)]
    chance.shuffle(events)
    assert derive_facts(events, on(day)).n_orders == derive_facts(past, on(day)).n_orders
    ordered = sorted(events, key=lambda each: (each.at, each.kind, each.amount or 0))
    known = sorted(past, key=lambda each: (each.at, each.kind, each.amount or 0))
    assert derive_facts(ordered, on(day)) == derive_facts(known, on(day))


def test_outcomes_are_measured_when_enough_time_has_passed() -> None:
    settings = OutcomeSettings(churn_days=30, spend_days=10)
    told = measure_outcomes(on(22), LIFE, on(100), settings)
    assert told == {"churn_30": 0.0, "spend_change_10_ILS": -1_269.12}
    assert measure_churn(on(40), LIFE, on(61), 30) is True
    assert measure_churn(on(40), LIFE[:-1], on(61), 30) is None  # the window is not over
    assert measure_churn(on(70), LIFE, on(200), 30) is None  # had left before
    assert measure_outcomes(None, LIFE, on(99), settings) == {}
    nothing = OutcomeSettings(churn_days=0, spend_days=0)
    assert measure_outcomes(on(22), LIFE, on(100), nothing) == {}


def test_events_have_many_names() -> None:
    names = ("Order_Placed", "refunded", "subscription.cancelled", "הזמנה", "login", "fee")
    assert [name_kind(each) for each in names] == [
        *("order", "refund", "churn", "order", "login", "other")
    ]


def test_points_name_their_reasons() -> None:
    calm, angry = add_points(CALM), add_points(Signs(-0.5, -0.9, 1.0, 1.0, 0, 0, 0))
    assert (round(calm.value, 4), calm.method) == (0.05, "points")
    assert calm.reasons == ("no sign of leaving (0.05)",)
    expected = 1 - 0.95 * 0.55 * 0.8 * 0.88 * 0.9
    assert angry.value == pytest.approx(expected)
    assert angry.reasons[0] == "speaks of leaving (+0.36)"
    assert angry.reasons[-1] == "anybody may leave (+0.03)"
    shares = [float(reason[-6:-1]) for reason in angry.reasons]
    assert len(shares) == 5
    assert sum(shares) == pytest.approx(angry.value, abs=0.025)  # each is rounded


def test_the_model_is_fitted_and_calibrated_when_enough_have_left() -> None:
    chance = random.Random(1)
    examples, labels = [], []
    for _ in range(2_000):
        mood = chance.uniform(-1, 1)
        examples.append(Signs(mood, mood, float(mood < -0.5), 0.0, chance.random(), 1.0, 0.0))
        labels.append(chance.random() < 1 / (1 + np.exp(1 + 2 * mood)))
    assert fit_risk(examples[:100], [*[True] * (MIN_OUTCOMES - 1), *[False] * 21]) is None
    model = fit_risk(examples, labels)
    assert model is not None
    assert model.calibration < 0.05
    assert RiskModel.from_json(model.to_json()) == model
    happy = predict_risk(model, Signs(0.9, 0.9, 0.0, 0.0, 0.5, 1.0, 0.0))
    angry = predict_risk(model, Signs(-0.9, -0.9, 1.0, 0.0, 0.5, 1.0, 0.0))
    assert happy.value == pytest.approx(1 / (1 + np.exp(1 + 1.8)), abs=0.05)
    assert angry.value == pytest.approx(1 / (1 + np.exp(1 - 1.8)), abs=0.08)
    assert any("negative" in reason or "badly" in reason for reason in angry.reasons)


def test_the_model_is_fitted_to_the_stage_that_it_judges_by(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(run)
    add_rows(run.connection, "event", event("e8", "A", on(1), "login"))
    add_rows(run.connection, "event", event("e9", "A", on(99), "login"))
    staged = {"f1": JourneyStage("use"), "f2": JourneyStage("leaving")}
    monkeypatch.setattr(risk_fitting, "read_stages", lambda _, asked: {x: staged[x] for x in asked})
    fitted: list[tuple[float, bool]] = []

    def note(examples: Sequence[Signs], has_left: Sequence[bool]) -> None:
        fitted.extend(zip((each.is_leaving for each in examples), has_left, strict=True))

    monkeypatch.setattr(risk_fitting, "fit_risk", note)
    publish_customers(run, RowSettings(OutcomeSettings(churn_days=30)), None)
    assert fitted == [(0.0, False), (1.0, True)]


def test_the_model_is_fitted_to_enough_customers_whoever_came_first(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(risk_fitting, "_CUSTOMERS_A_DRAW", 5)
    monkeypatch.setattr(risk_fitting, "ENOUGH_OUTCOMES", 4)
    fitted: list[list[tuple[float, bool]]] = []

    def note(examples: Sequence[Signs], has_left: Sequence[bool]) -> None:
        fitted.append(
            [(each.sentiment, left) for each, left in zip(examples, has_left, strict=True)]
        )

    monkeypatch.setattr(risk_fitting, "fit_risk", note)
    settings = RowSettings(OutcomeSettings(churn_days=30))
    for customers in (range(40), reversed(range(40))):
        for name in ("customer_insight", "customer_fact", "feedback", "mention", "event"):
            run.connection.execute(delete(tables.metadata.tables[name]))
        for number in customers:
            add_customer(run, number, has_left=number % 2 == 0)
        publish_customers(run, settings, None)
    assert fitted[0] == fitted[1]
    n_left = sum(has_left for _, has_left in fitted[0])
    assert len(fitted[0]) < 40 and min(n_left, len(fitted[0]) - n_left) >= 4


def add_customer(run: Run, number: int, *, has_left: bool) -> None:
    """Somebody who wrote on the second day, and left on the tenth or not for long."""
    name = f"customer {number}"
    last = (on(10), "churn") if has_left else (on(99), "login")
    for each, (at, kind) in enumerate(((on(1), "login"), last)):
        add_rows(run.connection, "event", event(f"e{number}-{each}", name, at, kind))
    said = {"feedback_id": f"f{number}", "source": "s", "text": "words", "occurred_at": on(2)}
    add_rows(run.connection, "feedback", {**said, "customer_id": name})
    mention = {"mention_id": f"f{number}-0", "feedback_id": f"f{number}", "position": 0}
    felt = {"text": "words", "text_hash": "h", "sentiment_score": number / 40}
    add_rows(run.connection, "mention", {**mention, **felt})


def test_an_order_of_the_day_on_which_it_is_done_is_not_open() -> None:
    for closing in ("delivered", "cancelled", "refund"):
        named = [happened(3, closing, order="7"), happened(3, "order", 5.0, order="7")]
        assert derive_facts(named, on(4)).n_open_orders == 0
        unnamed = [happened(3, closing), happened(3, "order", 5.0)]
        assert derive_facts(unnamed, on(4)).n_open_orders == 0


def test_the_first_rule_that_holds_chooses_the_action() -> None:
    found = Situation(True, False, 0.6, 900.0, -0.5, "leaving")
    assert choose_action(DEFAULT_RULES, found) == DEFAULT_RULES[1]
    poor = Situation(True, False, 0.6, None, -0.5, "leaving")
    assert choose_action(DEFAULT_RULES, poor) == DEFAULT_RULES[2]
    assert choose_action((ActionRule("x", "y", max_sentiment=-0.9),), found) is None
    configured = {"name": "vip", "action": "call", "min_value": 10, "stages": ["leaving"]}
    settings = read_row_settings(check_config({"next_actions": [configured]}, "earful.toml"))
    assert choose_action(settings.rules, found) == ActionRule(
        "vip", "call", min_value=10, stages=("leaving",)
    )
    with pytest.raises(ConfigError, match=r"next_actions.0.stages") as refused:
        check_config(
            {"next_actions": [{**configured, "stages": ["gone"]}], "outcomes": {"churn": 1}}, "f"
        )
    assert "unknown key @ outcomes.churn (known here: churn_days" in str(refused.value)


def test_a_stage_is_one_of_the_known_ones() -> None:
    random_rows = np.random.default_rng(0).normal(size=(50, 384)).astype(np.float32)
    random_rows /= np.linalg.norm(random_rows, axis=1, keepdims=True)
    stages = classify_stages(random_rows)
    assert {each.name for each in stages} <= {*STAGES}
    assert all(0 <= each.confidence <= 1 for each in stages)
    assert classify_stages(random_rows[:0]) == []


def test_the_row_of_a_customer_says_it_all_and_a_second_time_nothing(run: Run) -> None:
    fill(run)
    settings = RowSettings(OutcomeSettings(churn_days=30, spend_days=0))
    assert publish_customers(run, settings, None) > 0
    names = ("customer_id", "value", "value_currency", "risk_method", "next_rule", "declared")
    assert read_rows(run.connection, "customer_insight", *names) == [
        (
            "A",
            100.0,
            "EUR",
            "points",
            "open_theme",
            {"segment": "gold", "last_rating": 0.2, "rating_mean": 0.2},
        ),
        ("B", None, None, "left", "win_back", None),
    ]
    (reasons,) = read_rows(run.connection, "customer_insight", "risk_reasons")[1]
    assert reasons == ["left on 2026-01-11"]
    facts = read_rows(run.connection, "customer_fact", "customer_id", "as_of", "recency_days")
    assert facts == [("A", on(10), 10.0), ("B", on(10), None)]
    outcomes = read_rows(run.connection, "feedback_outcome", "feedback_id", "outcome", "value")
    assert outcomes == [("f1", "rating", 0.2), ("f2", "churn_30", 1.0)]
    assert publish_customers(run, settings, None) == 0


def fill(run: Run) -> None:
    """Two customers; an event of the year 2200 is kept and counts nowhere."""
    future = datetime(2200, 1, 1, tzinfo=UTC)
    add_rows(run.connection, "customer", {"customer_id": "A", "segment": "gold"})
    for number, (customer_id, at, kind) in enumerate(
        (("A", on(0), "purchase"), ("A", future, "order"), ("B", on(10), "churn"))
    ):
        row = event(f"e{number}", customer_id, at, kind)
        more = {"amount": 100.0, "currency": "EUR"} if customer_id == "A" else {}
        add_rows(run.connection, "event", {**row, **more})
    for key, customer_id, rating in (("f1", "A", 1), ("f2", "B", None)):
        said = {"feedback_id": key, "source": "s", "text": "words", "occurred_at": on(2)}
        scale = {"rating": rating, "rating_max": 5 if rating else None}
        add_rows(run.connection, "feedback", {**said, "customer_id": customer_id, **scale})
        mention = {"mention_id": f"{key}-0", "feedback_id": key, "position": 0, "text": "words"}
        felt = {"text_hash": "h", "sentiment": "negative", "sentiment_score": -0.8}
        add_rows(run.connection, "mention", {**mention, **felt, "theme_id": "t"})


def event(event_id: str, customer_id: str, at: datetime, kind: str) -> dict[str, Any]:
    return {"event_id": event_id, "customer_id": customer_id, "at": at, "kind": kind}
