"""What the CRM says of a customer, and what it said at a past moment."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, case, func, literal, or_, select, union_all

from pipelines import tables

_SAID = ("segment", "country", "lang", "attributes", "valid_from", "edited_at")
_customer, _version = tables.customer.c, tables.customer_version.c


def read_record(
    connection: Connection, customer_id: str, at: datetime | None = None
) -> dict[str, Any] | None:
    """The record of a customer; None where there is none.

    :param at: as it was then, see :func:`_read_version`; where nothing is known of then, what the
        record says is left empty.
    """
    shown = (_customer.customer_id, _customer.merged_into, *(_customer[name] for name in _SAID))
    query = select(*shown).where(_customer.customer_id == customer_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None or at is None:
        return dict(row) if row else None
    then = _read_version(connection, customer_id, at) or dict.fromkeys(_SAID)
    return {"customer_id": row["customer_id"], "merged_into": row["merged_into"], **then}


def _read_version(connection: Connection, customer_id: str, at: datetime) -> dict[str, Any] | None:
    """The version that held.

    That is the newest that was written by then, or else read by then. Where there is none, a
    record without the time of its last change is taken for what it always said: the first read.
    """
    found = _list_versions(customer_id).subquery("versions").c
    is_known = found.dated <= at
    is_undated = and_(
        found.edited_at.is_(None), or_(found.valid_from.is_(None), found.valid_from <= at)
    )
    query = (
        select(*(found[name] for name in _SAID))
        .where(or_(is_known, is_undated))
        .order_by(
            case((is_known, 0), else_=1),
            case((is_known, found.dated)).desc().nulls_last(),
            found.valid_from.desc().nulls_last(),
            found.dated,
            found.is_current.desc(),
            found.content_hash,
        )
        .limit(1)
    )
    row = connection.execute(query).mappings().one_or_none()
    return dict(row) if row else None


def _list_versions(customer_id: str) -> Any:
    """The record and its older versions, each with the moment since when it is known to hold."""
    run = tables.run.c
    return union_all(
        *(
            select(
                *(columns[name] for name in _SAID),
                func.coalesce(columns.edited_at, run.started_at).label("dated"),
                literal(is_current).label("is_current"),
                columns.content_hash,
            )
            .outerjoin_from(columns.customer_id.table, tables.run, run.run_id == columns.run_id)
            .where(columns.customer_id == customer_id)
            for columns, is_current in ((_customer, 1), (_version, 0))
        )
    )
