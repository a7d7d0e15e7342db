"""Who voiced a theme, by segment, and what they spent in a year."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, case, func, select

from pipelines import tables
from pipelines.attention.voices import is_customer, join_customers
from pipelines.counted import counted_mentions, is_counted, mention
from pipelines.odata.facts import NO_CURRENCY, YEAR
from pipelines.odata.kinds import name_kind

_customer, _event = tables.customer.c, tables.event.c


@dataclass(frozen=True)
class Reached:
    """Customers of a segment who voiced a theme.

    :param spenders: who of them spent anything in a year, by currency.
    :param spending: what they spent.
    """

    n: int = 0
    spenders: Mapping[str, int] = field(default_factory=dict)
    spending: Mapping[str, float] = field(default_factory=dict)


def reach_segments(
    connection: Connection, theme_ids: Sequence[str], until: datetime
) -> dict[str, dict[str | None, Reached]]:
    """Customers who voiced these themes by segment; None is that of who has none."""
    voiced = (
        select(mention.theme_id, _customer.segment, _customer.customer_id)
        .select_from(join_customers(counted_mentions))
        .where(is_counted, mention.theme_id.in_(theme_ids))
        .where(is_customer(connection, "profiling"))
        .distinct()
        .subquery()
    ).c
    groups = (voiced.theme_id, voiced.segment)
    counts = connection.execute(select(*groups, func.count()).group_by(*groups)).all()
    spent = _spend_by_customer(connection, until)
    sums = (
        select(*groups, spent.c.currency, func.count(), func.sum(spent.c.amount))
        .join(spent, spent.c.customer_id == voiced.customer_id)
        .group_by(*groups, spent.c.currency)
    )
    spenders: dict[tuple[str, str | None], dict[str, int]] = defaultdict(dict)
    spending: dict[tuple[str, str | None], dict[str, float]] = defaultdict(dict)
    for theme_id, segment, currency, n, amount in connection.execute(sums):
        spenders[theme_id, segment][currency] = n
        spending[theme_id, segment][currency] = float(amount or 0.0)
    found: dict[str, dict[str | None, Reached]] = defaultdict(dict)
    for theme_id, segment, n in counts:
        own = (theme_id, segment)
        found[theme_id][segment] = Reached(n, spenders[own], spending[own])
    return found


def sum_spending(connection: Connection, until: datetime) -> dict[str, float]:
    """What all customers spent in the year before a moment, by currency."""
    spent = _spend_by_customer(connection, until).c
    query = select(spent.currency, func.sum(spent.amount)).group_by(spent.currency)
    return {currency: float(amount or 0.0) for currency, amount in connection.execute(query)}


def _spend_by_customer(connection: Connection, until: datetime) -> Any:
    """Orders less refunds of the year before a moment, by customer and currency.

    As :func:`pipelines.odata.facts.sum_spend` reckons them, for all customers at once.
    """
    kinds = connection.execute(select(_event.kind).distinct().order_by(_event.kind)).scalars().all()
    paid = [kind for kind in kinds if name_kind(kind) in ("order", "renewal")]
    returned = [kind for kind in kinds if name_kind(kind) == "refund"]
    # One object: PostgreSQL takes two equal ones with parameters for different ones.
    currency = func.coalesce(_event.currency, NO_CURRENCY)
    amount = case((_event.kind.in_(returned), -func.abs(_event.amount)), else_=_event.amount)
    return (
        select(
            _event.customer_id,
            currency.label("currency"),
            func.sum(amount).label("amount"),
        )
        .where(
            and_(
                _event.customer_id.is_not(None),
                _event.kind.in_([*paid, *returned]),
                _event.at > until - YEAR,
                _event.at <= until,
            )
        )
        .group_by(_event.customer_id, currency)
        .subquery()
    )
