"""Counting by SQL: who spoke of each theme in each period, and who spoke at all.

Each voice is one: ten mentions of one person weigh as much as one of another.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Date,
    DateTime,
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
from pipelines.counted import counted_mentions, feedback, is_counted, mention, voice
from pipelines.judging.voices import Voices

PERIODS = ("day", "week", "month")
EVERYBODY = "all"
# A voice that goes on about a theme is fresh again after so many days of silence on it.
FRESH_DAYS = 28
_SUMS = frozenset({"n_mentions", "n_customers", "n_feedback", "n_fresh", "feeling", "n_felt"})
_segment = tables.customer.c.segment
_is_segment = and_(_segment.is_not(None), _segment != EVERYBODY)


def count_periods(connection: Connection, voices: Voices) -> Iterator[dict[str, Any]]:
    """Rows of theme_period that say how many spoke of a theme, of everybody and of segments."""
    for period in PERIODS:
        all_of_them: dict[tuple[str, str], dict[str, Any]] = {}
        for each in connection.execute(_select_counts(connection, period, voices)).mappings():
            row = dict(each)
            key = row["theme_id"], row["start"]
            all_of_them[key] = _add_counts(all_of_them.get(key), row)
            if row["segment"] not in (None, EVERYBODY):
                yield _finish_counts(row, period, row["segment"])
        for counts in all_of_them.values():
            yield _finish_counts(counts, period, EVERYBODY)


def _select_counts(connection: Connection, period: str, voices: Voices) -> Any:
    """One row a theme, period and segment; none of them is in two."""
    by_voice = _select_voices(connection, period, voices).subquery()
    said = by_voice.c
    return select(
        said.theme_id,
        said.start,
        said.segment,
        cast(func.sum(said.n_mentions), Integer).label("n_mentions"),
        func.count().label("n_customers"),
        cast(func.sum(said.n_feedback), Integer).label("n_feedback"),
        func.sum(said.sentiment).label("feeling"),
        func.count(said.sentiment).label("n_felt"),
        cast(func.sum(said.n_fresh), Integer).label("n_fresh"),
    ).group_by(said.theme_id, said.start, said.segment)


def _select_voices(connection: Connection, period: str, voices: Voices) -> Any:
    """One row a theme, period and voice."""
    said = voices.said.c
    mean = func.sum(said.feeling) / func.nullif(func.sum(said.n_felt), 0)
    if period != "day":
        start = _truncate_day(connection, said.day, period)
        return select(
            said.theme_id,
            start.label("start"),
            func.min(said.segment).label("segment"),
            func.sum(said.n_mentions).label("n_mentions"),
            func.sum(said.n_feedback).label("n_feedback"),
            mean.label("sentiment"),
            cast(literal(None), Integer).label("n_fresh"),
        ).group_by(said.voice, said.theme_id, start)
    days = func.lag(said.day).over(partition_by=(said.voice, said.theme_id), order_by=said.day)
    known = select(*said, days.label("before")).subquery().c
    is_fresh = or_(
        known.before.is_(None), _count_days(connection, known.before, known.day) >= FRESH_DAYS
    )
    return select(
        known.theme_id,
        known.day.label("start"),
        known.segment,
        known.n_mentions,
        known.n_feedback,
        (known.feeling / func.nullif(known.n_felt, 0)).label("sentiment"),
        case((is_fresh, 1), else_=0).label("n_fresh"),
    )


def _add_counts(before: Mapping[str, Any] | None, row: Mapping[str, Any]) -> dict[str, Any]:
    """The sum of two segments; null where it is in both."""
    if before is None:
        return dict(row)
    added = {
        name: before[name] if value is None else (before[name] or 0) + value
        for name, value in row.items()
        if name in _SUMS
    }
    return {**before, **added}


def _finish_counts(row: Mapping[str, Any], period: str, segment: str) -> dict[str, Any]:
    return {
        "theme_id": row["theme_id"],
        "period_start": parse_day(row["start"]),
        "period": period,
        "segment": segment,
        **{name: row[name] for name in ("n_mentions", "n_customers", "n_feedback", "n_fresh")},
        "sentiment": row["feeling"] / row["n_felt"] if row["n_felt"] else None,
    }


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


def count_exposures(
    connection: Connection, period: str, voices: Voices
) -> dict[str, dict[datetime, int]]:
    """The same, of everybody and of the customers of each segment."""
    heard = voices.heard.c
    start = heard.day if period == "day" else _truncate_day(connection, heard.day, period)
    query = (
        select(heard.segment, start.label("start"), func.count(heard.voice.distinct()))
        .where(heard.day.is_not(None))
        .group_by(heard.segment, start)
    )
    counts: dict[str, dict[datetime, int]] = {EVERYBODY: {}}
    for segment, written, n in connection.execute(query):
        day = parse_day(written)
        counts[EVERYBODY][day] = counts[EVERYBODY].get(day, 0) + n
        if segment not in (None, EVERYBODY):
            counts.setdefault(segment, {})[day] = n
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
    if connection.dialect.name == "postgresql":
        return _truncate(connection, func.timezone("UTC", feedback.occurred_at), period)
    return _truncate(connection, feedback.occurred_at, period)


def _truncate_day(connection: Connection, day: Any, period: str) -> Any:
    """The same for a day that is written so."""
    if connection.dialect.name == "postgresql":
        return _truncate(connection, cast(day, DateTime), period)
    return _truncate(connection, day, period)


def _truncate(connection: Connection, moment: Any, period: str) -> Any:
    if connection.dialect.name == "postgresql":
        return cast(func.to_char(func.date_trunc(period, moment), "YYYY-MM-DD"), String)
    modifiers = {"day": [], "week": ["weekday 0", "-6 days"], "month": ["start of month"]}
    return func.date(moment, *modifiers[period])


def _count_days(connection: Connection, start: Any, end: Any) -> Any:
    """SQL for the days between two days written as YYYY-MM-DD."""
    if connection.dialect.name == "postgresql":
        return cast(end, Date) - cast(start, Date)
    return func.julianday(end) - func.julianday(start)


def parse_day(day: str) -> datetime:
    """The start of a day written as YYYY-MM-DD."""
    parsed = date.fromisoformat(day)
    return datetime(parsed.year, parsed.month, parsed.day, tzinfo=UTC)
