"""What themes cost, as ``theme_impact`` says: what is lost with each, among all who voiced it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, case, func, select

from pipelines import tables
from pipelines.attention.estimates import Estimate
from pipelines.attention.voices import is_customer, join_customers
from pipelines.counted import counted_mentions, is_counted, mention
from pipelines.odata.facts import NO_CURRENCY, YEAR
from pipelines.odata.kinds import name_kind

_customer, _event, _impact = tables.customer.c, tables.event.c, tables.theme_impact.c
# More of it is worse; of all other outcomes less is.
_CHURN = "churn"


@dataclass(frozen=True)
class Effect:
    """What goes with a theme; a loss is positive.

    :param kind: money, customers or rating, as in :mod:`pipelines.attention.gains`.
    :param base: all there is of the unit: what all customers spent in a year, or how many they are.
    """

    theme_id: str
    kind: str
    outcome: str
    method: str
    loss: Estimate
    unit: str
    n: int
    base: float

    @property
    def share(self) -> float:
        """The loss at the lower end, over all there is; 0 where it may be none."""
        return max(self.loss.low, 0.0) / self.base if self.base > 0 else 0.0


@dataclass(frozen=True)
class Reached:
    """Customers of a segment who voiced a theme.

    :param spenders: who of them spent anything in a year, by currency.
    :param spending: what they spent.
    """

    n: int = 0
    spenders: Mapping[str, int] = field(default_factory=dict)
    spending: Mapping[str, float] = field(default_factory=dict)

    def count(self, effect: Effect) -> int:
        """How many an effect reaches: of money those who spent some."""
        return self.spenders.get(effect.unit, 0) if effect.kind == "money" else self.n

    def weigh(self, effect: Effect) -> float:
        """What they count for of an effect: their spending, or their number."""
        if effect.kind == "money":
            return max(self.spending.get(effect.unit, 0.0), 0.0)
        return self.n


def read_effects(connection: Connection, until: datetime) -> list[Effect]:
    """Effects that are known, of all themes.

    :param until: the newest moment that counts: a year of spending is counted back from it.
    """
    query = select(tables.theme_impact).where(_impact.effect.is_not(None), _impact.low.is_not(None))
    rows = connection.execute(query.order_by(*tables.theme_impact.primary_key)).all()
    if not rows:
        return []
    spending = _sum_spending(connection, until)
    count = (
        select(func.count())
        .select_from(tables.customer)
        .where(is_customer(connection, "profiling"))
    )
    n_customers = connection.execute(count).scalar_one()
    return [_read_effect(row, spending, n_customers) for row in rows]


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


def _read_effect(row: Any, spending: Mapping[str, float], n_customers: int) -> Effect:
    is_money = row.currency is not None
    kind = "money" if is_money else "customers" if row.outcome.startswith(_CHURN) else "rating"
    return Effect(
        theme_id=row.theme_id,
        kind=kind,
        outcome=row.outcome,
        method=row.method,
        loss=_read_loss(row),
        unit={"money": row.currency, "customers": "customers"}.get(kind, "points x voices"),
        n=row.n_with_theme or 0,
        base=spending.get(row.currency, 0.0) if is_money else float(n_customers),
    )


def _read_loss(row: Any) -> Estimate:
    """What is at stake; else what all who voiced the theme lose of the outcome."""
    if row.at_stake is not None and row.at_stake_low is not None:
        return Estimate(row.at_stake, row.at_stake_low, row.at_stake_high)
    n = row.n_with_theme or 0
    if row.outcome.startswith(_CHURN):
        return Estimate(row.effect * n, row.low * n, row.high * n)
    return Estimate(-row.effect * n, -row.high * n, -row.low * n)


def _sum_spending(connection: Connection, until: datetime) -> dict[str, float]:
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
