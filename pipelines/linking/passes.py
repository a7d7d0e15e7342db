"""Links by one key after another, the surest first: what a pass links, later ones leave alone."""

from typing import Any

from sqlalchemy import Connection, func, insert, literal, select, update

from pipelines.key_columns import is_same_key
from pipelines.keys import KEY_TYPES, LINK_CONFIDENCE
from pipelines.linking.items import Items
from pipelines.linking.owners import NO_LIMIT, join_holders, mark_shared_by_many
from pipelines.linking.scratch import Scratch

# What a link by phone or handle loses when the feedback also has an e-mail that no customer has:
# a new address of the same person, or another one of the household.
UNKNOWN_EMAIL = 0.97
# ... and when another of its keys is another customer's.
OTHER_CUSTOMER = 0.9
# Keys that several share, when just one customer has two of them.
SEVERAL_CONFIDENCE = 0.9


def link_by_keys(connection: Connection, scratch: Scratch, items: Items, limit: int) -> None:
    """Link by the keys that just one customer has.

    :param limit: a key beside surer keys of more customers than this links nobody.
    """
    for key_type in KEY_TYPES:
        if key_type != KEY_TYPES[0]:
            mark_shared_by_many(connection, scratch, items, key_type, limit)
        _link_by_key(connection, scratch, items, key_type, number=0)
    _doubt(connection, scratch, items)


def link_by_tied_keys(connection: Connection, scratch: Scratch, items: Items, number: int) -> None:
    """Link what is left by the keys that round ``number`` gave a customer."""
    for key_type in KEY_TYPES:
        _link_by_key(connection, scratch, items, key_type, number)


def link_by_several(connection: Connection, scratch: Scratch, items: Items, limit: int) -> None:
    """Link what is left when just one customer has two of its shared keys."""
    left = list_shared(scratch, items, limit)
    customer, held = join_holders(scratch, left)
    agreeing = (
        select(left.c.item_id, customer.label("customer_id"))
        .select_from(held)
        .group_by(left.c.item_id, customer)
        .having(func.count(left.c.key_type.distinct()) > 1)
        .subquery("agreeing")
    )
    query = (
        select(
            agreeing.c.item_id,
            func.min(agreeing.c.customer_id),
            literal("several"),
            literal("crm"),
            literal(SEVERAL_CONFIDENCE),
        )
        .group_by(agreeing.c.item_id)
        .having(func.count() == 1)
    )
    _insert_links(connection, scratch, query)


def _link_by_key(
    connection: Connection, scratch: Scratch, items: Items, key_type: str, number: int
) -> None:
    key, link = items.keys.c, scratch.link.c
    owners = _list_owners(scratch, key_type, number)
    owner = owners.c
    query = (
        select(
            key[items.id_name],
            func.min(owner.customer_id),
            literal(key_type),
            func.min(owner.via),
            literal(LINK_CONFIDENCE[key_type]) * func.max(owner.confidence),
        )
        .join(owners, is_same_key(owner, key))
        .outerjoin(scratch.link, link.item_id == key[items.id_name])
        .where(key.key_type == key_type, link.item_id.is_(None))
        .group_by(key[items.id_name])
        .having(func.count(owner.customer_id.distinct()) == 1)
    )
    _insert_links(connection, scratch, query)


def list_shared(scratch: Scratch, items: Items, limit: int) -> Any:
    """Keys of a few customers that are left: of what no pass has linked so far."""
    key, owner, link = items.keys.c, scratch.owner.c, scratch.link.c
    shared = select(scratch.owner).where(owner.n_customers.between(2, limit))
    # A limit that is none keeps SQLite from beginning with what has a million rows.
    few: Any = shared.limit(NO_LIMIT).subquery("shared")
    return (
        select(key[items.id_name].label("item_id"), key.key_type, key.key_hash, few.c.n_customers)
        .select_from(few.join(items.keys, is_same_key(few.c, key)))
        .outerjoin(scratch.link, link.item_id == key[items.id_name])
        .where(link.item_id.is_(None))
        .limit(NO_LIMIT)
        .subquery("left_over")
    )


def _list_owners(scratch: Scratch, key_type: str, number: int) -> Any:
    owner = scratch.owner.c
    is_one = (owner.key_type == key_type, owner.n_customers == 1, owner.round == number)
    query = select(scratch.owner).where(*is_one)
    # The first round takes most keys as they come, later ones take few.
    return (query.limit(NO_LIMIT) if number else query).subquery("owners")


def _doubt(connection: Connection, scratch: Scratch, items: Items) -> None:
    """Lower the confidence of weak links that another key of the feedback speaks against."""
    key, owner, link = items.keys.c, scratch.owner.c, scratch.link.c
    known = items.keys.outerjoin(scratch.owner, is_same_key(owner, key))
    beside = select(literal(1)).select_from(known).where(key[items.id_name] == link.item_id)
    against = beside.where(owner.n_customers == 1, owner.customer_id != link.customer_id)
    unknown = beside.where(key.key_type == "email", owner.key_hash.is_(None))
    is_weak = link.method.in_(("customer_number", "phone", "handle"))
    _lower(connection, scratch, OTHER_CUSTOMER, is_weak, _exists(against, scratch))
    is_weak = link.method.in_(("phone", "handle"))
    _lower(connection, scratch, UNKNOWN_EMAIL, is_weak, _exists(unknown, scratch))


def _exists(query: Any, scratch: Scratch) -> Any:
    return query.correlate(scratch.link).exists()


def _lower(connection: Connection, scratch: Scratch, factor: float, *conditions: Any) -> None:
    link = scratch.link.c
    connection.execute(
        update(scratch.link).where(*conditions).values(confidence=link.confidence * factor)
    )


def _insert_links(connection: Connection, scratch: Scratch, query: Any) -> None:
    names = ["item_id", "customer_id", "method", "via", "confidence"]
    connection.execute(insert(scratch.link).from_select(names, query))
