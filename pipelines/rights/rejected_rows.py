"""Rejected rows of one person, where they can be told: contacts are masked in them."""

import json
from collections.abc import Collection, Iterator

from sqlalchemy import Connection, select

from pipelines import tables
from pipelines.keys import hash_keys
from pipelines.rights.people import Person

# Shorter ids are parts of other words too.
_MIN_LOOSE_CHARS = 6


def find_rejected(
    connection: Connection,
    person: Person,
    texts: Collection[str],
    ids: Collection[str],
    secret: bytes,
) -> list[str]:
    """Rejected rows that hold an id, a handle or the words of somebody.

    :param texts: what they said, masked.
    :param ids: of them and their rows.
    """
    keys = {key for _, key in person.keys}
    known = {each.casefold() for each in ids} | {text.casefold() for text in texts}
    column = tables.rejected.c
    rows = connection.execute(select(column.rejected_id, column.raw)).all()
    return sorted(row.rejected_id for row in rows if _is_of(row.raw or "", known, keys, secret))


def _is_of(raw: str, known: Collection[str], keys: set[str], secret: bytes) -> bool:
    values = list(_list_values(raw))
    if not values:  # no table, or cut off
        folded = raw.casefold()
        return any(len(each) >= _MIN_LOOSE_CHARS and each in folded for each in known)
    return any(value.casefold() in known or _hash(value, secret) & keys for value in values)


def _hash(value: str, secret: bytes) -> set[str]:
    if len(value) > 100:
        return set()
    return set(hash_keys(secret, {"customer_id": value, "handle": value}).values())


def _list_values(raw: str) -> Iterator[str]:
    """The values of a row, as JSON (what a better version beat) or as ``column=value; ...``."""
    try:
        found = json.loads(raw)
    except ValueError:
        yield from (part.partition("=")[2] for part in raw.split("; ") if "=" in part)
        return
    if isinstance(found, dict):
        yield from (str(value) for value in found.values() if value not in (None, ""))
