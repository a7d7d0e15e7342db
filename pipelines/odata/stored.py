"""Events of the store as the pure functions take them, and facts as its table does."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from pipelines import tables
from pipelines.odata.facts import Facts, Happened, derive_facts
from pipelines.odata.kinds import name_kind
from pipelines.rights.gate import allows_customer

_BATCH = 5_000
# SQL for a column with customers, that it holds one of those asked for.
IsTheirs = Callable[[Any], ColumnElement[bool]]


@dataclass(frozen=True)
class History:
    """All that the store knows of time.

    :param as_of: the newest moment of an event or feedback that is not in the future.
    :param known_until: the same of events alone.
    :param knows_closing: whether an event says that an order is done.
    """

    as_of: datetime
    known_until: datetime | None
    knows_closing: bool

    def asked_at(self, moment: datetime) -> "History":
        """The same, to describe customers as of a moment at which nothing need have happened."""
        return replace(self, as_of=moment)


def read_history(connection: Connection, until: datetime) -> History:
    """The clock of the store: equal tables give equal facts, whenever they are derived.

    :param until: what is dated later is not looked at.
    """
    event, feedback = tables.event.c, tables.feedback.c
    newest = [
        connection.execute(select(func.max(column)).where(column <= until)).scalar()
        for column in (event.at, feedback.occurred_at)
    ]
    kinds = connection.execute(select(event.kind).where(event.at <= until).distinct()).scalars()
    closes = any(name_kind(kind) in ("delivered", "cancelled") for kind in kinds)
    known = [moment for moment in newest if moment is not None]
    return History(max(known, default=until), newest[0], closes)


def read_events(
    connection: Connection, is_theirs: IsTheirs
) -> Iterator[tuple[str, list[Happened]]]:
    """The events of each customer who allows a profile, by customer."""
    event, key = tables.event.c, tables.event_key.c
    query = (
        select(event.customer_id, event.at, event.kind, event.amount, event.currency, key.key_hash)
        .outerjoin(tables.event_key, (key.event_id == event.event_id) & (key.key_type == "order"))
        .where(event.customer_id.is_not(None), event.at.is_not(None))
        .where(is_theirs(event.customer_id))
        .where(allows_customer(connection, "profiling", event.customer_id))
        .order_by(event.customer_id, event.at, event.event_id)
        .execution_options(yield_per=_BATCH)
    )
    kinds: dict[str, str] = {}
    for customer_id, rows in groupby(connection.execute(query), itemgetter(0)):
        yield (
            customer_id,
            [
                Happened(at, kinds.get(kind) or kinds.setdefault(kind, name_kind(kind)), *rest)
                for _, at, kind, *rest in rows
            ],
        )


def derive_batch(
    connection: Connection,
    is_theirs: IsTheirs,
    events: Mapping[str, Sequence[Happened]],
    history: History,
) -> dict[str, Facts]:
    """Facts of some customers, of those that have events and allow a profile.

    :param events: of each of them, as :func:`read_events` gives them.
    """
    since = read_since(connection, is_theirs)
    return {
        each: derive_facts(own, history.as_of, since.get(each), knows_closing=history.knows_closing)
        for each, own in events.items()
    }


def read_since(connection: Connection, is_theirs: IsTheirs) -> dict[str, datetime]:
    """Since when the CRM knows customers, where it says so."""
    customer = tables.customer.c
    query = select(customer.customer_id, customer.valid_from).where(
        customer.valid_from.is_not(None), is_theirs(customer.customer_id)
    )
    return {str(each): at for each, at in connection.execute(query)}


def show_facts(facts: Facts) -> dict[str, object]:
    """Facts as in customer_fact: what is empty is None."""
    return {
        "as_of": facts.as_of,
        "first_at": facts.first_at,
        "tenure_days": facts.tenure_days,
        "last_order_at": facts.last_order_at,
        "recency_days": facts.recency_days,
        "n_orders": facts.n_orders,
        "frequency": facts.frequency,
        "n_open_orders": facts.n_open_orders,
        "n_tickets_90": facts.n_tickets_90,
        "spend": dict(facts.spend) or None,
        "spend_year": dict(facts.spend_year) or None,
        "balance": dict(facts.balance) or None,
        "churned_at": facts.churned_at,
    }
