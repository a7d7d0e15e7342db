"""The step that counts themes by period and judges what is a trend and what is not."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Integer, String, and_, cast, func, literal, select, update

from pipelines import tables
from pipelines.counted import counted_mentions, feedback, is_counted, is_one_of, mention, voice
from pipelines.runs import Run
from pipelines.upserts import replace_rows, round_floats, upsert_rows
from pipelines.verdicts import ThemeWeeks, WeekVerdict, judge_themes

PERIODS = ("day", "week", "month")


def judge_periods(run: Run, themes: Collection[str] | None = None) -> int:
    """Bring theme_period and the verdicts of themes up to date.

    Verdicts hang together: those of all themes are told anew, whichever were counted anew.

    :param themes: those whose mentions may have changed since periods were last judged; None for
        all.
    :returns: number of rows that were written; 0 when nothing had changed.
    """
    if run.is_current("judged"):
        return 0
    rows = list(_count_periods(run.connection, themes))
    stored = [] if themes is None else _read_weeks(run.connection, themes)
    others = [{**row, **dict.fromkeys(_JUDGED)} for row in stored]
    muted = _read_muted(run.connection)
    heard = [weeks for weeks in _weeks_of([*rows, *others]) if weeks.theme_id not in muted]
    verdicts = judge_themes(heard, count_exposure(run.connection))
    _attach_verdicts([*rows, *others], verdicts)
    among = is_one_of(_period.theme_id, themes)
    written = replace_rows(run.connection, tables.theme_period, rows, among)
    written += _write_differing(run.connection, stored, others)
    written += _write_theme_verdicts(run, verdicts)
    run.mark_current("judged")
    return written


def _count_periods(
    connection: Connection, themes: Collection[str] | None
) -> Iterator[dict[str, Any]]:
    for period in PERIODS:
        yield from _count_period(connection, period, literal("all"), themes, is_segmented=False)
        segment = tables.customer.c.segment
        yield from _count_period(connection, period, segment, themes, is_segmented=True)


def _count_period(
    connection: Connection,
    period: str,
    segment: Any,
    themes: Collection[str] | None,
    *,
    is_segmented: bool,
) -> Iterator[dict[str, Any]]:
    """Each voice is one: ten mentions of one person weigh as much as one of another."""
    start = period_start(connection, period)
    joined = counted_mentions
    if is_segmented:
        joined = joined.join(tables.customer, tables.customer.c.customer_id == feedback.customer_id)
    by_voice = (
        select(
            mention.theme_id,
            start.label("start"),
            segment.label("segment"),
            func.count().label("n_mentions"),
            func.count(mention.feedback_id.distinct()).label("n_feedback"),
            func.avg(mention.sentiment_score).label("sentiment"),
        )
        .select_from(joined)
        .where(is_counted, mention.theme_id.is_not(None), feedback.occurred_at.is_not(None))
        .where(is_one_of(mention.theme_id, themes))
        .where(segment.is_not(None) if is_segmented else literal(value=True))
        .group_by(mention.theme_id, start, segment, voice)
        .subquery()
    )
    said = by_voice.c
    query = select(
        said.theme_id,
        said.start,
        said.segment,
        cast(func.sum(said.n_mentions), Integer).label("n_mentions"),
        func.count().label("n_customers"),
        cast(func.sum(said.n_feedback), Integer).label("n_feedback"),
        func.avg(said.sentiment).label("sentiment"),
    ).group_by(said.theme_id, said.start, said.segment)
    for row in connection.execute(query).mappings():
        yield {
            "theme_id": row["theme_id"],
            "period_start": _parse_day(row["start"]),
            "period": period,
            "segment": row["segment"],
            **{name: row[name] for name in ("n_mentions", "n_customers", "n_feedback")},
            "sentiment": row["sentiment"],
            **dict.fromkeys(_JUDGED),
        }


_JUDGED = ("expected", "ratio", "ratio_low", "ratio_high", "p_value", "q_value", "verdict")
_period = tables.theme_period.c


def _read_weeks(connection: Connection, without: Collection[str]) -> list[dict[str, Any]]:
    """The stored weeks of all voices, which verdicts are told of, but for these themes."""
    query = select(tables.theme_period).where(
        and_(_period.period == "week", _period.segment == "all", _period.theme_id.not_in(without))
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _write_differing(
    connection: Connection, before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]
) -> int:
    pairs = zip(before, map(round_floats, after), strict=True)
    return upsert_rows(connection, tables.theme_period, [now for was, now in pairs if was != now])


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


def count_exposure(connection: Connection) -> dict[datetime, int]:
    """Distinct voices a week over all feedback that counts: how much could have been said."""
    start = period_start(connection, "week")
    query = (
        select(start.label("start"), func.count(voice.distinct()))
        .where(is_counted, feedback.occurred_at.is_not(None))
        .group_by(start)
    )
    return {_parse_day(day): n for day, n in connection.execute(query)}


def _read_muted(connection: Connection) -> set[str]:
    """Themes that people do not want to hear of: nothing is claimed about them."""
    theme = tables.theme.c
    query = select(theme.theme_id).where(theme.status == "muted")
    return set(connection.execute(query).scalars())


def _weeks_of(rows: Iterable[dict[str, Any]]) -> list[ThemeWeeks]:
    weeks: dict[str, dict[datetime, int]] = defaultdict(dict)
    for row in rows:
        if row["period"] == "week" and row["segment"] == "all":
            weeks[row["theme_id"]][row["period_start"]] = row["n_customers"]
    return [ThemeWeeks(theme_id, weeks[theme_id]) for theme_id in sorted(weeks)]


def _attach_verdicts(rows: list[dict[str, Any]], verdicts: dict[str, WeekVerdict]) -> None:
    for row in rows:
        verdict = verdicts.get(row["theme_id"])
        is_judged = row["period"] == "week" and row["segment"] == "all"
        if verdict and is_judged and row["period_start"] == verdict.week:
            row.update({name: getattr(verdict, name) for name in _JUDGED})


def _write_theme_verdicts(run: Run, verdicts: dict[str, WeekVerdict]) -> int:
    theme = tables.theme.c
    written = 0
    for theme_id, before in run.connection.execute(select(theme.theme_id, theme.verdict)).all():
        now = verdicts[theme_id].verdict if theme_id in verdicts else None
        if now != before:
            run.connection.execute(
                update(tables.theme)
                .where(theme.theme_id == theme_id)
                .values(verdict=now, updated_run=run.run_id)
            )
            written += 1
    return written


def _parse_day(day: str) -> datetime:
    parsed = date.fromisoformat(day)
    return datetime(parsed.year, parsed.month, parsed.day, tzinfo=UTC)
