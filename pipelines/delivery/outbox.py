"""The rows of ``action`` that are to be delivered, and what became of them.

Before a message is sent its rows say that an attempt has begun (``attempt_at``), and afterwards at
once how it ended: between the two nobody knows whether it arrived.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from pipelines import tables
from pipelines.actions.suppressed import suppress_refused
from pipelines.delivery.messages import Destination, Message, Receipt, make_message_id
from pipelines.delivery.telling import read_message
from pipelines.id_batches import batch_ids

_action = tables.action.c
Row = Any


@dataclass(frozen=True)
class Plan:
    """Actions that go together.

    :param n_attempts: how often it was tried before.
    :param begun_at: since when an attempt is under way whose end nobody knows.
    :param is_new: it was never tried.
    """

    message_id: str
    action_ids: tuple[str, ...]
    n_attempts: int
    begun_at: datetime | None
    is_new: bool

    def is_fresh(self, now: datetime, settle_s: float) -> bool:
        """Whether an attempt was cut off less than so many seconds ago."""
        return self.begun_at is not None and now - self.begun_at < timedelta(seconds=settle_s)


def count_waiting(connection: Connection, now: datetime) -> dict[str, int]:
    """Actions that are due, by destination."""
    query = select(_action.destination, func.count()).where(*_is_due(now))
    counted = connection.execute(query.group_by(_action.destination))
    return dict(sorted((str(name), int(n)) for name, n in counted))


def plan_messages(
    connection: Connection, name: str, destination: Destination, now: datetime
) -> list[Plan]:
    """What is due for a destination, the oldest first.

    Actions that were tried together stay together; new ones join those of their group.
    """
    query = select(tables.action).where(*_is_due(now), _action.destination == name)
    rows = connection.execute(query.order_by(_action.created_at, _action.action_id)).all()
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault(_group(row, takes_all=destination.takes_all), []).append(row)
    return [
        _make_plan(name, chunk)
        for group in groups.values()
        for chunk in _chunk(group, destination.max_items)
    ]


def begin_attempt(
    connection: Connection, plan: Plan, max_quotes: int, now: datetime
) -> tuple[Message | None, int]:
    """Note that a message is about to be sent, and read what it tells.

    :returns: the message, None where nothing of it is left; and how many were suppressed.
    """
    n_suppressed = suppress_refused(connection, plan.action_ids, now)
    query = select(_action.action_id).where(
        _action.action_id.in_(plan.action_ids), _action.status == "pending"
    )
    action_ids = list(connection.execute(query).scalars())
    if not action_ids:
        return None, n_suppressed
    _change(
        connection,
        action_ids,
        message_id=plan.message_id,
        attempt_at=now,
        attempts=plan.n_attempts + 1,
    )
    return read_message(connection, plan.message_id, action_ids, max_quotes), n_suppressed


def record_sent(
    connection: Connection, action_ids: Sequence[str], receipt: Receipt, now: datetime
) -> None:
    """Note that a message was taken."""
    told = {"reference": receipt.reference, "reason": receipt.note}
    ended = {"attempt_at": None, "next_attempt_at": None}
    _change(connection, action_ids, status="sent", sent_at=now, **told, **ended)


def record_failure(
    connection: Connection,
    action_ids: Sequence[str],
    reason: str,
    *,
    next_at: datetime | None,
    is_unknown: bool,
) -> None:
    """Note that a message was not taken, or that nobody knows.

    :param next_at: when it is tried again; None for never, before somebody says so.
    """
    status = "pending" if next_at else "failed"
    given: dict[str, Any] = {"status": status, "reason": reason, "next_attempt_at": next_at}
    if not is_unknown:
        given["attempt_at"] = None
    _change(connection, action_ids, **given)


def revive_failed(connection: Connection, action_ids: Collection[str] | None) -> list[str]:
    """Put dead letters back; they are tried as if for the first time, under the ids they had.

    :param action_ids: None for all.
    :returns: those that were put back.
    """
    query = select(_action.action_id, _action.message_id).where(_action.status == "failed")
    rows = connection.execute(query.order_by(_action.action_id)).all()
    wanted = {row.action_id for row in rows if action_ids is None or row.action_id in action_ids}
    # What went in one message goes in one again, or a part of it would be sent twice.
    messages = {row.message_id for row in rows if row.action_id in wanted and row.message_id}
    found = [row.action_id for row in rows if row.action_id in wanted or row.message_id in messages]
    given = {"attempts": 0, "next_attempt_at": None, "attempt_at": None, "reason": None}
    _change(connection, found, status="pending", **given)
    return found


def list_failed(connection: Connection) -> list[Row]:
    """Actions that were given up, the oldest first: id, destination and reason."""
    query = select(_action.action_id, _action.destination, _action.reason)
    query = query.where(_action.status == "failed").order_by(_action.action_id)
    return list(connection.execute(query).all())


def read_last_sent(connection: Connection, name: str, now: datetime) -> list[datetime]:
    """When messages went to a destination in the minute before, the oldest first."""
    query = (
        select(func.max(_action.sent_at))
        .where(_action.destination == name, _action.sent_at > now - timedelta(minutes=1))
        .group_by(_action.message_id)
    )
    return sorted(at for at in connection.execute(query).scalars() if at)


def _is_due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    is_time = or_(_action.next_attempt_at.is_(None), _action.next_attempt_at <= now)
    return _action.status == "pending", is_time


def _group(row: Row, *, takes_all: bool) -> tuple[str, str]:
    if row.message_id:
        return "message", row.message_id
    if takes_all:
        return "all", ""
    return ("group", row.group_key) if row.group_key else ("action", row.action_id)


def _chunk(rows: list[Row], size: int) -> Iterator[list[Row]]:
    if rows[0].message_id:  # as it was begun
        yield rows
        return
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _make_plan(name: str, rows: Sequence[Row]) -> Plan:
    keys = [row.idempotency_key or row.action_id for row in rows]
    first = min(row.created_at for row in rows)
    begun = [row.attempt_at for row in rows if row.attempt_at]
    return Plan(
        rows[0].message_id or make_message_id(name, keys, first),
        tuple(row.action_id for row in rows),
        max(row.attempts or 0 for row in rows),
        max(begun, default=None),
        rows[0].message_id is None,
    )


def _change(connection: Connection, action_ids: Sequence[str], **values: Any) -> None:
    for batch in batch_ids(action_ids):
        connection.execute(
            update(tables.action).where(_action.action_id.in_(batch)).values(**values)
        )
