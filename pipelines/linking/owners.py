"""Whom keys belong to: the customer of the CRM, of an order, or of a feedback that is linked.

Every function fills ``scratch.owner`` with one row a key; a key of several customers has none.
"""

from typing import Any

from sqlalchemy import Connection, Table, case, func, insert, literal, select, union, update
from sqlalchemy.sql import Select

from pipelines import tables
from pipelines.key_columns import is_same_key
from pipelines.keys import KEY_TYPES
from pipelines.linking.items import Items
from pipelines.linking.scratch import Scratch

# A link as sure as a phone number's ties the other keys of its feedback to the customer; one that
# something speaks against does not.
MIN_TIE = 0.95
NO_LIMIT = 2**62


def add_crm_owners(connection: Connection, scratch: Scratch, items: tuple[Items, ...]) -> None:
    """Whom the CRM gives each key that feedback or events have."""
    used: Any = union(
        *(select(each.keys.c.key_type, each.keys.c.key_hash) for each in items)
    ).subquery("used")
    customer, held = join_holders(scratch, used)
    # SQLite reads them in this order: what feedback has decides how much of the CRM is looked at.
    query = (
        select(
            used.c.key_type,
            used.c.key_hash,
            func.min(customer),
            func.count(customer.distinct()),
            literal("crm"),
            literal(1.0),
            literal(0),
        )
        .select_from(held)
        .where(used.c.key_type.in_(KEY_TYPES))
        .group_by(used.c.key_type, used.c.key_hash)
    )
    _insert_owners(connection, scratch.owner, query)


def add_order_owners(connection: Connection, scratch: Scratch, events: Items) -> None:
    """Whom an order belongs to, by the events that are linked; the CRM's word stays."""
    key, found, owner = events.keys.c, scratch.link.c, scratch.owner
    query = (
        select(
            key.key_type,
            key.key_hash,
            func.min(found.customer_id),
            func.count(found.customer_id.distinct()),
            literal("order"),
            func.max(found.confidence),
            literal(0),
        )
        .join(scratch.link, found.item_id == key[events.id_name])
        .outerjoin(owner, is_same_key(owner.c, key))
        .where(key.key_type == "order", owner.c.key_hash.is_(None))
        .group_by(key.key_type, key.key_hash)
    )
    _insert_owners(connection, owner, query)


def add_tied_owners(connection: Connection, scratch: Scratch, items: Items, number: int) -> int:
    """Keys that nobody has yet, of feedback that is surely linked.

    :param number: of this round.
    :returns: how many were found.
    """
    found, owner = scratch.link.c, scratch.owner
    key: Any = _list_ownerless(scratch, items).c
    query = (
        select(
            key.key_type,
            key.key_hash,
            func.min(found.customer_id),
            func.count(found.customer_id.distinct()),
            literal("feedback"),
            func.max(found.confidence),
            literal(number),
        )
        .join(scratch.link, found.item_id == key[items.id_name])
        .where(found.confidence >= MIN_TIE)
        .group_by(key.key_type, key.key_hash)
    )
    return _insert_owners(connection, owner, query)


def _list_ownerless(scratch: Scratch, items: Items) -> Any:
    """Keys that nobody has yet: few of all, so that they are found before links are looked up."""
    key, owner = items.keys.c, scratch.owner
    return (
        select(key.key_type, key.key_hash, key[items.id_name])
        .outerjoin(owner, is_same_key(owner.c, key))
        .where(key.key_type.in_(KEY_TYPES), owner.c.key_hash.is_(None))
        # A limit that is none keeps SQLite from reading it the other way round.
        .limit(NO_LIMIT)
        .subquery("ownerless")
    )


def mark_shared_by_many(
    connection: Connection, scratch: Scratch, items: Items, key_type: str, limit: int
) -> None:
    """Take a key from its one customer when it stands beside surer keys of many others.

    So is a shop's own address, which the CRM knows of one customer only.
    """
    key, found, owner = items.keys.c, scratch.link.c, scratch.owner
    n_beside = func.count(found.customer_id.distinct())
    beside: Any = (
        select(key.key_type, key.key_hash, n_beside.label("n"))
        .join(scratch.link, found.item_id == key[items.id_name])
        .where(key.key_type == key_type)
        .group_by(key.key_type, key.key_hash)
        .having(n_beside > limit)
        .subquery("beside")
    )
    statement = (
        update(owner)
        .where(is_same_key(owner.c, beside.c))
        .values(n_customers=_larger(owner.c.n_customers, beside.c.n))
    )
    connection.execute(statement)


def _larger(one: Any, other: Any) -> Any:
    """The larger of two values: SQLite calls it max and PostgreSQL greatest."""
    return case((one > other, one), else_=other)


def join_holders(scratch: Scratch, keys: Any) -> tuple[Any, Any]:
    """Join keys with the customers of the CRM that hold them.

    :returns: the column with the record that stands for each, and what to select from.
    """
    held, merge = tables.customer_key.c, scratch.merge
    holders = keys.join(tables.customer_key, is_same_key(held, keys.c))
    is_merged = merge.c.customer_id == held.customer_id
    customer: Any = func.coalesce(merge.c.merged_into, held.customer_id)
    return customer, holders.outerjoin(merge, is_merged)


def _insert_owners(connection: Connection, owner: Table, query: Select[Any]) -> int:
    names = ["key_type", "key_hash", "customer_id", "n_customers", "via", "confidence", "round"]
    counted = insert(owner).from_select(names, query).execution_options(preserve_rowcount=True)
    return connection.execute(counted).rowcount
