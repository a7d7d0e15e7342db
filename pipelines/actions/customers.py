"""Occasions of customers: those of whom all that a rule asks for holds, by their rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from pipelines import tables
from pipelines.actions.occasions import Occasion
from pipelines.actions.rules import CustomerRule
from pipelines.counted import feedback, is_counted
from pipelines.odata.outcomes import name_nps_group
from pipelines.rights.gate import allows_account, allows_customer

_NPS = {-1.0: "detractor", 0.0: "passive", 1.0: "promoter"}
_BATCH = 5_000


@dataclass(frozen=True)
class CustomerState:
    """What rules about customers are held against.

    :param rating: the latest they gave, 0..1; what they wrote since may have none.
    :param value: spend of the last year by currency.
    """

    rating: float | None = None
    nps: str | None = None
    sentiment: float = 0.0
    risk: float | None = None
    value: Mapping[str, float] = field(default_factory=dict)
    open_theme: str | None = None
    has_churned: bool = False
    stage: str | None = None
    segment: str | None = None


def explain_customer(rule: CustomerRule, state: CustomerState) -> dict[str, Any] | None:
    """The figures that make a rule hold, by name; None where it does not."""
    currency, value = _choose_value(rule, state)
    facts: dict[str, Any] = {}
    checks: tuple[tuple[bool, bool, str, Any], ...] = (
        # asked, holds, name, what is told
        (
            rule.max_rating is not None,
            _is_at_most(state.rating, rule.max_rating),
            "rating",
            state.rating,
        ),
        (rule.nps is not None, state.nps == rule.nps, "nps", state.nps),
        (
            rule.max_sentiment is not None,
            _is_at_most(state.sentiment, rule.max_sentiment),
            "sentiment",
            state.sentiment,
        ),
        (
            rule.min_sentiment is not None,
            _is_at_least(state.sentiment, rule.min_sentiment),
            "sentiment",
            state.sentiment,
        ),
        (rule.min_risk is not None, _is_at_least(state.risk, rule.min_risk), "risk", state.risk),
        (rule.min_value is not None, _is_at_least(value, rule.min_value), "value", value),
        (rule.min_value is not None, currency is not None, "currency", currency),
        (
            rule.open_theme is not None,
            (state.open_theme is not None) == rule.open_theme,
            "open_theme",
            state.open_theme or "none",
        ),
        (
            rule.churned is not None,
            state.has_churned == rule.churned,
            "churned",
            "yes" if state.has_churned else "no",
        ),
        (bool(rule.stages), state.stage in rule.stages, "stage", state.stage),
        (bool(rule.segments), state.segment in rule.segments, "segment", state.segment),
    )
    for is_asked, does_hold, name, told in checks:
        if is_asked and not does_hold:
            return None
        if is_asked:
            facts[name] = round(told, 4) if isinstance(told, float) else told
    return facts


def find_customers(
    connection: Connection, rules: Sequence[CustomerRule], since: Mapping[str, datetime]
) -> Iterator[Occasion]:
    """The customers of each rule, with their latest feedback as the occasion.

    :param since: by name of rule, from when on feedback counts.
    """
    if not rules:
        return
    for row in _read_customers(connection, min(since[rule.name] for rule in rules)):
        for rule in rules:
            state = _make_state(row, since[rule.name])
            facts = explain_customer(rule, state) if row["at"] >= since[rule.name] else None
            if facts is not None:
                is_muted = rule.open_theme is True and row["theme_status"] == "muted"
                yield Occasion(
                    rule,
                    what=row["last_feedback_id"],
                    at=row["at"],
                    title=rule.title or rule.name.replace("_", " "),
                    reason=", ".join(map(_tell, facts, facts.values())),
                    facts=facts,
                    mentions=tuple(row["evidence"] or ()),
                    customer_id=row["customer_id"],
                    theme_id=row["open_theme_id"],
                    hindrance="muted" if is_muted else None,
                )


def _read_customers(connection: Connection, oldest: datetime) -> Iterator[Mapping[str, Any]]:
    insight, fact = tables.customer_insight.c, tables.customer_fact.c
    latest = _select_ratings(connection)
    rated = latest.c
    # Feedback without a date is as old as its import, as for purge.
    at = func.coalesce(insight.last_feedback_at, feedback.ingested_at)
    columns = (
        *(insight[name] for name in ("customer_id", "last_feedback_id", "evidence", "sentiment")),
        *(insight[name] for name in ("risk", "journey_stage", "open_theme_id")),
        *(rated.rating, rated.rating_max, rated.rated_at, fact.spend_year, fact.churned_at),
        *(tables.customer.c.segment, tables.theme.c.name, at.label("at")),
        tables.theme.c.status.label("theme_status"),
    )
    joined = (
        tables.customer_insight.join(
            tables.feedback, feedback.feedback_id == insight.last_feedback_id
        )
        .outerjoin(latest, (rated.customer_id == insight.customer_id) & (rated.rank == 1))
        .outerjoin(tables.customer_fact, fact.customer_id == insight.customer_id)
        .outerjoin(tables.customer, tables.customer.c.customer_id == insight.customer_id)
        .outerjoin(tables.theme, tables.theme.c.theme_id == insight.open_theme_id)
    )
    is_allowed = allows_customer(connection, "profiling", insight.customer_id)
    query = select(*columns).select_from(joined).where(at >= oldest, is_allowed)
    for row in connection.execute(query.execution_options(yield_per=_BATCH)).mappings():
        yield dict(row)


def _select_ratings(connection: Connection) -> Any:
    """Ratings that customers gave, ranked by day: the latest of each is the first."""
    at = func.coalesce(feedback.occurred_at, feedback.ingested_at)
    order = (at.desc(), feedback.feedback_id.desc())
    rank = func.row_number().over(partition_by=feedback.customer_id, order_by=order)
    return (
        select(
            feedback.customer_id,
            feedback.rating,
            feedback.rating_max,
            at.label("rated_at"),
            rank.label("rank"),
        )
        .where(feedback.customer_id.is_not(None), feedback.rating.is_not(None))
        .where(feedback.rating_max > 0, is_counted, allows_account(connection))
        .subquery()
    )


def _make_state(row: Mapping[str, Any], since: datetime) -> CustomerState:
    """What holds of a customer; a rating from before `since` says nothing any more."""
    rating, rating_max = row["rating"], row["rating_max"]
    if rating is not None and row["rated_at"] < since:
        rating = None
    is_nps = rating is not None and rating_max == 10
    return CustomerState(
        rating=None if rating is None else rating / rating_max,
        nps=_NPS[name_nps_group(rating)] if is_nps else None,
        sentiment=row["sentiment"] or 0.0,
        risk=row["risk"],
        value=row["spend_year"] or {},
        open_theme=row["open_theme_id"] and (row["name"] or row["open_theme_id"]),
        has_churned=row["churned_at"] is not None,
        stage=row["journey_stage"],
        segment=row["segment"],
    )


def _choose_value(rule: CustomerRule, state: CustomerState) -> tuple[str | None, float | None]:
    """Spend in the currency that the rule names, else in that of most of it; none is converted."""
    if rule.currency is not None:
        return rule.currency, state.value.get(rule.currency)
    currency = max(state.value, key=lambda each: (state.value[each], each), default=None)
    return currency, None if currency is None else state.value[currency]


def _is_at_most(value: float | None, limit: float | None) -> bool:
    return value is not None and limit is not None and value <= limit


def _is_at_least(value: float | None, limit: float | None) -> bool:
    return value is not None and limit is not None and value >= limit


def _tell(name: str, told: Any) -> str:
    shown = f"{told:,.2f}" if isinstance(told, float) else str(told)
    return f"{name.replace('_', ' ')} {shown}"
