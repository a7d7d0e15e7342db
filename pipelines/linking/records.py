"""The table side of merging: records that share keys are read, and what stands for what written."""

from collections import defaultdict

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    exists,
    func,
    select,
)

from pipelines import tables
from pipelines.bulk import insert_rows, update_rows
from pipelines.id_batches import batch_ids
from pipelines.key_columns import is_same_key
from pipelines.linking.merging import JOINING_TYPES, RecordKeys, merge_records
from pipelines.linking.scratch import Scratch

_key, _customer = tables.customer_key.c, tables.customer.c


def merge_customers(connection: Connection, scratch: Scratch, limit: int) -> int:
    """Bring ``customer.merged_into`` up to date, and fill ``scratch.merge`` with it.

    :param limit: a key that more customers hold joins nobody.
    :returns: number of customers for whom it changed.
    """
    merged = merge_records(_read_records(connection, limit))
    rows = [{"customer_id": each, "merged_into": into} for each, into in sorted(merged.items())]
    insert_rows(connection, scratch.merge, rows)
    return _write_merges(connection, merged)


def _write_merges(connection: Connection, merged: dict[str, str]) -> int:
    query = select(_customer.customer_id, _customer.merged_into).where(
        _customer.merged_into.is_not(None)
    )
    before = {str(each): into for each, into in connection.execute(query)}
    changed = sorted(
        each for each in before.keys() | merged.keys() if before.get(each) != merged.get(each)
    )
    rows = [{"customer_id": each, "merged_into": merged.get(each)} for each in changed]
    update_rows(connection, tables.customer, rows)
    return len(changed)


def _read_records(connection: Connection, limit: int) -> list[RecordKeys]:
    """Records that share a key with one that has no own id, with all their keys."""
    nameless = list(connection.execute(_find_nameless()).scalars())
    ids = sorted(_find_neighbours(connection, nameless, limit))
    keys: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for batch in batch_ids(ids):
        query = select(_key.customer_id, _key.key_type, _key.key_hash).where(
            _key.customer_id.in_(batch)
        )
        for customer_id, key_type, key_hash in connection.execute(query):
            keys[customer_id][key_type].add(key_hash)
    shared = _find_shared(connection, limit) if ids else set()
    return [_make_record(each, keys[each], shared) for each in ids]


def _make_record(
    customer_id: str, keys: dict[str, set[str]], many: set[tuple[str, str]]
) -> RecordKeys:
    kept = {
        key_type: frozenset(each for each in hashes if (key_type, each) not in many)
        for key_type, hashes in keys.items()
    }
    return RecordKeys(customer_id, "customer_id" in keys, kept)


def _find_nameless() -> Select[str]:
    """Customers whose id was made from a contact, see :mod:`pipelines.customers`."""
    own = tables.customer_key.alias("own")
    return (
        select(_customer.customer_id)
        .where(_customer.customer_id.like("c" + "_" * 24))
        .where(
            ~exists().where(
                own.c.customer_id == _customer.customer_id, own.c.key_type == "customer_id"
            )
        )
        .order_by(_customer.customer_id)
    )


def _find_neighbours(connection: Connection, ids: list[str], limit: int) -> set[str]:
    """Holders of a key of these records, where there are a few of them."""
    other = tables.customer_key.alias("other")
    found: set[str] = set()
    for batch in batch_ids(ids):
        query = (
            select(_key.customer_id, other.c.customer_id)
            .join(other, is_same_key(other.c, _key))
            .where(_key.customer_id.in_(batch), _key.key_type.in_(JOINING_TYPES))
            .where(other.c.customer_id != _key.customer_id)
            .where(_count_holders(_key.key_type, _key.key_hash) <= limit)
        )
        for one, another in connection.execute(query):
            found |= {one, another}
    return found


def _count_holders(
    key_type: "ColumnElement[str]", key_hash: "ColumnElement[str]"
) -> "ColumnElement[int]":
    holder = tables.customer_key.alias("holder")
    return (
        select(func.count(holder.c.customer_id.distinct()))
        .where(holder.c.key_type == key_type, holder.c.key_hash == key_hash)
        .scalar_subquery()
    )


def _find_shared(connection: Connection, limit: int) -> set[tuple[str, str]]:
    """Keys that many hold."""
    query = (
        select(_key.key_type, _key.key_hash)
        .group_by(_key.key_type, _key.key_hash)
        .having(func.count(_key.customer_id.distinct()) > limit)
    )
    return {(key_type, key_hash) for key_type, key_hash in connection.execute(query)}
