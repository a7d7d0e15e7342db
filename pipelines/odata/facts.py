"""What events say of one customer as of a day: a pure function that never looks ahead."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# Amounts whose source names no currency are kept apart under this name.
NO_CURRENCY = "?"
YEAR = timedelta(days=365)
SPENDS = frozenset(("order", "refund", "renewal"))
# A customer who does one of these has not left, or is back.
RETURNS = frozenset(("order", "renewal", "login"))
_CLOSES = frozenset(("delivered", "cancelled", "refund"))


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of a customer.

    :param kind: as :func:`pipelines.odata.kinds.name_kind` names it.
    :param order: the order that it is about, where it names one.
    """

    at: datetime
    kind: str
    amount: float | None = None
    currency: str | None = None
    order: str | None = None


@dataclass(frozen=True)
class Facts:
    """A customer as of a day; amounts by currency are never added to each other.

    :param first_at: the first that is known: the CRM's date, or an earlier event.
    :param frequency: orders in the year before.
    :param spend: orders less refunds, ever.
    :param spend_year: orders less refunds, in the year before.
    :param churned_at: when they left and did not come back.
    :param n_open_orders: orders that nothing closed; None where no event ever closes one.
    """

    as_of: datetime
    first_at: datetime | None
    last_at: datetime | None
    last_order_at: datetime | None
    n_orders: int
    frequency: int
    n_tickets_90: int
    spend: Mapping[str, float]
    spend_year: Mapping[str, float]
    balance: Mapping[str, float]
    churned_at: datetime | None
    n_open_orders: int | None

    @property
    def recency_days(self) -> float | None:
        """Days since the last order."""
        return _count_days(self.last_order_at, self.as_of)

    @property
    def tenure_days(self) -> float | None:
        """Days since the customer is known."""
        return _count_days(self.first_at, self.as_of)


def derive_facts(
    events: Iterable[Happened],
    as_of: datetime,
    since: datetime | None = None,
    *,
    knows_closing: bool = True,
) -> Facts:
    """Describe a customer by what had happened until a moment.

    :param events: in any order; later ones are not looked at.
    :param since: since when the CRM knows the customer; an event may come before.
    :param knows_closing: whether any event of the store says that an order is done.
    """
    past = sorted(
        (each for each in events if each.at <= as_of), key=lambda each: (each.at, each.kind)
    )
    orders = [each for each in past if each.kind == "order"]
    known = [each.at for each in past[:1]] + [since] * (since is not None and since <= as_of)
    return Facts(
        as_of=as_of,
        first_at=min((at for at in known if at is not None), default=None),
        last_at=past[-1].at if past else None,
        last_order_at=orders[-1].at if orders else None,
        n_orders=len(orders),
        frequency=sum(each.at > as_of - YEAR for each in orders),
        n_tickets_90=_count_recent(past, "ticket", as_of - timedelta(days=90)),
        spend=sum_spend(past),
        spend_year=sum_spend(past, as_of - YEAR),
        balance=_read_balance(past),
        churned_at=find_churn(past),
        n_open_orders=_count_open(past) if knows_closing else None,
    )


def sum_spend(
    events: Iterable[Happened], after: datetime | None = None, until: datetime | None = None
) -> dict[str, float]:
    """Orders less refunds by currency, in the time after one moment and up to another."""
    sums: dict[str, float] = defaultdict(float)
    for each in events:
        is_in = (after is None or each.at > after) and (until is None or each.at <= until)
        if each.amount is not None and is_in and each.kind in SPENDS:
            amount = -abs(each.amount) if each.kind == "refund" else each.amount
            sums[each.currency or NO_CURRENCY] += amount
    return {currency: round(total, 2) for currency, total in sorted(sums.items())}


def _count_recent(past: Sequence[Happened], kind: str, after: datetime) -> int:
    return sum(each.kind == kind and each.at > after for each in past)


def _read_balance(past: Sequence[Happened]) -> dict[str, float]:
    """The last that was told, by currency."""
    told = [each for each in past if each.kind == "balance" and each.amount is not None]
    return {each.currency or NO_CURRENCY: each.amount for each in told if each.amount is not None}


def find_churn(past: Iterable[Happened]) -> datetime | None:
    """When a customer left, unless they came back.

    :param past: by time; of one moment by kind, so that who leaves and returns is there.
    """
    left: datetime | None = None
    for each in past:
        if each.kind == "churn":
            left = left or each.at
        elif each.kind in RETURNS:
            left = None
    return left


def _count_open(past: Sequence[Happened]) -> int:
    state: dict[str, bool] = {}
    # Of one day, as many sources date their events, the order comes before what closes it.
    ordered = sorted(past, key=lambda each: (each.at, each.kind in _CLOSES))
    for number, each in enumerate(ordered):
        if each.kind == "order":
            state[each.order or f"#{number}"] = True
        elif each.kind in _CLOSES:
            name = each.order or _oldest_open(state)
            if name is not None:
                state[name] = False
    return sum(state.values())


def _oldest_open(state: Mapping[str, bool]) -> str | None:
    """What closes an order without naming it closes the oldest."""
    return next((name for name, is_open in state.items() if is_open), None)


def _count_days(since: datetime | None, until: datetime) -> float | None:
    return None if since is None else (until - since).total_seconds() / 86_400
