"""Who voiced a theme, by segment, and what they spent in a year."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Integer, and_, case, cast, func, or_, select

from pipelines import tables
from pipelines.attention.voices import is_customer
from pipelines.counted import counted_mentions, feedback, is_counted, mention
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
    voiced = _list_voiced(theme_ids)
    spent = _spend_by_customer(connection, until)
    # Of who spends in several currencies one row stands for the customer.
    order = (spent.c.customer_id, spent.c.currency)
    place = func.row_number().over(partition_by=order[:1], order_by=order[1:])
    money = select(*spent.c, place.label("place")).subquery()
    is_first = or_(money.c.place.is_(None), money.c.place == 1)
    n_people = cast(func.sum(case((is_first, 1), else_=0)), Integer)
    groups = (voiced.c.theme_id, _customer.segment, money.c.currency)
    query = (
        select(*groups, func.count(), n_people, func.sum(money.c.amount))
        .join_from(voiced, tables.customer, _customer.customer_id == voiced.c.customer_id)
        .outerjoin(money, money.c.customer_id == voiced.c.customer_id)
        .where(is_customer(connection, "profiling"))
        .group_by(*groups)
    )
    people: dict[tuple[str, str | None], int] = defaultdict(int)
    spenders: dict[tuple[str, str | None], dict[str, int]] = defaultdict(dict)
    spending: dict[tuple[str, str | None], dict[str, float]] = defaultdict(dict)
    for theme_id, segment, currency, n, n_first, amount in connection.execute(query):
        people[theme_id, segment] += n_first
        if currency is not None:
            spenders[theme_id, segment][currency] = n
            spending[theme_id, segment][currency] = float(amount or 0.0)
    found: dict[str, dict[str | None, Reached]] = defaultdict(dict)
    for (theme_id, segment), n in people.items():
        own = (theme_id, segment)
        found[theme_id][segment] = Reached(n, spenders[own], spending[own])
    return found


def _list_voiced(theme_ids: Sequence[str]) -> Any:
    """Who voiced which of these themes."""
    return (
        select(mention.theme_id, feedback.customer_id)
        .select_from(counted_mentions)
        # Mentions in their own order, see `has_theme`.
        .where(is_counted, mention.theme_id.concat("").in_(theme_ids))
        .where(feedback.customer_id.is_not(None))
        .group_by(feedback.customer_id, mention.theme_id)
        .subquery()
    )


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
