"""Which records of customers are one person: connected components over the keys that they share.

A CRM's own ids always stay apart. A record without one, such as a list of e-mail addresses, joins
the record that it shares a key with, unless a surer key of both says that they are two people: one
phone is a household's, and two e-mail addresses on it are two members.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.keys import KEY_TYPES

# Keys by which records are joined; by an own id they are one record already.
JOINING_TYPES = ("email", "phone", "handle")


@dataclass(frozen=True)
class RecordKeys:
    """A customer record and its keys.

    :param has_own_id: the CRM's own; else its id was made from one of the keys.
    :param keys: hashes by key type.
    """

    customer_id: str
    has_own_id: bool
    keys: Mapping[str, frozenset[str]]


@dataclass
class _Person:
    """Records that are one person so far."""

    records: list[str]
    own_id: str | None
    keys: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def merge_records(records: Iterable[RecordKeys]) -> dict[str, str]:
    """Find the record that stands for each of those that are another's person.

    :param records: whose joining keys are held by few; in any order.
    :returns: the id of the standing record by that of the merged one; others are left out.
    """
    ordered = sorted(records, key=lambda record: record.customer_id)
    people = {record.customer_id: _make_person(record) for record in ordered}
    for key_type in JOINING_TYPES:
        for holders in _list_holders(ordered, key_type):
            _join(holders, key_type, people)
    standing = {id(person): _choose_record(person) for person in people.values()}
    found = {record: standing[id(person)] for record, person in people.items()}
    return {record: into for record, into in found.items() if record != into}


def _make_person(record: RecordKeys) -> _Person:
    person = _Person([record.customer_id], record.customer_id if record.has_own_id else None)
    for key_type, hashes in record.keys.items():
        person.keys[key_type] |= hashes
    return person


def _list_holders(records: Sequence[RecordKeys], key_type: str) -> list[list[str]]:
    holders: dict[str, list[str]] = defaultdict(list)
    for record in records:
        for key_hash in sorted(record.keys.get(key_type, ())):
            holders[key_hash].append(record.customer_id)
    return [holders[key_hash] for key_hash in sorted(holders) if len(holders[key_hash]) > 1]


def _join(holders: Sequence[str], key_type: str, people: dict[str, _Person]) -> None:
    """Join the holders of one key; with whom is open where several own ids hold it: then nobody."""
    own_ids = {people[holder].own_id for holder in holders} - {None}
    if len(own_ids) > 1:
        return
    first = next((holder for holder in holders if people[holder].own_id), holders[0])
    for holder in holders:
        one, other = people[first], people[holder]
        if one is not other and not _are_parted(one, other, key_type):
            _unite(one, other, people)


def _are_parted(one: _Person, other: _Person, key_type: str) -> bool:
    """Tell whether a surer key says that two are two: both have one, and none in common."""
    if one.own_id and other.own_id:
        return True
    surer = KEY_TYPES[: KEY_TYPES.index(key_type)]
    return any(
        one.keys[each] and other.keys[each] and one.keys[each].isdisjoint(other.keys[each])
        for each in surer
    )


def _unite(one: _Person, other: _Person, people: dict[str, _Person]) -> None:
    one.records += other.records
    one.own_id = one.own_id or other.own_id
    for key_type, hashes in other.keys.items():
        one.keys[key_type] |= hashes
    for record in other.records:
        people[record] = one


def _choose_record(person: _Person) -> str:
    return person.own_id or min(person.records)
