"""What the page shows of each theme: its size, feeling, weeks and quotes."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from pipelines.judging.silence import explain_silence
from pipelines.report.tallies import (
    EVERYTHING,
    CountCube,
    FeedbackTally,
    MentionCube,
    MentionTally,
    count_voices,
)
from pipelines.rights.descriptions import read_shown
from pipelines.rights.gate import allows
from pipelines.tables import feedback, mention, theme, theme_period, theme_quote

# A page of more themes than this is not read to its end; it says how many are left out.
MAX_THEMES = 200
MAX_QUOTES = 3
MAX_WEEKS = 26
# "New" is three weeks, and says something only where the store reaches back well before them.
NEW_THEME_AGE = timedelta(days=21)


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

    `no_verdict` says why there is no verdict. `weeks` are its voices in each of
    `ReportFacts.week_starts`; empty where no week was counted.
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
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    is_new: bool
    mentions: MentionCube
    voices: CountCube
    weeks: tuple[int, ...]
    quotes: tuple[Quote, ...]

    @property
    def tally(self) -> MentionTally:
        """Its mentions by sentiment, over all sources and languages."""
        return self.mentions.get(EVERYTHING, MentionTally())


def read_themes(
    connection: Connection,
    by_theme: Mapping[str | None, MentionCube],
    totals: FeedbackTally,
    week_starts: tuple[datetime, ...],
) -> tuple[ThemeFacts, ...]:
    """Read the active themes with the most voices.

    :param by_theme: the mentions of each theme.
    :param totals: all feedback of the store, to know what is new in it.
    :param week_starts: the weeks to count voices in.
    """
    query = (
        select(theme)
        .where(theme.c.status == "active")
        .order_by(func.coalesce(theme.c.n_customers, 0).desc(), theme.c.theme_id)
        .limit(MAX_THEMES)
    )
    rows = connection.execute(query).all()
    theme_ids = [row.theme_id for row in rows]
    shown = read_shown(connection, rows)
    voices = count_voices(connection, theme_ids)
    quotes = _read_quotes(connection, theme_ids)
    counted = _count_weeks(connection, theme_ids)
    silence = explain_silence(connection, theme_ids)
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
            first_seen_at=row.first_seen_at,
            last_seen_at=row.last_seen_at,
            is_new=_is_new(row.first_seen_at, totals),
            mentions=by_theme.get(row.theme_id, {}),
            voices={**voices.get(row.theme_id, {}), EVERYTHING: row.n_customers or 0},
            weeks=_draw_weeks(counted.get(row.theme_id, {}), week_starts),
            quotes=quotes.get(row.theme_id, ()),
        )
        for row in rows
    )


def _is_new(first_seen_at: datetime | None, totals: FeedbackTally) -> bool:
    """Whether a theme was first heard at the end of a store that reaches back long before it."""
    if first_seen_at is None or totals.first_at is None or totals.last_at is None:
        return False
    reaches_back = totals.last_at - totals.first_at >= 2 * NEW_THEME_AGE
    return reaches_back and first_seen_at > totals.last_at - NEW_THEME_AGE


def _read_quotes(connection: Connection, theme_ids: list[str]) -> dict[str, tuple[Quote, ...]]:
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
        .where(theme_quote.c.theme_id.in_(theme_ids), theme_quote.c.rank <= MAX_QUOTES)
        .where(allows(connection, "quoting"))
        .order_by(theme_quote.c.theme_id, theme_quote.c.rank)
    )
    quotes: dict[str, list[Quote]] = defaultdict(list)
    for theme_id, *fields in connection.execute(query):
        quotes[theme_id].append(Quote(*fields))
    return {theme_id: tuple(found) for theme_id, found in quotes.items()}


def read_week_starts(connection: Connection) -> tuple[datetime, ...]:
    """The weeks that every trend is drawn over: of the last half year, from the first with data."""
    weekly = (theme_period.c.period == "week") & (theme_period.c.segment == "all")
    found = select(theme_period.c.period_start).where(weekly).distinct()
    weeks = sorted(connection.execute(found).scalars())
    if not weeks:
        return ()
    last = weeks[-1]
    first = next(week for week in weeks if last - week < timedelta(weeks=MAX_WEEKS))
    n_weeks = (last - first) // timedelta(weeks=1) + 1
    return tuple(last - timedelta(weeks=back) for back in reversed(range(n_weeks)))


def _draw_weeks(
    counted: Mapping[datetime, int], week_starts: tuple[datetime, ...]
) -> tuple[int, ...]:
    return tuple(counted.get(start, 0) for start in week_starts) if counted else ()


def _count_weeks(connection: Connection, theme_ids: list[str]) -> dict[str, dict[datetime, int]]:
    """Voices of each theme by week."""
    query = select(
        theme_period.c.theme_id, theme_period.c.period_start, theme_period.c.n_customers
    ).where(
        theme_period.c.theme_id.in_(theme_ids),
        theme_period.c.period == "week",
        theme_period.c.segment == "all",
    )
    counted: dict[str, dict[datetime, int]] = defaultdict(dict)
    for theme_id, start, n in connection.execute(query):
        counted[theme_id][start] = n or 0
    return counted
