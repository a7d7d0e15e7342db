"""The rows that may leave: of customers who allow it, as ``v_customer`` shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, select

from pipelines import tables
from pipelines.rights.gate import allows_customer
from pipelines.syncs.columns import make_plain
from pipelines.syncs.target import Row
from pipelines.views import view_queries

_sync = tables.sync_row.c


def read_rows(
    connection: Connection, fields: Mapping[str, str], after: str, limit: int
) -> list[Row]:
    """The next rows by key; customers of whom nothing of this is known are among them.

    :param fields: column by the destination's name of a field.
    :param after: the key of the last row before.
    """
    view = _select_allowed(connection).subquery()
    columns = [view.c[column] for column in fields.values()]
    query = select(view.c.customer_id, *columns).where(view.c.customer_id > after)
    found = connection.execute(query.order_by(view.c.customer_id).limit(limit))
    return [
        Row(key, dict(zip(fields, map(make_plain, values), strict=True))) for key, *values in found
    ]


def list_gone(connection: Connection, sync: str, after: str, limit: int) -> Sequence[str]:
    """Customers whose row a destination may hold, though it may not leave any more.

    They refused, are not there any more, or another record stands for them.
    """
    allowed = _select_allowed(connection).subquery()
    query = (
        select(_sync.customer_id)
        .where(_sync.sync == sync, _sync.status != "removed", _sync.customer_id > after)
        .where(_sync.customer_id.not_in(select(allowed.c.customer_id)))
        .order_by(_sync.customer_id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def read_sent(connection: Connection, sync: str, after: str, limit: int) -> list[Row]:
    """The next rows that a destination has taken, by key."""
    query = (
        select(_sync.customer_id, _sync.fields)
        .where(_sync.sync == sync, _sync.status == "sent", _sync.customer_id > after)
        .order_by(_sync.customer_id)
        .limit(limit)
    )
    return [Row(key, fields or {}) for key, fields in connection.execute(query)]


def _select_allowed(connection: Connection) -> Select[Any]:
    view = view_queries()["v_customer"]
    key = tables.customer.c.customer_id
    return view.where(allows_customer(connection, "profiling", key))
