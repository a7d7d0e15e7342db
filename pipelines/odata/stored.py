"""Events of the store as the pure functions take them, and what was derived, written back."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from pipelines import tables
from pipelines.counted import is_one_of
from pipelines.id_batches import batch_ids
from pipelines.odata.facts import Facts, Happened, derive_facts
from pipelines.odata.kinds import name_kind
from pipelines.odata.outcomes import OutcomeSettings, measure_outcomes
from pipelines.rights.gate import allows_customer, allows_figures
from pipelines.runs import Run
from pipelines.upserts import replace_rows

_BATCH = 5_000


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
    connection: Connection, customers: Collection[str] | None
) -> Iterator[tuple[str, list[Happened]]]:
    """The events of each customer, by customer."""
    event, key = tables.event.c, tables.event_key.c
    query = (
        select(event.customer_id, event.at, event.kind, event.amount, event.currency, key.key_hash)
        .outerjoin(tables.event_key, (key.event_id == event.event_id) & (key.key_type == "order"))
        .where(event.customer_id.is_not(None), event.at.is_not(None))
        .where(is_one_of(event.customer_id, customers))
        .order_by(event.customer_id, event.at, event.event_id)
        .execution_options(yield_per=_BATCH)
    )
    found: list[Happened] = []
    current: str | None = None
    for customer_id, at, kind, amount, currency, order in connection.execute(query):
        if customer_id != current and current is not None:
            yield current, found
            found = []
        current = customer_id
        found.append(Happened(at, name_kind(kind), amount, currency, order))
    if current is not None:
        yield current, found


def write_facts(run: Run, history: History) -> int:
    """Bring customer_fact up to date.

    :returns: number of rows that changed.
    """
    event = tables.event.c
    query = select(event.customer_id).where(
        event.customer_id.is_not(None),
        allows_customer(run.connection, "profiling", event.customer_id),
    )
    rows = (
        {"customer_id": each, **show_facts(facts), "run_id": run.run_id}
        for batch in _batch_sorted(run.connection.execute(query.distinct()).scalars())
        for each, facts in derive_batch(run.connection, batch, history)
    )
    return replace_rows(run.connection, tables.customer_fact, rows)


def derive_batch(
    connection: Connection, customers: Sequence[str], history: History
) -> list[tuple[str, Facts]]:
    """Facts of some customers, of those that have events."""
    since = read_since(connection, customers)
    return [
        (
            each,
            derive_facts(
                events, history.as_of, since.get(each), knows_closing=history.knows_closing
            ),
        )
        for each, events in read_events(connection, customers)
    ]


def write_outcomes(run: Run, history: History, settings: OutcomeSettings) -> int:
    """Bring feedback_outcome up to date.

    :returns: number of rows that changed.
    """
    rows = _measure(run.connection, history, settings)
    return replace_rows(run.connection, tables.feedback_outcome, rows)


def _measure(
    connection: Connection, history: History, settings: OutcomeSettings
) -> Iterator[dict[str, object]]:
    feedback = tables.feedback.c
    query = select(feedback.customer_id).where(feedback.customer_id.is_not(None)).distinct()
    for batch in _batch_sorted(connection.execute(query).scalars()):
        events = dict(read_events(connection, batch))
        is_theirs = feedback.customer_id.in_(batch)
        yield from _measure_some(connection, is_theirs, events, history, settings)
    is_nobodys = feedback.customer_id.is_(None)
    yield from _measure_some(connection, is_nobodys, {}, history, settings)


def _measure_some(
    connection: Connection,
    condition: ColumnElement[bool],
    events: Mapping[str, Sequence[Happened]],
    history: History,
    settings: OutcomeSettings,
) -> Iterator[dict[str, object]]:
    feedback = tables.feedback.c
    columns = (feedback.occurred_at, feedback.rating, feedback.rating_max)
    query = select(feedback.feedback_id, feedback.customer_id, *columns).where(
        feedback.noise_reason.is_(None), condition, allows_figures(connection)
    )
    until = history.known_until or history.as_of
    for feedback_id, customer_id, at, rating, rating_max in connection.execute(query).all():
        own = events.get(customer_id, ())
        measured = measure_outcomes(at, rating, rating_max, own, until, settings)
        for outcome, value in measured.items():
            yield {
                "feedback_id": feedback_id,
                "outcome": outcome,
                "customer_id": customer_id,
                "value": value,
            }


def _batch_sorted(ids: Iterable[str]) -> Iterator[Sequence[str]]:
    return batch_ids(sorted(ids))


def read_since(connection: Connection, customers: Sequence[str]) -> dict[str, datetime]:
    """Since when the CRM knows customers, where it says so."""
    customer = tables.customer.c
    query = select(customer.customer_id, customer.valid_from).where(
        customer.valid_from.is_not(None), customer.customer_id.in_(customers)
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
