"""What customers said, as the pure functions that describe a customer take it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, true

from pipelines.counted import counted_mentions, feedback, is_counted, mention
from pipelines.insights import Sums
from pipelines.moments import select_moment
from pipelines.rights.gate import allows_account
from pipelines.spoken import Spoken, arrange_mentions


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
        # By the index of customers each mention would be fetched from elsewhere.
        .group_by(feedback.customer_id.concat(""))
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


def read_spoken(
    connection: Connection,
    is_theirs: Callable[[Any], ColumnElement[bool]],
    until: datetime | None = None,
) -> Spoken:
    """What customers said that may be laid to their account.

    :param is_theirs: SQL for a column with customers, that it holds one of those asked for.
    :param until: only what was said up to a moment; None for all.
    """
    query = (
        select(
            feedback.customer_id,
            mention.mention_id,
            mention.feedback_id,
            select_moment(connection, feedback.occurred_at),
            mention.theme_id,
            mention.sentiment,
            func.coalesce(mention.sentiment_score, 0.0),
            feedback.rating / feedback.rating_max,
        )
        .select_from(counted_mentions)
        .where(is_counted, feedback.customer_id.is_not(None))
        .where(is_theirs(feedback.customer_id), _is_said(until), allows_account(connection))
    )
    return arrange_mentions(connection.execute(query).all())


def _is_said(until: datetime | None) -> ColumnElement[bool]:
    return true() if until is None else feedback.occurred_at <= until
