"""What was linked, written where it differs from what is there."""

from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from pipelines import tables
from pipelines.key_columns import is_same_key
from pipelines.linking.items import FEEDBACK
from pipelines.linking.scratch import Scratch

_LINK = ("customer_id", "link_method", "link_confidence", "link_via")


def write_feedback_links(connection: Connection, scratch: Scratch) -> tuple[int, bool]:
    """Bring the links of feedback up to date.

    :returns: number of feedback that changed, and whether one of them was enriched before.
    """
    feedback, found = tables.feedback.c, scratch.link.c
    new = (found.customer_id, found.method, found.confidence, found.via)
    old = (
        feedback.customer_id,
        feedback.link_method,
        feedback.link_confidence,
        feedback.link_via,
    )
    pairs = zip(old, new, strict=True)
    differs = or_(*(one.is_distinct_from(other) for one, other in pairs))
    is_same = found.item_id == feedback.feedback_id
    again = scratch.link.alias("again")
    is_found = exists().where(again.c.item_id == feedback.feedback_id)
    is_gone = and_(feedback.link_method.is_not(None), ~is_found)
    was_read = (
        select(literal(1))
        .select_from(tables.feedback.outerjoin(scratch.link, is_same))
        .where(feedback.enriched_run.is_not(None))
        .where(or_(and_(found.item_id.is_not(None), differs), is_gone))
        .limit(1)
    )
    had_read = connection.execute(was_read).first() is not None
    values = dict(zip(_LINK, new, strict=True))
    n_linked = _count(connection, update(tables.feedback).where(is_same, differs).values(values))
    unlink = update(tables.feedback).where(is_gone).values(dict.fromkeys(_LINK))
    return n_linked + _count(connection, unlink), had_read


def write_event_links(connection: Connection, scratch: Scratch) -> int:
    """Bring the customers of events up to date: who is linked, else as the event names them.

    :returns: number of events that changed.
    """
    event, found = tables.event.c, scratch.link.c
    is_same = found.item_id == event.event_id
    linked = (
        update(tables.event)
        .where(is_same, event.customer_id.is_distinct_from(found.customer_id))
        .values(customer_id=found.customer_id)
    )
    named = (
        update(tables.event)
        .where(~exists().where(is_same))
        .where(event.customer_id.is_distinct_from(event.named_customer))
        .values(customer_id=event.named_customer)
    )
    return _count(connection, linked) + _count(connection, named)


def write_shared_keys(connection: Connection, scratch: Scratch, limit: int) -> int:
    """Report the keys of feedback and events that link nobody, since several share them.

    :returns: how many there are.
    """
    owner, key = scratch.owner.c, FEEDBACK.keys.c
    connection.execute(delete(tables.shared_key))
    n_feedback = (
        select(func.count(key.feedback_id.distinct()))
        .where(is_same_key(key, owner))
        .scalar_subquery()
    )
    reason: Any = _say_reason(owner.n_customers, limit)
    query = select(owner.key_type, owner.key_hash, owner.n_customers, n_feedback, reason).where(
        owner.n_customers > 1
    )
    names = ["key_type", "key_hash", "n_customers", "n_feedback", "reason"]
    return _count(connection, insert(tables.shared_key).from_select(names, query))


def apply_answers(connection: Connection, scratch: Scratch) -> None:
    """Link what people accepted, before any key is asked."""
    found = _latest_answers("accepted")
    query = select(
        found.c.feedback_id,
        func.min(found.c.customer_id),
        literal("review"),
        literal("review"),
        literal(1.0),
    ).group_by(found.c.feedback_id)
    names = ["item_id", "customer_id", "method", "via", "confidence"]
    connection.execute(insert(scratch.link).from_select(names, query))


def drop_refused(connection: Connection, scratch: Scratch) -> None:
    """Take away the links that people refused."""
    refused = _latest_answers("refused")
    connection.execute(
        delete(scratch.link).where(
            exists().where(
                refused.c.feedback_id == scratch.link.c.item_id,
                refused.c.customer_id == scratch.link.c.customer_id,
            )
        )
    )


def _latest_answers(answer: str) -> Any:
    """Pairs whose latest answer is this one; of an accepted feedback the latest pair only."""
    given = tables.link_answer.c
    latest = select(
        given.feedback_id,
        given.customer_id,
        given.answer,
        func.row_number()
        .over(partition_by=(given.feedback_id, given.customer_id), order_by=given.answer_id.desc())
        .label("place"),
    ).subquery("latest")
    there = tables.feedback.c.feedback_id == latest.c.feedback_id
    return (
        select(latest.c.feedback_id, latest.c.customer_id)
        .where(latest.c.place == 1, latest.c.answer == answer, exists().where(there))
        .subquery("answered")
    )


def _say_reason(n_customers: Any, limit: int) -> Any:
    return case((n_customers > limit, "many"), else_="several")


def _count(connection: Connection, statement: Any) -> int:
    counted = statement.execution_options(preserve_rowcount=True)
    return max(int(connection.execute(counted).rowcount), 0)
