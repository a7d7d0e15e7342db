"""The step that links feedback to customers by their keys."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, func, or_, select, update

from pipelines import tables
from pipelines.copies import note_stale_copies
from pipelines.id_batches import batch_ids
from pipelines.keys import KEY_TYPES, LINK_CONFIDENCE
from pipelines.runs import Run

BATCH_ROWS = 5_000


def link_feedback(run: Run) -> int:
    """Give each feedback the customer that its best key names.

    An own id comes before an e-mail, a phone and a handle. A key that several customers share
    links nobody. Feedback is linked anew in each run: a CRM file may come after the feedback.

    :returns: number of feedback whose customer changed.
    """
    changed = 0
    found = _find_changes(run.connection)
    # What is linked before it is enriched for the first time repeats nothing yet.
    if any(was_read for was_read, _ in found):
        note_stale_copies(run.connection)
    rows = (row for _, row in found)
    while batch := list(islice(rows, BATCH_ROWS)):
        run.connection.execute(_UPDATE, batch)
        changed += len(batch)
    if changed:
        run.mark_changed()
    return changed


def find_customers(connection: Connection, keys: Iterable[str]) -> dict[str, str]:
    """Customer by keyed hash, for keys that belong to exactly one customer."""
    wanted = sorted(set(keys))
    found: dict[str, str] = {}
    column = tables.customer_key.c
    for batch in batch_ids(wanted):
        query = (
            select(column.key_hash, func.min(column.customer_id))
            .where(column.key_hash.in_(batch))
            .group_by(column.key_hash)
            .having(func.count(column.customer_id.distinct()) == 1)
        )
        found.update(connection.execute(query).all())
    return found


_UPDATE = (
    update(tables.feedback)
    .where(tables.feedback.c.feedback_id == bindparam("id"))
    .values(
        customer_id=bindparam("customer"),
        link_method=bindparam("method"),
        link_confidence=bindparam("confidence"),
    )
)


def _find_changes(connection: Connection) -> list[tuple[bool, dict[str, Any]]]:
    """Links that differ, and whether the feedback was enriched before."""
    feedback, best = tables.feedback.c, _best_links()
    query = (
        select(feedback.feedback_id, feedback.enriched_run, best.c.customer_id, best.c.key_type)
        .select_from(tables.feedback.outerjoin(best, best.c.feedback_id == feedback.feedback_id))
        .where(
            or_(
                feedback.customer_id.is_distinct_from(best.c.customer_id),
                feedback.link_method.is_distinct_from(best.c.key_type),
            )
        )
        .order_by(feedback.feedback_id)
    )
    # Read to the end before the first update: a cursor over rows that change under it is undefined.
    return [
        (
            enriched_run is not None,
            {
                "id": feedback_id,
                "customer": customer_id,
                "method": key_type,
                "confidence": LINK_CONFIDENCE[key_type] if key_type else None,
            },
        )
        for feedback_id, enriched_run, customer_id, key_type in connection.execute(query).all()
    ]


def _best_links() -> Any:
    key, link = tables.feedback_key.c, tables.customer_key.c
    single = (
        select(link.key_type, link.key_hash, func.min(link.customer_id).label("customer_id"))
        .group_by(link.key_type, link.key_hash)
        .having(func.count(link.customer_id.distinct()) == 1)
        .subquery()
    )
    order = case({kind: rank for rank, kind in enumerate(KEY_TYPES)}, value=key.key_type)
    ranked = (
        select(
            key.feedback_id,
            key.key_type,
            single.c.customer_id,
            func.row_number().over(partition_by=key.feedback_id, order_by=order).label("place"),
        )
        .join(
            single,
            and_(single.c.key_type == key.key_type, single.c.key_hash == key.key_hash),
        )
        .subquery()
    )
    return select(ranked).where(ranked.c.place == 1).subquery()
