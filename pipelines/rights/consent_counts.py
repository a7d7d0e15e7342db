"""How many said what: for lists, without anything that they said in words."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, case, func, select

from pipelines import tables
from pipelines.rights.gate import rank_feedback
from pipelines.rights.purposes import Purpose

_consent, _feedback = tables.consent.c, tables.feedback.c


def count_consents(connection: Connection) -> list[dict[str, Any]]:
    """Rows by purpose and status."""
    query = (
        select(_consent.purpose, _consent.status, func.count().label("n"))
        .group_by(_consent.purpose, _consent.status)
        .order_by(_consent.purpose, _consent.status)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def count_by_source(
    connection: Connection, purpose: Purpose, now: datetime
) -> dict[str, tuple[int, int]]:
    """Feedback by source: that about which an answer is known, and that where it is a yes."""
    ranked = rank_feedback(purpose, now).c
    is_granted = case((and_(ranked.status == "granted", ranked.is_valid), 1), else_=0)
    query = (
        select(_feedback.source, func.count(), func.sum(is_granted))
        .join(ranked.subject.table, ranked.subject == _feedback.feedback_id)
        .where(ranked.rank == 1)
        .group_by(_feedback.source)
    )
    return {source: (n, int(granted)) for source, n, granted in connection.execute(query)}
