"""Who is meant: a person by the keys they are known by, and what in the store is theirs."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, or_, select, tuple_

from pipelines import tables
from pipelines.errors import ConfigError
from pipelines.id_batches import batch_ids
from pipelines.key_columns import is_same_key
from pipelines.keys import KEY_TYPES, hash_keys
from pipelines.rights.blocks import Key
from pipelines.rights.naming import find_customers

_MAX_NAMED = 5
_key, _own_key, _feedback = tables.customer_key.c, tables.feedback_key.c, tables.feedback.c


@dataclass(frozen=True)
class Asked:
    """By what a person is named, one of these; as the command line gives it."""

    customer: str | None = None
    email: str | None = None
    phone: str | None = None
    handle: str | None = None

    @property
    def values(self) -> dict[str, str | None]:
        """Value by key type."""
        return {
            "customer_id": self.customer,
            "email": self.email,
            "phone": self.phone,
            "handle": self.handle,
        }

    @property
    def kind(self) -> str:
        """The key type; what may be told of the request.

        :raises ConfigError: unless there is just one.
        """
        given = [kind for kind, value in self.values.items() if value]
        if len(given) != 1:
            raise ConfigError(
                f"{len(given)} names of a customer were given; give one of --customer, --email, "
                "--phone and --handle"
            )
        return given[0]


@dataclass(frozen=True)
class Person:
    """What of the store is one person's.

    :param asked: the key by which they were named, hashed.
    :param keys: by which they alone are known, the asked one included.
    :param n_shared: keys that other customers have too; these are not this person's alone.
    """

    asked: Key
    customer_ids: tuple[str, ...]
    keys: tuple[Key, ...]
    feedback_ids: tuple[str, ...]
    n_shared: int = 0

    @property
    def is_known(self) -> bool:
        """Whether anything is held about them."""
        return bool(self.customer_ids or self.feedback_ids)


def hash_asked(asked: Asked, secret: bytes, region: str) -> Key:
    """The keyed hash of the name that was given.

    :raises ConfigError: when it is none of its kind; the message does not repeat it.
    """
    kind = asked.kind
    hashes = hash_keys(secret, asked.values, region)
    if kind not in hashes:
        raise ConfigError(
            f"what was given with --{'customer' if kind == 'customer_id' else kind} is none; check "
            "it for slips, and write phones with their country code, as +972501234567"
        )
    return kind, hashes[kind]


def find_person(connection: Connection, asked: Asked, secret: bytes, region: str) -> Person:
    """Everything of one person: their customer records, their keys, their feedback.

    :raises ConfigError: when the key is of several customers.
    """
    return find_person_by_key(connection, hash_asked(asked, secret, region), asked.customer)


def find_person_by_key(connection: Connection, key: Key, customer_id: str | None) -> Person:
    """The same, by a keyed hash.

    :param customer_id: where the key is that of an id, the id.
    :raises ConfigError: when the key is of several customers.
    """
    customers = _find_customers(connection, key, customer_id)
    if len(customers) > 1:
        named = ", ".join(customers[:_MAX_NAMED])
        raise ConfigError(
            f"{len(customers):,} customers are known by that {key[0]} ({named}"
            f"{' ...' if len(customers) > _MAX_NAMED else ''}); name one with --customer"
        )
    customers = _list_records(connection, customers)
    keys, n_shared = _read_keys(connection, customers)
    keys |= {key}
    linked = _read_linked(connection, customers)
    keys |= _read_own_keys(connection, linked, customers)
    feedback_ids = linked | _read_unlinked(connection, sorted(keys), customers)
    return Person(key, tuple(customers), tuple(sorted(keys)), tuple(sorted(feedback_ids)), n_shared)


def list_records(connection: Connection, key: Key, customer_id: str | None) -> list[str]:
    """The ids of all records of those with a key.

    :param customer_id: that key as it was given, where it is an id.
    """
    return _list_records(connection, _find_customers(connection, key, customer_id))


def _find_customers(connection: Connection, key: Key, customer_id: str | None) -> list[str]:
    name = key, customer_id
    return find_customers(connection, [name])[name]


def _list_records(connection: Connection, customers: Sequence[str]) -> list[str]:
    """Standing records, and the others of the same people."""
    customer = tables.customer.c
    query = select(customer.customer_id).where(customer.merged_into.in_(customers))
    return sorted({*customers, *connection.execute(query).scalars()})


def _read_keys(connection: Connection, customers: Sequence[str]) -> tuple[set[Key], int]:
    """The keys that only these customers have, and how many more they share with others."""
    # Traits, as a name's or a city's hash, are others' too, and name nobody.
    theirs = select(_key.key_type, _key.key_hash).where(
        _key.customer_id.in_(customers), _key.key_type.in_(KEY_TYPES)
    )
    keys = {(kind, key) for kind, key in connection.execute(theirs)}
    shared = _find_shared(connection, sorted(keys), customers)
    return keys - shared, len(shared)


def _find_shared(
    connection: Connection, keys: Sequence[Key], customers: Collection[str]
) -> set[Key]:
    shared: set[Key] = set()
    for batch in batch_ids(keys):
        query = select(_key.key_type, _key.key_hash).where(
            tuple_(_key.key_type, _key.key_hash).in_(batch), _key.customer_id.not_in(customers)
        )
        shared |= {(kind, key) for kind, key in connection.execute(query)}
    return shared


def _read_linked(connection: Connection, customers: Sequence[str]) -> set[str]:
    query = select(_feedback.feedback_id).where(_feedback.customer_id.in_(customers))
    return set(connection.execute(query).scalars())


def _read_own_keys(
    connection: Connection, feedback_ids: Iterable[str], customers: Sequence[str]
) -> set[Key]:
    """Keys of their feedback that nobody else has: of no other customer, on no other feedback."""
    own: set[Key] = set()
    for batch in batch_ids(sorted(feedback_ids)):
        query = select(_own_key.key_type, _own_key.key_hash)
        is_key = _own_key.key_type.in_(KEY_TYPES)
        found = connection.execute(query.where(_own_key.feedback_id.in_(batch), is_key))
        own |= {(kind, key) for kind, key in found}
    own -= _find_shared(connection, sorted(own), customers)
    return own - _find_with_others(connection, sorted(own), customers)


def _find_with_others(
    connection: Connection, keys: Sequence[Key], customers: Sequence[str]
) -> set[Key]:
    """Keys that stand in feedback of other customers."""
    found: set[Key] = set()
    for batch in batch_ids(keys):
        query = _join_keys(_own_key.key_type, _own_key.key_hash).where(
            tuple_(_own_key.key_type, _own_key.key_hash).in_(batch),
            _feedback.customer_id.is_not(None),
            _feedback.customer_id.not_in(customers),
        )
        found |= {(kind, key) for kind, key in connection.execute(query.distinct())}
    return found


def _read_unlinked(
    connection: Connection, keys: Sequence[Key], customers: Sequence[str]
) -> set[str]:
    """Feedback with one of these keys that is nobody else's: no key of it is another customer's."""
    found: set[str] = set()
    for batch in batch_ids(keys):
        query = _join_keys(_feedback.feedback_id).where(
            tuple_(_own_key.key_type, _own_key.key_hash).in_(batch),
            or_(_feedback.customer_id.is_(None), _feedback.customer_id.in_(customers)),
        )
        found |= set(connection.execute(query).scalars())
    return found - _find_contested(connection, sorted(found), customers)


def _find_contested(
    connection: Connection, feedback_ids: Sequence[str], customers: Sequence[str]
) -> set[str]:
    """Of some feedback that with a key of just one customer, who is another."""
    found: set[str] = set()
    for batch in batch_ids(feedback_ids):
        query = (
            select(_own_key.feedback_id)
            .join(tables.customer_key, is_same_key(_key, _own_key))
            .where(_own_key.feedback_id.in_(batch))
            .group_by(_own_key.feedback_id, _own_key.key_type)
            .having(
                func.count(_key.customer_id.distinct()) == 1,
                func.min(_key.customer_id).not_in(customers),
            )
        )
        found |= set(connection.execute(query).scalars())
    return found


def _join_keys(*columns: Any) -> Any:
    return (
        select(*columns)
        .select_from(tables.feedback_key)
        .join(tables.feedback, _feedback.feedback_id == _own_key.feedback_id)
    )
