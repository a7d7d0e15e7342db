"""What is written down about each row at each destination: before it goes, and when it was taken.

Written before, so that a program that is killed in between knows afterwards where rows may be.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, select

from pipelines import tables
from pipelines.bulk import update_rows
from pipelines.id_batches import batch_ids
from pipelines.syncs.columns import Plain
from pipelines.syncs.target import Answer, Row
from pipelines.upserts import upsert_rows

_sync = tables.sync_row.c
_NO_ERROR = {"attempts": 0, "error": None, "error_fields": None}


def hash_values(values: Mapping[str, Plain]) -> str:
    """Short hash of what a destination is to hold."""
    told = json.dumps(values, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def is_changed(row: Row, known: Any) -> bool:
    """Whether a destination does not hold a row as it is now, as far as is known.

    :param known: its row of ``sync_row``, if any.
    """
    if known is None or known.status == "removed":
        # Of a customer of whom nothing is known there is nothing to send.
        return any(value is not None for value in row.values.values())
    return bool(known.status != "sent" or known.digest != hash_values(row.values))


def note_going(
    connection: Connection, sync: str, rows: Sequence[Row], known: Mapping[str, Any]
) -> None:
    """Write down that rows are about to go, or to be taken back.

    :param known: what is written down about them so far.
    """
    upsert_rows(
        connection,
        tables.sync_row,
        [
            {
                "sync": sync,
                "customer_id": row.key,
                "fields": known[row.key].fields if row.key in known else None,
                "digest": None,
                "status": "sending",
                "attempts": (known[row.key].attempts or 0) + 1 if row.key in known else 1,
                "error": None,
                "error_fields": None,
                "sent_at": known[row.key].sent_at if row.key in known else None,
            }
            for row in rows
        ],
    )


def note_sent(
    connection: Connection, sync: str, rows: Mapping[str, Row], answers: Sequence[Answer]
) -> None:
    """Write down what became of rows.

    A field that is not mapped any more stays among those that the destination holds.
    """
    now = datetime.now(UTC)
    taken = [rows[each.key] for each in answers if each.error is None]
    before = _read_fields(connection, sync, [row.key for row in taken])
    update_rows(
        connection,
        tables.sync_row,
        [
            {
                "sync": sync,
                "customer_id": row.key,
                "fields": {**before.get(row.key, {}), **row.values},
                "digest": hash_values(row.values),
                "status": "sent",
                **_NO_ERROR,
                "sent_at": now,
            }
            for row in taken
        ],
    )
    note_failed(connection, sync, [each for each in answers if each.error is not None])


def note_removed(connection: Connection, sync: str, answers: Sequence[Answer]) -> None:
    """Write down what became of rows that were to be taken back."""
    values = {"fields": None, "digest": None, "status": "removed", **_NO_ERROR}
    now = datetime.now(UTC)
    gone = [
        {"sync": sync, "customer_id": each.key, "sent_at": now, **values}
        for each in answers
        if each.error is None
    ]
    update_rows(connection, tables.sync_row, gone)
    note_failed(connection, sync, [each for each in answers if each.error is not None])


def note_failed(connection: Connection, sync: str, answers: Sequence[Answer]) -> None:
    """Write down why rows were not taken; they are tried again next time."""
    rows = [
        {
            "sync": sync,
            "customer_id": each.key,
            "status": "failed",
            "digest": None,
            "error": each.error,
            "error_fields": ", ".join(each.fields) or None,
        }
        for each in answers
    ]
    update_rows(connection, tables.sync_row, rows)


def read_ledger(connection: Connection, sync: str, keys: Sequence[str]) -> dict[str, Any]:
    """What is written down about some customers' rows at a destination, by key."""
    found: dict[str, Any] = {}
    for batch in batch_ids(keys):
        query = select(tables.sync_row).where(_sync.sync == sync, _sync.customer_id.in_(batch))
        found |= {row.customer_id: row for row in connection.execute(query)}
    return found


def count_rows(connection: Connection) -> dict[str, dict[str, int]]:
    """How many rows have which status, by sync."""
    query = select(_sync.sync, _sync.status, func.count()).group_by(_sync.sync, _sync.status)
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for sync, status, n in connection.execute(query.order_by(_sync.sync)):
        counts[sync][status] = n
    return counts


def _read_fields(connection: Connection, sync: str, keys: Sequence[str]) -> dict[str, Any]:
    return {key: row.fields or {} for key, row in read_ledger(connection, sync, keys).items()}
