"""Rows of consent: what a row is known again by, and written once."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, select

from pipelines import tables
from pipelines.bulk import insert_rows
from pipelines.id_batches import batch_ids

_consent = tables.consent.c
_SAME = ("key_type", "key_hash", "purpose", "channel", "status", "at", "expires_at")


def add_consents(
    connection: Connection, rows: Sequence[dict[str, Any]], known_by: Sequence[str] = ()
) -> int:
    """Append rows, each once: one that is there already adds nothing.

    :param rows: without their ids.
    :param known_by: columns that tell statements apart, beside person, purpose, status and time.
    :returns: how many were new.
    """
    new = {_make_id(row, known_by): row for row in rows}
    for batch in batch_ids([*new]):
        query = select(_consent.consent_id).where(_consent.consent_id.in_(batch))
        for known in connection.execute(query).scalars():
            del new[known]
    named = [{"consent_id": each, **row} for each, row in new.items()]
    insert_rows(connection, tables.consent, named)
    return len(new)


def _make_id(row: Mapping[str, Any], known_by: Sequence[str]) -> str:
    """Sorts by time; the same for the same statement."""
    at = row["at"]
    told = "\0".join(str(row[name]) for name in (*_SAME, *known_by))
    return (
        f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}" + sha256(told.encode()).hexdigest()[:16]
    )
