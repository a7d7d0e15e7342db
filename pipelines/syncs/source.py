"""The rows that may leave: of customers who allow it, as ``v_customer`` shows them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, select

from pipelines import tables
from pipelines.customers import make_customer_id
from pipelines.id_batches import batch_ids
from pipelines.rights.gate import allows_customer
from pipelines.syncs.columns import make_plain
from pipelines.syncs.target import Row
from pipelines.views import view_queries

_sync, _key = tables.sync_row.c, tables.customer.c.customer_id
_own = tables.customer_key.c
_MADE_ID = re.compile("c[0-9a-f]{24}")


def read_rows(
    connection: Connection, fields: Mapping[str, str], after: str, limit: int
) -> list[Row]:
    """The next rows by key; customers of whom nothing of this is known are among them.

    :param fields: column by the destination's name of a field.
    :param after: the key of the last row before.
    """
    query = _select_allowed(connection, fields.values()).where(_key > after)
    found = connection.execute(query.order_by(_key).limit(limit))
    return [
        Row(key, dict(zip(fields, map(make_plain, values), strict=True))) for key, *values in found
    ]


def drop_nameless(connection: Connection, rows: Sequence[Row], secret: bytes) -> list[Row]:
    """The rows without those of records that have no id of the CRM's own, or a contact for one.

    The store made an id for these (:func:`pipelines.customers.make_customer_id`), which nobody
    else knows them by.
    """
    made: set[str] = set()
    for batch in batch_ids([row.key for row in rows if _MADE_ID.fullmatch(row.key)]):
        query = select(_own.customer_id, _own.key_type, _own.key_hash)
        for key, kind, hashed in connection.execute(query.where(_own.customer_id.in_(batch))):
            if make_customer_id(secret, kind, hashed) == key:
                made.add(key)
    return [row for row in rows if row.key not in made]


def list_gone(connection: Connection, sync: str, after: str, limit: int) -> Sequence[str]:
    """Customers whose row a destination may hold, though it may not leave any more.

    They refused, are not there any more, or another record stands for them.
    """
    query = (
        select(_sync.customer_id)
        .where(_sync.sync == sync, _sync.status != "removed", _sync.customer_id > after)
        .where(_sync.customer_id.not_in(_select_allowed(connection, ())))
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


def _select_allowed(connection: Connection, columns: Iterable[str]) -> Select[Any]:
    """The key and some columns of ``v_customer``, where they may leave."""
    view = _read_view()
    own = {column.name: column for column in view.selected_columns}
    chosen = view.with_only_columns(_key, *(own[name] for name in columns))
    return chosen.where(allows_customer(connection, "profiling", _key))


@cache
def _read_view() -> Select[Any]:
    return view_queries()["v_customer"]
