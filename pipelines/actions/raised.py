"""The actions that are there, as raising holds new ones against them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from pipelines import tables
from pipelines.actions.limits import Channel, Raised
from pipelines.actions.occasions import Occasion
from pipelines.id_batches import batch_ids

Row = dict[str, Any]
_action = tables.action.c


def read_pending(connection: Connection) -> list[Row]:
    """What waits to be delivered."""
    columns = (
        *(_action[name] for name in ("action_id", "kind", "rule", "destination", "customer_id")),
        *(_action[name] for name in ("theme_id", "idempotency_key", "payload")),
    )
    query = select(*columns).where(_action.status == "pending").order_by(_action.action_id)
    return [dict(row) for row in connection.execute(query).mappings()]


def read_stored(connection: Connection, keys: Sequence[str]) -> dict[str, Row]:
    """Those with these idempotency keys, by key."""
    found: dict[str, Row] = {}
    columns = (_action.action_id, _action.idempotency_key, _action.status, _action.reason)
    for batch in batch_ids(keys):
        query = select(*columns).where(_action.idempotency_key.in_(batch))
        for row in connection.execute(query).mappings():
            found[row["idempotency_key"]] = dict(row)
    return found


def read_raised(connection: Connection, now: datetime, days: int) -> Raised:
    """What limits count: actions of today, and about customers in the last days.

    :param days: how far back actions about a customer matter.
    """
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    since = min(midnight, now - timedelta(days=days))
    query = select(_action.rule, _action.destination, _action.customer_id, _action.created_at)
    today: Counter[Channel] = Counter()
    spoken: dict[tuple[Channel, str], list[datetime]] = defaultdict(list)
    is_told = _action.status != "suppressed"
    for rule, destination, customer_id, at in connection.execute(
        query.where(is_told, _action.created_at >= since)
    ):
        channel = Channel(rule or "", destination)
        today[channel] += at >= midnight
        if customer_id:
            spoken[channel, customer_id].append(at)
    return Raised(today, spoken)


def find_same_rise(connection: Connection, occasion: Occasion, destination: str) -> str | None:
    """The key of the action that tells of this rise of a theme already.

    Feedback that comes late may move the week in which it began.
    """
    if occasion.rule.kind != "theme":
        return None
    query = select(_action.idempotency_key, _action.payload).where(
        _action.rule == occasion.rule.name,
        _action.destination == destination,
        _action.theme_id == occasion.theme_id,
    )
    for key, payload in connection.execute(query.order_by(_action.action_id.desc())):
        if str(payload["facts"].get("week", "")) >= occasion.what:
            return str(key)
    return None
