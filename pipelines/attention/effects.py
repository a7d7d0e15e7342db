"""What themes cost, as ``theme_impact`` says: what is lost with each, among all who voiced it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from pipelines import tables
from pipelines.attention.estimates import Estimate
from pipelines.attention.spending import Reached, sum_spending
from pipelines.attention.voices import is_customer

_impact, _stake = tables.theme_impact.c, tables.theme_stake.c
# Its effect may be money: what those spend who leave.
_CHURN = "churn"
# Of all who are at stake, whose money stands for all. Where fewer spend in one currency, customers
# are counted instead: amounts of several are never added up.
_MOST = 0.5


@dataclass(frozen=True)
class Effect:
    """What goes with a theme; a loss is positive.

    :param kind: money, customers or rating, as in :mod:`pipelines.attention.gains`.
    :param n: customers who voiced it (and spend in that currency), or voices with a rating.
    :param base: all there is of the unit: what all customers spent in a year, or how many they are.
    """

    theme_id: str
    kind: str
    outcome: str
    method: str
    loss: Estimate
    q_value: float | None
    unit: str
    n: int
    base: float

    @property
    def share(self) -> float:
        """The loss at the lower end, over all there is; 0 where it may be none."""
        return max(self.loss.low, 0.0) / self.base if self.base > 0 else 0.0

    def count(self, reached: Reached) -> int:
        """How many customers of a segment it reaches: of money those who spent some."""
        return reached.spenders.get(self.unit, 0) if self.kind == "money" else reached.n

    def weigh(self, reached: Reached) -> float:
        """What a segment counts for: its spending, or its number."""
        if self.kind == "money":
            return max(reached.spending.get(self.unit, 0.0), 0.0)
        return reached.n


def read_effects(connection: Connection, until: datetime) -> list[Effect]:
    """Effects that are known, of all themes.

    :param until: the newest moment that counts: a year of spending is counted back from it.
    """
    query = select(tables.theme_impact).where(_impact.effect.is_not(None), _impact.low.is_not(None))
    rows = connection.execute(query.order_by(*tables.theme_impact.primary_key)).all()
    if not rows:
        return []
    bases = {**sum_spending(connection, until), "": float(_count_customers(connection))}
    stakes = _choose_stakes(connection)
    return [_read_effect(row, stakes.get((row.theme_id, row.outcome)), bases) for row in rows]


def _count_customers(connection: Connection) -> int:
    count = select(func.count()).select_from(tables.customer)
    return connection.execute(count.where(is_customer(connection, "profiling"))).scalar_one()


def _choose_stakes(connection: Connection) -> dict[tuple[str, str], Any]:
    """What is at stake by theme and outcome: money where most spend in one currency."""
    found: dict[tuple[str, str], list[Any]] = defaultdict(list)
    query = select(tables.theme_stake).order_by(_stake.n_customers.desc(), _stake.currency)
    for row in connection.execute(query):
        found[row.theme_id, row.outcome].append(row)
    return {key: _choose_stake(rows) for key, rows in found.items()}


def _choose_stake(rows: list[Any]) -> Any:
    everybody = max(row.n_customers for row in rows)
    money = [row for row in rows if row.currency and row.n_customers >= _MOST * everybody]
    return next(iter(money), rows[0])


def _read_effect(row: Any, stake: Any, bases: Mapping[str, float]) -> Effect:
    currency = stake.currency if stake else ""
    kind = "money" if currency else "customers" if row.outcome.startswith(_CHURN) else "rating"
    return Effect(
        theme_id=row.theme_id,
        kind=kind,
        outcome=row.outcome,
        method=row.method,
        loss=Estimate(stake.at_stake, stake.low, stake.high) if stake else _read_loss(row),
        q_value=row.q_value,
        unit={"money": currency, "customers": "customers"}.get(kind, "points x voices"),
        n=(stake.n_customers if stake else row.n_with_theme) or 0,
        base=bases.get(currency, 0.0),
    )


def _read_loss(row: Any) -> Estimate:
    """What all who voiced the theme lose of an outcome of which nothing is at stake: a rating."""
    n = row.n_with_theme or 0
    if row.outcome.startswith(_CHURN):
        return Estimate(row.effect * n, row.low * n, row.high * n)
    return Estimate(-row.effect * n, -row.high * n, -row.low * n)
