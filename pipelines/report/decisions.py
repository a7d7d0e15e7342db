"""What is decided from: what to do first, comparisons, who is heard, and customers to look at."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, case, func, or_, select

from pipelines.counted import is_counted
from pipelines.rights.descriptions import read_names
from pipelines.rights.gate import allows_customer
from pipelines.risk import LEFT
from pipelines.tables import (
    comparison,
    coverage,
    customer,
    customer_insight,
    feedback,
    priority,
)

MAX_PRIORITIES = 10
MAX_CUSTOMERS = 25
# Values of a dimension, and themes compared in each, that one page can show.
MAX_COMPARED = 6000


@dataclass(frozen=True)
class CustomerFacts:
    """A customer with an open complaint.

    :param places: the (source, language) pairs that they wrote in.
    """

    customer_id: str
    segment: str | None
    open_theme_id: str
    open_theme: str | None
    sentiment: float | None
    risk: float | None
    risk_method: str | None
    next_action: str | None
    next_rule: str | None
    last_feedback_at: datetime | None
    places: tuple[tuple[str, str], ...]


def read_priorities(connection: Connection, min_customers: int) -> tuple[RowMapping, ...]:
    """What to do first, for all and for each segment; segments of too few are left out."""
    query = (
        select(priority)
        .where(or_(priority.c.segment == "all", priority.c.n_customers >= min_customers))
        .where(priority.c.rank <= MAX_PRIORITIES)
        .order_by(priority.c.segment, priority.c.rank)
    )
    return tuple(connection.execute(query).mappings().all())


def read_comparison(
    connection: Connection, min_customers: int, theme_ids: list[str]
) -> tuple[RowMapping, ...]:
    """Values side by side: of all feedback, and of the largest themes that are on the page."""
    among = ["", *theme_ids]
    query = (
        select(comparison)
        .where(comparison.c.n_voices >= min_customers, comparison.c.theme_id.in_(among))
        .order_by(
            comparison.c.dimension,
            comparison.c.theme_id,
            comparison.c.n_voices.desc(),
            comparison.c.value,
        )
        .limit(MAX_COMPARED)
    )
    return tuple(connection.execute(query).mappings().all())


def read_coverage(connection: Connection, min_customers: int) -> tuple[RowMapping, ...]:
    """Who is heard; groups of too few customers are left out."""
    known = func.coalesce(coverage.c.n_customers, coverage.c.n_heard)
    query = (
        select(coverage)
        .where(known >= min_customers)
        .order_by(coverage.c.dimension, known.desc(), coverage.c.value)
    )
    return tuple(connection.execute(query).mappings().all())


def count_open_customers(connection: Connection) -> int:
    """Customers with an open complaint."""
    query = select(func.count()).where(*_is_open(connection))
    return connection.execute(query).scalar_one()


def read_customers(connection: Connection) -> tuple[CustomerFacts, ...]:
    """Customers with an open complaint: the highest risk first, then the unhappiest.

    Those who have left are at no risk of leaving any more: they come last.
    """
    insight = customer_insight.c
    query = (
        select(
            insight.customer_id,
            customer.c.segment,
            insight.open_theme_id,
            insight.sentiment,
            insight.risk,
            insight.risk_method,
            insight.next_action,
            insight.next_rule,
            insight.last_feedback_at,
        )
        .outerjoin(customer, customer.c.customer_id == insight.customer_id)
        .where(*_is_open(connection))
        .order_by(
            case((insight.risk_method == LEFT, 1), else_=0),
            insight.risk.desc().nulls_last(),
            insight.sentiment.asc().nulls_last(),
            insight.last_feedback_at.desc().nulls_last(),
            insight.customer_id,
        )
        .limit(MAX_CUSTOMERS)
    )
    rows = connection.execute(query).all()
    places = _read_places(connection, [row.customer_id for row in rows])
    names = read_names(connection, (row.open_theme_id for row in rows))
    return tuple(
        CustomerFacts(
            **row._mapping,
            open_theme=names.get(row.open_theme_id),
            places=places.get(row.customer_id, ()),
        )
        for row in rows
    )


def _is_open(connection: Connection) -> tuple[Any, Any]:
    allowed = allows_customer(connection, "profiling", customer_insight.c.customer_id)
    return customer_insight.c.open_theme_id.is_not(None), allowed


def _read_places(
    connection: Connection, customer_ids: list[str]
) -> dict[str, tuple[tuple[str, str], ...]]:
    query = (
        select(feedback.c.customer_id, feedback.c.source, func.coalesce(feedback.c.lang, "und"))
        .where(feedback.c.customer_id.in_(customer_ids), is_counted)
        .distinct()
    )
    places: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for customer_id, source, lang in connection.execute(query):
        places[customer_id].append((source, lang))
    return {customer_id: tuple(sorted(found)) for customer_id, found in places.items()}
