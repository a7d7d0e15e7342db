"""Counting by SQL: who spoke of each theme in each period, and who spoke at all.

Each voice is one: ten mentions of one person weigh as much as one of another.
"""

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Date,
    Integer,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
)

from pipelines import tables
from pipelines.anonymity import choose_shown
from pipelines.counted import counted_mentions, feedback, is_counted, is_one_of, mention, voice

PERIODS = ("day", "week", "month")
EVERYBODY = "all"
# A voice that goes on about a theme is fresh again after so many days of silence on it.
FRESH_DAYS = 28
_segment = tables.customer.c.segment
_is_segment = and_(_segment.is_not(None), _segment != EVERYBODY)


def count_periods(
    connection: Connection, themes: Collection[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Rows of theme_period that say how many spoke of a theme, of everybody and of segments.

    :param themes: of these themes; None for all.
    """
    for period in PERIODS:
        for is_segmented in (False, True):
            yield from _count_period(connection, period, themes, is_segmented=is_segmented)


def _count_period(
    connection: Connection, period: str, themes: Collection[str] | None, *, is_segmented: bool
) -> Iterator[dict[str, Any]]:
    by_voice = _select_voices(connection, period, themes, is_segmented=is_segmented).subquery()
    said = by_voice.c
    if period == "day":
        days = func.lag(said.start).over(
            partition_by=(said.theme_id, said.voice), order_by=said.start
        )
        by_voice = select(*said, days.label("before")).subquery()
        said = by_voice.c
        is_fresh = or_(
            said.before.is_(None), _count_days(connection, said.before, said.start) >= FRESH_DAYS
        )
        n_fresh = cast(func.sum(case((is_fresh, 1), else_=0)), Integer)
    else:
        n_fresh = cast(literal(None), Integer)
    query = select(
        said.theme_id,
        said.start,
        said.segment,
        cast(func.sum(said.n_mentions), Integer).label("n_mentions"),
        func.count().label("n_customers"),
        cast(func.sum(said.n_feedback), Integer).label("n_feedback"),
        func.avg(said.sentiment).label("sentiment"),
        n_fresh.label("n_fresh"),
    ).group_by(said.theme_id, said.start, said.segment)
    for row in connection.execute(query).mappings():
        counts = {name: value for name, value in row.items() if name != "start"}
        yield {**counts, "period": period, "period_start": parse_day(row["start"])}


def _select_voices(
    connection: Connection, period: str, themes: Collection[str] | None, *, is_segmented: bool
) -> Any:
    """One row a theme, period and voice."""
    start = period_start(connection, period)
    joined = counted_mentions
    segment: Any = literal(EVERYBODY)
    if is_segmented:
        joined = joined.join(tables.customer, tables.customer.c.customer_id == feedback.customer_id)
        segment = _segment
    return (
        select(
            mention.theme_id,
            start.label("start"),
            segment.label("segment"),
            voice.label("voice"),
            func.count().label("n_mentions"),
            func.count(mention.feedback_id.distinct()).label("n_feedback"),
            func.avg(mention.sentiment_score).label("sentiment"),
        )
        .select_from(joined)
        .where(is_counted, mention.theme_id.is_not(None), feedback.occurred_at.is_not(None))
        .where(is_one_of(mention.theme_id, themes))
        .where(_is_segment if is_segmented else literal(value=True))
        .group_by(mention.theme_id, start, segment, voice)
    )


def count_exposure(connection: Connection, period: str = "week") -> dict[datetime, int]:
    """Distinct voices a period over all feedback that counts: how much could have been said."""
    start = period_start(connection, period)
    query = (
        select(start.label("start"), func.count(voice.distinct()))
        .where(is_counted, feedback.occurred_at.is_not(None))
        .group_by(start)
    )
    return {parse_day(day): n for day, n in connection.execute(query)}


def find_last_reading(connection: Connection) -> date | None:
    """The last day on which feedback was read, in UTC; None where there is none."""
    at: datetime | None = connection.execute(select(func.max(feedback.ingested_at))).scalar()
    return at.astimezone(UTC).date() if at else None


def count_segment_exposure(connection: Connection, period: str) -> dict[str, dict[datetime, int]]:
    """The same for the customers of each segment."""
    start = period_start(connection, period)
    query = (
        select(_segment, start.label("start"), func.count(feedback.customer_id.distinct()))
        .join(tables.customer, tables.customer.c.customer_id == feedback.customer_id)
        .where(is_counted, feedback.occurred_at.is_not(None), _is_segment)
        .group_by(_segment, start)
    )
    counts: dict[str, dict[datetime, int]] = {}
    for segment, day, n in connection.execute(query):
        counts.setdefault(segment, {})[parse_day(day)] = n
    return counts


def find_shown_segments(connection: Connection, k: int) -> frozenset[str]:
    """Segments of k customers or more who were heard, by which no smaller one can be reckoned.

    Where how many voices there are is told, and not how many of them are customers.
    """
    n_voices, _ = _count_unsegmented(connection)
    return choose_shown(_count_heard(connection), k, n_voices)


def find_told_segments(connection: Connection, k: int) -> frozenset[str]:
    """Those of them that may be told of beside the number of customers who were heard."""
    _, n_customers = _count_unsegmented(connection)
    beside_customers = choose_shown(_count_heard(connection), k, n_customers)
    return find_shown_segments(connection, k) & beside_customers


def _count_heard(connection: Connection) -> dict[str, int]:
    """How many customers of each segment have given feedback that counts."""
    query = (
        select(_segment, func.count(feedback.customer_id.distinct()))
        .join(tables.customer, tables.customer.c.customer_id == feedback.customer_id)
        .where(is_counted, _is_segment)
        .group_by(_segment)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _count_unsegmented(connection: Connection) -> tuple[int, int]:
    """How many voices are of nobody whose segment is known, and how many of them are customers."""
    joined = tables.feedback.outerjoin(
        tables.customer, tables.customer.c.customer_id == feedback.customer_id
    )
    is_in_none = or_(_segment.is_(None), _segment == EVERYBODY)
    query = (
        select(func.count(voice.distinct()), func.count(feedback.customer_id.distinct()))
        .select_from(joined)
        .where(is_counted, is_in_none)
    )
    row = connection.execute(query).one()
    return row[0], row[1]


def read_second_sources(
    connection: Connection, theme_ids: Collection[str]
) -> dict[tuple[str, str], date]:
    """Since when a theme is heard of from more than one source, of everybody or of a segment."""
    found: dict[tuple[str, str], list[date]] = {}
    start = period_start(connection, "day")
    for segment in (literal(EVERYBODY), _segment):
        query = (
            select(mention.theme_id, segment.label("segment"), func.min(start).label("start"))
            .select_from(
                counted_mentions.outerjoin(
                    tables.customer, tables.customer.c.customer_id == feedback.customer_id
                )
            )
            .where(is_counted, feedback.occurred_at.is_not(None), segment.is_not(None))
            .where(mention.theme_id.in_(theme_ids))
            .group_by(mention.theme_id, segment, feedback.source)
        )
        for theme_id, name, day in connection.execute(query):
            found.setdefault((theme_id, name), []).append(date.fromisoformat(day))
    return {key: sorted(days)[1] for key, days in found.items() if len(days) > 1}


def period_start(connection: Connection, period: str) -> Any:
    """SQL for the first day of the period that a feedback falls into, as YYYY-MM-DD, in UTC.

    :param period: day, week (from Monday) or month.
    """
    at = feedback.occurred_at
    if connection.dialect.name == "postgresql":
        start = func.date_trunc(period, func.timezone("UTC", at))
        return cast(func.to_char(start, "YYYY-MM-DD"), String)
    modifiers = {"day": [], "week": ["weekday 0", "-6 days"], "month": ["start of month"]}
    return func.date(at, *modifiers[period])


def _count_days(connection: Connection, start: Any, end: Any) -> Any:
    """SQL for the days between two days written as YYYY-MM-DD."""
    if connection.dialect.name == "postgresql":
        return cast(end, Date) - cast(start, Date)
    return func.julianday(end) - func.julianday(start)


def parse_day(day: str) -> datetime:
    """The start of a day written as YYYY-MM-DD."""
    parsed = date.fromisoformat(day)
    return datetime(parsed.year, parsed.month, parsed.day, tzinfo=UTC)
