"""The row of each customer: words, events, risk and the next best action, put together."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from pipelines import tables
from pipelines.customer_batches import CustomerBatch, batch_customers
from pipelines.customer_mentions import read_spoken, read_sums
from pipelines.insights import (
    Insight,
    Spread,
    describe_customers,
    estimate_spread,
)
from pipelines.journeys import JourneyStage, read_stages
from pipelines.kept_settings import keep_values
from pipelines.next_actions import (
    DEFAULT_RULES,
    ActionRule,
    Situation,
    choose_action,
    describe_action,
)
from pipelines.odata.facts import Facts
from pipelines.odata.outcome_rows import IS_GIVEN, measure_followed, write_given
from pipelines.odata.outcomes import OutcomeSettings
from pipelines.odata.stored import (
    History,
    derive_batch,
    read_events,
    read_history,
    show_facts,
)
from pipelines.risk import LEFT, Risk, RiskModel, add_points, predict_risk
from pipelines.risk_fitting import fit_model, load_model, read_signs
from pipelines.runs import Run
from pipelines.upserts import Replacement, replace_rows, round_floats

if TYPE_CHECKING:
    from pipelines.config import Config

_SETTINGS = "row_settings"


@dataclass(frozen=True)
class RowSettings:
    """What of the configuration customer rows depend on."""

    outcomes: OutcomeSettings = field(default_factory=OutcomeSettings)
    rules: tuple[ActionRule, ...] = DEFAULT_RULES


def read_row_settings(config: "Config") -> RowSettings:
    """Take from the configuration what customer rows depend on."""
    outcomes = OutcomeSettings(**config.outcomes.model_dump())
    if config.next_actions is None:
        return RowSettings(outcomes)
    rules = tuple(ActionRule(**each.model_dump()) for each in config.next_actions)
    return RowSettings(outcomes, rules)


def keep_settings(connection: Connection, settings: RowSettings | None) -> RowSettings:
    """The settings to describe customers by, kept for edits and erasures, which are not told them.

    :param settings: as configured; None for those of the last time. Others than then have
        everything published anew.
    """
    given = None if settings is None else asdict(settings)
    stored = keep_values(connection, _SETTINGS, given, "published", "compared")
    return settings or (_read_stored(stored) if stored else RowSettings())


def _read_stored(stored: dict[str, Any]) -> RowSettings:
    rules = [ActionRule(**{**each, "stages": tuple(each["stages"])}) for each in stored["rules"]]
    return RowSettings(OutcomeSettings(**stored["outcomes"]), tuple(rules))


@dataclass(frozen=True)
class _Known:
    """What holds for all customers.

    :param stages: of feedback, those that are known already.
    """

    history: History
    spread: Spread
    model: RiskModel | None
    rules: Sequence[ActionRule]
    stages: Mapping[str, JourneyStage] = field(default_factory=dict)


def publish_customers(run: Run, settings: RowSettings, customers: Collection[str] | None) -> int:
    """Bring customer_insight up to date, and with it what events say of all customers.

    :param customers: those to describe anew, where only themes changed; None for all.
    :returns: number of rows that were written.
    """
    if customers is not None and not customers:
        return 0
    history = read_history(run.connection, run.started_at)
    spread = estimate_spread(read_sums(run.connection))
    written, stages = 0, {}
    if customers is None:
        written += write_given(run, settings.outcomes)
        stages = fit_model(run.connection, history, spread, settings.outcomes.churn_days)
    known = _Known(history, spread, load_model(run.connection), settings.rules, stages)
    outcomes = Replacement(run.connection, tables.feedback_outcome)
    for batch in batch_customers(run.connection, customers):
        events = dict(read_events(run.connection, batch.holds))
        facts = derive_batch(run.connection, batch.holds, events, history)
        if customers is None:
            written += _write_facts(run, batch, facts)
            outcomes.write(
                measure_followed(run.connection, batch.holds, events, history, settings.outcomes)
            )
        told = {"run_id": run.run_id, "updated_at": run.started_at}
        rows = _describe_batch(run.connection, batch, facts, known)
        among = batch.holds(tables.customer_insight.c.customer_id)
        written += replace_rows(
            run.connection, tables.customer_insight, ({**row, **told} for row in rows), among
        )
    return written + (outcomes.finish(~IS_GIVEN) if customers is None else 0)


def _write_facts(run: Run, batch: CustomerBatch, facts: Mapping[str, Facts]) -> int:
    rows = (
        {"customer_id": each, **show_facts(own), "run_id": run.run_id}
        for each, own in facts.items()
    )
    among = batch.holds(tables.customer_fact.c.customer_id)
    return replace_rows(run.connection, tables.customer_fact, rows, among)


def describe_past(connection: Connection, customer_id: str, at: datetime) -> dict[str, Any] | None:
    """A customer's row as it would have been at a moment: nothing later is looked at.

    The risk is told in points: a model was fitted to what came later.

    :returns: as in customer_insight, rounded as there; None when nothing that counts was said by
        then.
    """
    history = read_history(connection, at).asked_at(at)
    spread = estimate_spread(read_sums(connection, at))
    known = _Known(history, spread, None, keep_settings(connection, None).rules)
    batch = CustomerBatch([customer_id])
    events = dict(read_events(connection, batch.holds))
    facts = derive_batch(connection, batch.holds, events, history)
    row = next(_describe_batch(connection, batch, facts, known, at), None)
    return row and round_floats(row)


def _describe_batch(
    connection: Connection,
    batch: CustomerBatch,
    facts: Mapping[str, Facts],
    known: _Known,
    until: datetime | None = None,
) -> Iterator[dict[str, Any]]:
    records = _read_records(connection, batch)
    insights = dict(describe_customers(read_spoken(connection, batch.holds, until), known.spread))
    latest = {each.last_feedback_id for each in insights.values()}
    stages = {key: known.stages[key] for key in latest & known.stages.keys()}
    stages |= read_stages(connection, sorted(latest - stages.keys()))
    for customer_id, insight in insights.items():
        stage = stages.get(insight.last_feedback_id, JourneyStage())
        own, record = facts.get(customer_id), records.get(customer_id, {})
        yield {
            "customer_id": customer_id,
            **_describe_one(insight, own, stage, record, known),
            "as_of": known.history.as_of,
        }


def _describe_one(
    insight: Insight,
    facts: Facts | None,
    stage: JourneyStage,
    record: Mapping[str, Any],
    known: _Known,
) -> dict[str, Any]:
    risk = _judge_risk(insight, facts, stage.name, known)
    value, currency = _choose_value(facts)
    situation = Situation(
        has_open_theme=insight.open_theme_id is not None,
        has_churned=facts is not None and facts.churned_at is not None,
        risk=risk.value,
        value=value,
        sentiment=insight.sentiment,
        stage=stage.name,
    )
    rule = choose_action(known.rules, situation)
    declared = {**record, "last_rating": insight.last_rating, "rating_mean": insight.rating_mean}
    inferred = {
        "sentiment": round(insight.sentiment, 4),
        "journey_stage": stage.name,
        "risk": round(risk.value, 4),
        "open_theme_id": insight.open_theme_id,
    }
    return {
        **vars(insight),
        "journey_stage": stage.name,
        "journey_confidence": stage.confidence,
        "value": value,
        "value_currency": currency,
        "risk": risk.value,
        "risk_reasons": list(risk.reasons),
        "risk_method": risk.method,
        "next_action": rule and describe_action(rule),
        "next_rule": rule and rule.name,
        "declared": {name: told for name, told in declared.items() if told is not None} or None,
        "inferred": {name: made for name, made in inferred.items() if made is not None},
    }


def _judge_risk(insight: Insight, facts: Facts | None, stage: str, known: _Known) -> Risk:
    if facts is not None and facts.churned_at is not None:
        return Risk(1.0, (f"left on {facts.churned_at:%Y-%m-%d}",), LEFT)
    signs = read_signs(insight, facts, stage)
    return predict_risk(known.model, signs) if known.model else add_points(signs)


def _choose_value(facts: Facts | None) -> tuple[float | None, str | None]:
    """The currency in which a customer spends most, by its own figures: none is converted."""
    if facts is None or not facts.spend_year:
        return None, None
    currency = max(facts.spend_year, key=lambda each: (facts.spend_year[each], each))
    return facts.spend_year[currency], currency


def _read_records(connection: Connection, batch: CustomerBatch) -> dict[str, dict[str, Any]]:
    """What the CRM says, as declared."""
    customer = tables.customer.c
    query = select(customer.customer_id, customer.segment, customer.country, customer.lang).where(
        batch.holds(customer.customer_id)
    )
    return {
        str(row["customer_id"]): {
            name: row[name] for name in ("segment", "country", "lang") if row[name] is not None
        }
        for row in connection.execute(query).mappings()
    }
