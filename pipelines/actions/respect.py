"""Actions and what their customers allow: kept back, emptied, and carried over to who they are."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, not_, select, update

from pipelines import tables
from pipelines.actions.occasions import Occasion, make_key
from pipelines.actions.raised import read_pending
from pipelines.actions.suppressed import suppress, suppress_refused
from pipelines.counted import is_analysed
from pipelines.id_batches import batch_ids
from pipelines.rights.gate import allows_customer

_action, _customer = tables.action.c, tables.customer.c


def hinder_contacts(
    connection: Connection, occasions: Sequence[Occasion], now: datetime
) -> list[Occasion]:
    """Keep back what would approach a customer who is not known or has not agreed."""
    willing = {
        channel: _find_willing(connection, channel, [each.customer_id for each in own], now)
        for channel, own in _by_channel(occasions).items()
    }
    found = []
    for each in occasions:
        if not getattr(each.rule, "contacts_customer", False):
            found.append(each)
        elif each.customer_id is None:
            found.append(each.hinder("no_customer"))
        else:
            is_willing = each.customer_id in willing[_channel(each)]
            found.append(each if is_willing else each.hinder("contact_refused"))
    return found


def _by_channel(occasions: Iterable[Occasion]) -> dict[str | None, list[Occasion]]:
    groups: dict[str | None, list[Occasion]] = {}
    for each in occasions:
        if getattr(each.rule, "contacts_customer", False):
            groups.setdefault(_channel(each), []).append(each)
    return groups


def _channel(occasion: Occasion) -> str | None:
    return getattr(occasion.rule, "channel", None)


def _find_willing(
    connection: Connection, channel: str | None, customers: Iterable[str | None], now: datetime
) -> set[str]:
    """Those of whom the gate says that they may be contacted."""
    feedback = tables.feedback.c
    willing: set[str] = set()
    for batch in batch_ids(sorted({each for each in customers if each})):
        allowed = allows_customer(connection, "contact", feedback.customer_id, channel, now)
        query = select(feedback.customer_id).where(feedback.customer_id.in_(batch), allowed)
        willing.update(each for each in connection.execute(query.distinct()).scalars() if each)
    return willing


def suppress_unwanted(connection: Connection, now: datetime) -> int:
    """Keep back what waits for customers who refuse by now, and empty what was told of them.

    What waits because of words that do not count any more is kept back too.

    :returns: number of actions that changed.
    """
    if connection.execute(select(_action.action_id).limit(1)).first() is None:
        return 0
    n_emptied = _empty_profiles(connection, now)
    waiting = [row["action_id"] for row in read_pending(connection)]
    return n_emptied + suppress_refused(connection, waiting, now) + _stop_unheard(connection)


def _empty_profiles(connection: Connection, now: datetime) -> int:
    """Take the figures out of actions about customers who do not want to be profiled."""
    refused = not_(allows_customer(connection, "profiling", _action.customer_id, now=now))
    query = select(_action.action_id, _action.status, _action.reason, _action.payload).where(
        _action.customer_id.is_not(None), refused
    )
    rows = [
        {
            "id": row.action_id,
            "said": {**(row.payload or {}), "reason": "", "facts": {}, "mentions": []},
            "now": "suppressed" if row.status == "pending" else row.status,
            "why": "profiling_refused" if row.status == "pending" else row.reason,
        }
        for row in connection.execute(query)
        if row.status == "pending" or (row.payload or {}).get("facts")
    ]
    if rows:
        connection.execute(_EMPTY, rows)
    return len(rows)


def _stop_unheard(connection: Connection) -> int:
    """Suppress what waits because of feedback that may not be analysed any more, or is gone."""
    feedback = tables.feedback.c
    waiting = {
        row["payload"].get("occasion"): row["action_id"]
        for row in read_pending(connection)
        if row["kind"] == "words"
    }
    heard: set[str] = set()
    for batch in batch_ids(sorted(waiting)):
        query = select(feedback.feedback_id).where(feedback.feedback_id.in_(batch), is_analysed)
        heard.update(connection.execute(query).scalars())
    return suppress(connection, {waiting[each]: "over" for each in waiting.keys() - heard})


_EMPTY = (
    update(tables.action)
    .where(_action.action_id == bindparam("id"))
    .values(payload=bindparam("said"), status=bindparam("now"), reason=bindparam("why"))
)


def keep_customers(connection: Connection) -> int:
    """Carry the actions of records that were merged over to the record that stands for the person.

    :returns: number of actions that changed.
    """
    query = (
        select(tables.action, _customer.merged_into)
        .join(tables.customer, _customer.customer_id == _action.customer_id)
        .where(_customer.merged_into.is_not(None))
        .order_by(_action.action_id)
    )
    rows = [_carry(dict(row)) for row in connection.execute(query).mappings()]
    taken = _find_keys(connection, [row["key"] for row in rows])
    kept = [row for row in rows if row["key"] not in taken]
    if kept:
        connection.execute(_CARRY, kept)
    return len(kept)


def _carry(row: dict[str, Any]) -> dict[str, Any]:
    into, own = row["merged_into"], row["customer_id"]
    what = str(row["payload"].get("occasion", row["action_id"]))
    is_grouped = row["group_key"] == f"customer {own}"
    return {
        "id": row["action_id"],
        "into": into,
        "key": make_key(row["rule"], row["destination"], into, what),
        "group": f"customer {into}" if is_grouped else row["group_key"],
    }


def _find_keys(connection: Connection, keys: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for batch in batch_ids(keys):
        query = select(_action.idempotency_key).where(_action.idempotency_key.in_(batch))
        found.update(connection.execute(query).scalars())
    return found


_CARRY = (
    update(tables.action)
    .where(_action.action_id == bindparam("id"))
    .values(
        customer_id=bindparam("into"),
        idempotency_key=bindparam("key"),
        group_key=bindparam("group"),
    )
)
