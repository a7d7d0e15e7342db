"""How many voices spoke, of what, where and with which feeling: read in sums, never one by one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, literal, or_, select
from sqlalchemy.sql.elements import ColumnElement

from pipelines import tables
from pipelines.attention.estimates import Sample
from pipelines.counted import counted_mentions, feedback, has_theme, is_counted, mention, voice
from pipelines.rights.gate import allows_customer
from pipelines.rights.purposes import Purpose

_customer = tables.customer.c


@dataclass(frozen=True)
class ThemeVoices:
    """Voices of a theme that share something: a segment, or a value of a column.

    :param n: how many they are.
    :param sample: of their sentiment, each voice by the mean of its mentions.
    :param strength: sum over voices of how well their mentions fit the theme, 0..1 each.
    """

    theme_id: str
    group: str | None
    n: int
    sample: Sample
    strength: float


def find_start(connection: Connection, days: int, until: datetime) -> datetime | None:
    """Since when feedback counts as now: so many days before the newest that counts.

    :param days: 0 for all.
    :param until: what is dated later is a slip, and not the newest.
    :returns: None where all feedback counts.
    """
    query = select(func.max(feedback.occurred_at)).where(is_counted, feedback.occurred_at <= until)
    newest: datetime | None = connection.execute(query).scalar()
    return newest - timedelta(days=days) if newest and days else None


def is_since(start: datetime | None) -> ColumnElement[bool]:
    """SQL for feedback that counts as now; what has no date may be of today."""
    if start is None:
        return literal(value=True)
    return or_(feedback.occurred_at > start, feedback.occurred_at.is_(None))


def read_theme_voices(
    connection: Connection,
    group: ColumnElement[Any],
    *conditions: ColumnElement[bool],
    joined: Any = counted_mentions,
) -> Iterator[ThemeVoices]:
    """Voices of every theme by a group, in which a voice may be again and again.

    :param group: a column of what is joined; null is a group too.
    """
    by_voice = (
        select(
            mention.theme_id,
            group.label("group"),
            func.avg(mention.sentiment_score).label("score"),
            func.avg(mention.theme_strength).label("strength"),
        )
        .select_from(joined)
        .where(is_counted, has_theme, *conditions)
        .group_by(voice, group, mention.theme_id)
        .subquery()
    )
    said = by_voice.c
    query = select(
        said.theme_id,
        said.group,
        func.count().label("n"),
        *_sum_scores(said.score),
        func.sum(said.strength).label("strength"),
    ).group_by(said.theme_id, said.group)
    for row in connection.execute(query):
        yield ThemeVoices(
            row.theme_id, row.group, row.n, read_sample(row), float(row.strength or 0.0)
        )


def read_samples(
    connection: Connection, group: ColumnElement[Any], *conditions: ColumnElement[bool]
) -> dict[str, Sample]:
    """Sentiment of all voices by a group, each by the mean of its mentions of any theme."""
    by_voice = (
        select(group.label("group"), func.avg(mention.sentiment_score).label("score"))
        .select_from(counted_mentions)
        .where(is_counted, group.is_not(None), *conditions)
        .group_by(group, voice)
        .subquery()
    )
    said = by_voice.c
    query = select(said.group, *_sum_scores(said.score)).group_by(said.group)
    return {row.group: read_sample(row) for row in connection.execute(query)}


def count_voices(
    connection: Connection,
    group: ColumnElement[Any],
    *conditions: ColumnElement[bool],
    joined: Any = tables.feedback,
) -> dict[str, int]:
    """Distinct voices of all feedback that counts, by a group; those in none are left out."""
    said = (
        select(group.label("group"), voice.label("voice"))
        .select_from(joined)
        .where(is_counted, group.is_not(None), *conditions)
        .subquery()
    )
    query = select(said.c.group, func.count(said.c.voice.distinct())).group_by(said.c.group)
    return dict(connection.execute(query).all())


def count_all_voices(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    """Distinct voices of all feedback that counts."""
    query = select(func.count(voice.distinct())).where(is_counted, *conditions)
    return connection.execute(query).scalar_one()


def join_customers(joined: Any, *, outer: bool = False) -> Any:
    """What is joined with feedback, with the records of its customers too."""
    is_theirs = _customer.customer_id == feedback.customer_id
    return joined.join(tables.customer, is_theirs, isouter=outer)


def is_customer(connection: Connection, purpose: Purpose = "analysis") -> ColumnElement[bool]:
    """SQL for records of the CRM that stand for a person who allows this."""
    return and_(
        _customer.merged_into.is_(None),
        allows_customer(connection, purpose, _customer.customer_id),
    )


def _sum_scores(score: ColumnElement[Any]) -> list[Any]:
    return [
        func.count(score).label("n_scores"),
        func.sum(score).label("total"),
        func.sum(score * score).label("squares"),
    ]


def read_sample(row: Any) -> Sample:
    """The sample of a row with ``n_scores``, ``total`` and ``squares``."""
    return Sample(row.n_scores, float(row.total or 0.0), float(row.squares or 0.0))
