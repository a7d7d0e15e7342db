"""Rows that a destination did not take: which, why, and when they are tried again. No values."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, select

from pipelines import tables
from pipelines.errors import ConfigError

_sync = tables.sync_row.c
_REASON = (_sync.sync, _sync.error, _sync.error_fields)


def list_failed(
    connection: Connection, configured: Collection[str], names: Sequence[str], limit: int
) -> list[dict[str, Any]]:
    """The failed rows of some syncs, by sync and customer.

    :param configured: the syncs of the configuration; rows of others are not tried again.
    :param names: none for all.
    :raises ConfigError: for a sync that is neither configured nor has rows.
    """
    _check_names(connection, configured, names)
    query = _choose(names).add_columns(_sync.customer_id, _sync.attempts, _sync.sent_at)
    found = connection.execute(query.order_by(_sync.sync, _sync.customer_id).limit(limit))
    return [
        {
            "sync": row.sync,
            "customer_id": row.customer_id,
            "fields": _part(row.error_fields),
            "reason": row.error,
            "attempts": row.attempts,
            "next_attempt": "next sync" if row.sync in configured else None,
            "last_taken_at": row.sent_at,
        }
        for row in found
    ]


def count_failed(connection: Connection, names: Sequence[str]) -> list[dict[str, Any]]:
    """How many failed rows there are, by sync and reason, the most frequent first."""
    query = _choose(names).add_columns(func.count().label("n")).group_by(*_REASON)
    found = connection.execute(query.order_by(func.count().desc(), *_REASON))
    return [
        {"sync": row.sync, "fields": _part(row.error_fields), "reason": row.error, "n": row.n}
        for row in found
    ]


def _choose(names: Sequence[str]) -> Select[Any]:
    query = select(*_REASON).where(_sync.status == "failed")
    return query.where(_sync.sync.in_(names)) if names else query


def _part(fields: str | None) -> list[str]:
    return fields.split(", ") if fields else []


def _check_names(connection: Connection, configured: Collection[str], names: Sequence[str]) -> None:
    known = {*configured, *connection.execute(select(_sync.sync).distinct()).scalars()}
    if unknown := [name for name in names if name not in known]:
        there = ", ".join(sorted(known)) or "none"
        raise ConfigError(f"there is no sync {', '.join(unknown)} (there are: {there})")
