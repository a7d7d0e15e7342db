"""Which customers some names are of, for many names at once."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from sqlalchemy import Connection, select

from pipelines import tables
from pipelines.id_batches import batch_ids
from pipelines.rights.blocks import Key

_key, _own_key = tables.customer_key.c, tables.feedback_key.c
Name = tuple[Key, str | None]
"""A keyed hash, and the id as it was given where it is one."""

# Where an id may stand that no file of customers names: earful's own, and those of events alone.
_NAMING: Final = (
    tables.customer.c.customer_id,
    _key.customer_id,
    tables.feedback.c.customer_id,
    tables.event.c.customer_id,
)


def find_customers(connection: Connection, names: Collection[Name]) -> dict[Name, list[str]]:
    """The records that stand for the customers of some names: none, one, or several."""
    exact = _find_exact(connection, {given for _, given in names if given is not None})
    # An id that stands there as it was given is that customer, whatever its hash is also of.
    keys = {key for key, given in names if given not in exact}
    by_key: dict[Key, set[str]] = defaultdict(set)
    for kind, key_hash, customer_id in _read_keys(connection, keys, _key, _key.customer_id):
        by_key[kind, key_hash].add(customer_id)
    found = {
        name: {name[1]} if name[1] is not None and name[1] in exact else by_key[name[0]]
        for name in names
    }
    stands = _find_standing(connection, {each for ids in found.values() for each in ids})
    return {name: sorted({stands.get(each, each) for each in ids}) for name, ids in found.items()}


def find_written(connection: Connection, keys: Collection[Key]) -> set[Key]:
    """Those keys that stand on a feedback."""
    return set(_read_keys(connection, keys, _own_key))


def _find_exact(connection: Connection, given: set[str]) -> set[str]:
    found: set[str] = set()
    for column in _NAMING:
        for batch in batch_ids(sorted(given - found)):
            query = select(column).where(column.in_(batch)).distinct()
            found.update(connection.execute(query).scalars())
    return found


def _read_keys(
    connection: Connection, keys: Collection[Key], where: Any, *shown: Any
) -> Iterator[tuple[Any, ...]]:
    """Type, hash and further columns of the rows with some keys."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for kind, key_hash in sorted(keys):
        by_kind[kind].append(key_hash)
    for kind, hashes in by_kind.items():
        for batch in batch_ids(hashes):
            query = select(where.key_type, where.key_hash, *shown).distinct()
            is_one = (where.key_type == kind) & where.key_hash.in_(batch)
            yield from (tuple(row) for row in connection.execute(query.where(is_one)))


def _find_standing(connection: Connection, customers: Iterable[str]) -> dict[str, str]:
    """The record that stands for each that does not stand for itself."""
    customer, found = tables.customer.c, dict[str, str]()
    for batch in batch_ids(sorted(customers)):
        query = select(customer.customer_id, customer.merged_into).where(
            customer.customer_id.in_(batch), customer.merged_into.is_not(None)
        )
        found |= {str(each): str(into) for each, into in connection.execute(query)}
    return found
