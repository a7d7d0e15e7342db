"""Actions that are kept back: the one statement for it, and those whose customers refuse."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, not_, select
from sqlalchemy.sql.elements import ColumnElement

from pipelines import tables
from pipelines.actions.kept_rules import read_kept_rules
from pipelines.actions.occasions import ANY_CHANNEL
from pipelines.bulk import update_rows
from pipelines.id_batches import batch_ids
from pipelines.rights.gate import allows_customer

_action = tables.action.c


def suppress(connection: Connection, reasons: Mapping[str, str]) -> int:
    """Keep actions from being delivered.

    :param reasons: of ``occasions.REASONS``, or what a person says, by action.
    :returns: how many.
    """
    values = {"status": "suppressed", "next_attempt_at": None}
    rows = [{"action_id": each, "reason": reasons[each], **values} for each in sorted(reasons)]
    update_rows(connection, tables.action, rows)
    return len(reasons)


def suppress_refused(connection: Connection, action_ids: Sequence[str], now: datetime) -> int:
    """Take back what is about customers who do not allow it; how many actions that were."""
    return suppress(connection, find_refused(connection, action_ids, now))


def find_refused(
    connection: Connection, action_ids: Sequence[str], now: datetime, status: str = "pending"
) -> dict[str, str]:
    """Why some actions of a status may not be told: of ``occasions.REASONS``."""
    found: dict[str, str] = {}
    for batch in batch_ids(action_ids):
        for channel, ids in _list_contacts(connection, batch).items():
            by = None if channel == ANY_CHANNEL else channel
            allowed = allows_customer(connection, "contact", _action.customer_id, by, now)
            refused = _list_refused(connection, ids, allowed, status)
            found |= dict.fromkeys(refused, "contact_refused")
        allowed = allows_customer(connection, "profiling", _action.customer_id, now=now)
        refused = _list_refused(connection, batch, allowed, status)
        found |= dict.fromkeys(refused, "profiling_refused")
    return found


def _list_contacts(connection: Connection, action_ids: Sequence[str]) -> dict[str, list[str]]:
    """Actions that approach their customer, by the channel.

    They say so, or their rule does since.
    """
    channels = {
        rule.name: getattr(rule, "channel", None) or ANY_CHANNEL
        for rule in read_kept_rules(connection)
        if getattr(rule, "contacts_customer", False)
    }
    query = select(_action.action_id, _action.rule, _action.payload)
    found: dict[str, list[str]] = {}
    for row in connection.execute(query.where(_action.action_id.in_(action_ids))):
        if channel := (row.payload or {}).get("contacts") or channels.get(row.rule):
            found.setdefault(str(channel), []).append(row.action_id)
    return found


def _list_refused(
    connection: Connection,
    action_ids: Sequence[str],
    allowed: ColumnElement[bool],
    status: str,
) -> list[str]:
    query = select(_action.action_id).where(
        _action.action_id.in_(action_ids),
        _action.status == status,
        _action.customer_id.is_not(None),
        not_(allowed),
    )
    return list(connection.execute(query).scalars())
