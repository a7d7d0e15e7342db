"""What customers said, as the pure functions that describe a customer take it."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select, true

from pipelines.counted import counted_mentions, feedback, is_counted, mention
from pipelines.insights import CustomerMention, Sums
from pipelines.rights.gate import allows_account


def read_sums(connection: Connection, until: datetime | None = None) -> Sums:
    """Sums over all customers, for the spread of their sentiment.

    :param until: only what was said up to a moment; None for all.
    """
    score = func.coalesce(mention.sentiment_score, 0.0)
    by_customer = (
        select(
            func.count().label("n"),
            func.sum(score).label("s"),
            func.sum(score * score).label("q"),
        )
        .select_from(counted_mentions)
        .where(is_counted, feedback.customer_id.is_not(None), _is_said(until))
        .group_by(feedback.customer_id)
        .subquery()
    )
    n, s, q = by_customer.c.n, by_customer.c.s, by_customer.c.q
    row = connection.execute(
        select(
            func.count(),
            func.sum(n),
            func.sum(n * n),
            func.sum(s),
            func.sum(s * s / n),
            func.sum(q),
        )
    ).one()
    # Sums of floats differ in their last digits with the order of rows.
    return Sums(int(row[0]), int(row[1] or 0), *(round(float(each or 0), 6) for each in row[2:]))


def read_mentions(
    connection: Connection, customers: Collection[str], until: datetime | None = None
) -> list[tuple[str, CustomerMention]]:
    """What customers said that may be laid to their account, customer by customer.

    :param until: only what was said up to a moment; None for all.
    """
    query = (
        select(
            feedback.customer_id,
            mention.mention_id,
            mention.feedback_id,
            feedback.occurred_at.label("at"),
            mention.theme_id,
            mention.sentiment,
            func.coalesce(mention.sentiment_score, 0.0).label("score"),
            (feedback.rating / feedback.rating_max).label("rating"),
        )
        .select_from(counted_mentions)
        .where(is_counted, feedback.customer_id.is_not(None))
        .where(feedback.customer_id.in_(customers), _is_said(until), allows_account(connection))
        .order_by(feedback.customer_id, mention.mention_id)
    )
    return [(str(row[0]), CustomerMention(*row[1:])) for row in connection.execute(query)]


def _is_said(until: datetime | None) -> ColumnElement[bool]:
    return true() if until is None else feedback.occurred_at <= until
