"""What the page shows of each theme beside counts: its words, quotes, verdicts, impact, signal."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from pipelines.id_batches import batch_ids
from pipelines.judging.silence import explain_silence
from pipelines.report.theme_map import place_themes
from pipelines.rights.descriptions import read_shown
from pipelines.rights.gate import allows
from pipelines.tables import (
    feedback,
    mention,
    theme,
    theme_fix,
    theme_impact,
    theme_period,
    theme_quote,
    theme_share,
    theme_signal,
    theme_stake,
)

# The map shows so many themes; the largest of them have all that is known on the page.
MAX_THEMES = 10_000
MAX_DETAILED = 400
MAX_QUOTES = 3
# Weeks whose expectation is drawn around a trend.
MAX_WEEKS = 52
# "New" is three weeks, and says something only where the store reaches back well before them.
NEW_THEME_AGE = timedelta(days=21)

_PERIOD = (
    *("period_start", "segment", "n_customers", "n_exposed", "expected", "expected_low"),
    *("expected_high", "ratio", "ratio_low", "ratio_high", "p_value", "q_value", "verdict"),
    *("sentiment", "sentiment_expected", "sentiment_low", "sentiment_high", "sentiment_q"),
    "sentiment_verdict",
)


@dataclass(frozen=True)
class Quote:
    """What a customer said, verbatim."""

    text: str
    lang: str | None
    source: str | None
    occurred_at: datetime | None


@dataclass(frozen=True)
class ThemeFacts:
    """One active theme.

    :param no_verdict: why there is no verdict.
    :param place: on the map, 0..1; None where no vector is known.
    :param is_detailed: whether all is read of it: quotes, weeks, impact and signal.
    :param weeks: rows of theme_period of all voices that an expectation is known of, oldest first.
    :param judged: the last judged week of all voices and of each segment that may be shown.
    :param impacts, stakes, fixes, signals, shares: rows of the tables of these names.
    """

    theme_id: str
    name: str
    description: str | None
    lang: str | None
    keywords: tuple[str, ...]
    verdict: str | None
    no_verdict: str | None
    n_mentions: int
    n_voices: int
    sentiment: float | None
    signal_score: float | None
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    is_new: bool
    place: tuple[float, float] | None
    is_detailed: bool
    quotes: tuple[Quote, ...]
    weeks: tuple[RowMapping, ...]
    judged: tuple[RowMapping, ...]
    impacts: tuple[RowMapping, ...]
    stakes: tuple[RowMapping, ...]
    fixes: tuple[RowMapping, ...]
    signals: tuple[RowMapping, ...]
    shares: tuple[RowMapping, ...]


def list_themes(connection: Connection) -> list[Any]:
    """Rows of the active themes with the most voices, those first."""
    query = (
        select(theme)
        .where(theme.c.status == "active")
        .order_by(func.coalesce(theme.c.n_customers, 0).desc(), theme.c.theme_id)
        .limit(MAX_THEMES)
    )
    return list(connection.execute(query).all())


def read_themes(
    connection: Connection,
    rows: list[Any],
    dates: tuple[datetime | None, datetime | None],
    min_customers: int,
) -> tuple[ThemeFacts, ...]:
    """Read what is known of themes.

    :param rows: as :func:`list_themes` gives them.
    :param dates: of the first and the last feedback, to know what is new.
    :param min_customers: that a segment must have to be shown.
    """
    theme_ids = [row.theme_id for row in rows]
    detailed = theme_ids[:MAX_DETAILED]
    shown = read_shown(connection, rows)
    quotes = _read_quotes(connection, theme_ids, set(detailed))
    weeks, judged = _read_weeks(connection, detailed, min_customers)
    silence = explain_silence(connection, [row.theme_id for row in rows if not row.verdict])
    places = place_themes(connection, theme_ids)
    impacts, stakes, fixes, signals, shares = (
        _read_parts(connection, table, detailed)
        for table in (theme_impact, theme_stake, theme_fix, theme_signal, theme_share)
    )
    return tuple(
        ThemeFacts(
            theme_id=row.theme_id,
            name=shown[row.theme_id]["name"],
            description=shown[row.theme_id]["description"],
            lang=row.lang,
            keywords=tuple(str(word) for word in shown[row.theme_id]["keywords"] or ()),
            verdict=row.verdict,
            no_verdict=silence.get(row.theme_id),
            n_mentions=row.n_mentions or 0,
            n_voices=row.n_customers or 0,
            sentiment=row.sentiment,
            signal_score=row.signal_score,
            first_seen_at=row.first_seen_at,
            last_seen_at=row.last_seen_at,
            is_new=_is_new(row.first_seen_at, *dates),
            place=places.get(row.theme_id),
            is_detailed=place < MAX_DETAILED,
            quotes=tuple(quotes.get(row.theme_id, ())),
            weeks=tuple(weeks.get(row.theme_id, ())),
            judged=tuple(judged.get(row.theme_id, ())),
            impacts=tuple(impacts.get(row.theme_id, ())),
            stakes=tuple(stakes.get(row.theme_id, ())),
            fixes=tuple(fixes.get(row.theme_id, ())),
            signals=tuple(signals.get(row.theme_id, ())),
            shares=tuple(shares.get(row.theme_id, ())),
        )
        for place, row in enumerate(rows)
    )


def _is_new(
    first_seen_at: datetime | None, first_at: datetime | None, last_at: datetime | None
) -> bool:
    """Whether a theme was first heard at the end of a store that reaches back long before it."""
    if first_seen_at is None or first_at is None or last_at is None:
        return False
    reaches_back = last_at - first_at >= 2 * NEW_THEME_AGE
    return reaches_back and first_seen_at > last_at - NEW_THEME_AGE


def _read_quotes(
    connection: Connection, theme_ids: list[str], detailed: Collection[str]
) -> dict[str, list[Quote]]:
    """Quotes that may be shown: of themes that have no details, the first."""
    quotes: dict[str, list[Quote]] = defaultdict(list)
    for batch in batch_ids(theme_ids):
        query = (
            select(
                theme_quote.c.theme_id,
                theme_quote.c.text,
                func.coalesce(mention.c.lang, feedback.c.lang),
                feedback.c.source,
                feedback.c.occurred_at,
            )
            .join(mention, mention.c.mention_id == theme_quote.c.mention_id)
            .join(feedback, feedback.c.feedback_id == mention.c.feedback_id)
            .where(theme_quote.c.theme_id.in_(batch), theme_quote.c.rank <= MAX_QUOTES)
            .where(allows(connection, "quoting"))
            .order_by(theme_quote.c.theme_id, theme_quote.c.rank)
        )
        for theme_id, *fields in connection.execute(query):
            if theme_id in detailed or not quotes[theme_id]:
                quotes[theme_id].append(Quote(*fields))
    return quotes


def _read_weeks(
    connection: Connection, theme_ids: list[str], min_customers: int
) -> tuple[dict[str, list[RowMapping]], dict[str, list[RowMapping]]]:
    """Weeks of all voices with an expectation; the last judged week of all and of segments.

    Of a segment that is the latest week of the store or none: its last week of enough customers
    would be one that was chosen for being high.
    """
    column = theme_period.c
    is_week = (column.period == "week") & column.verdict.is_not(None)
    newest = connection.execute(
        select(func.max(column.period_start)).where(is_week, column.segment == "all")
    ).scalar()
    weeks: dict[str, list[RowMapping]] = defaultdict(list)
    latest: dict[str, dict[str, RowMapping]] = defaultdict(dict)
    for batch in batch_ids(theme_ids):
        query = (
            select(column.theme_id, *(column[name] for name in _PERIOD))
            .where(column.theme_id.in_(batch), column.period == "week")
            .where(column.expected.is_not(None) | column.sentiment_verdict.is_not(None))
            .where(
                (column.segment == "all")
                | (column.n_customers >= min_customers) & (column.period_start == newest)
            )
            .order_by(column.theme_id, column.segment, column.period_start)
        )
        for row in connection.execute(query).mappings():
            if row["segment"] == "all":
                weeks[row["theme_id"]].append(row)
            if row["verdict"] or row["sentiment_verdict"]:
                latest[row["theme_id"]][row["segment"]] = row
    kept = {theme_id: found[-MAX_WEEKS:] for theme_id, found in weeks.items()}
    return kept, {theme_id: list(found.values()) for theme_id, found in latest.items()}


def _read_parts(
    connection: Connection, table: Any, theme_ids: list[str]
) -> dict[str, list[RowMapping]]:
    """Rows of a table by theme, in the order of its key."""
    found: dict[str, list[RowMapping]] = defaultdict(list)
    for batch in batch_ids(theme_ids):
        query = select(table).where(table.c.theme_id.in_(batch))
        for row in connection.execute(query.order_by(*table.primary_key)).mappings():
            found[row["theme_id"]].append(row)
    return found
