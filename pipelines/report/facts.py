"""Everything that the page shows, read from the tables once and frozen."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from pipelines.counted import is_counted, is_main_language
from pipelines.report.group_facts import Block, GroupFacts, arrange_themes, gather_groups
from pipelines.report.tallies import (
    EVERYTHING,
    UNKNOWN_LANG,
    CountCube,
    FeedbackCube,
    FeedbackTally,
    MentionCube,
    count_feedback,
    count_mentions,
    count_noise,
    count_rejected,
    count_unassigned,
    sum_cubes,
)
from pipelines.report.theme_facts import ThemeFacts, read_themes, read_week_starts
from pipelines.rights.gate import allows_customer
from pipelines.stories.claims import describe_claims
from pipelines.stories.sentences import Story
from pipelines.stories.telling import MIN_CUSTOMERS, draft_report
from pipelines.tables import customer, customer_insight, feedback, run, theme

MAX_CUSTOMERS = 15


@dataclass(frozen=True)
class RunFacts:
    """The last run that ended; the running one where none has."""

    run_id: str
    command: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    encoder: str | None
    sentiment_model: str | None
    code_version: str | None


@dataclass(frozen=True)
class CustomerFacts:
    """A customer with an open complaint; `places` are the (source, language) they wrote in."""

    customer_id: str
    open_theme_id: str
    open_theme: str | None
    open_theme_lang: str | None
    sentiment: float | None
    next_action: str | None
    last_feedback_at: datetime | None
    places: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ReportFacts:
    """What a store holds, ready to be shown. Cubes hold each slice that has something in it.

    :param stories: of the store, then of each of `themes`.
    :param claims: the stories with their evidence, as JSON holds them.
    """

    last_run: RunFacts | None
    feedback: FeedbackCube
    mentions: MentionCube
    assigned: MentionCube
    noise: Mapping[str, CountCube]
    rejected: Mapping[str, CountCube]
    unassigned: Mapping[str, CountCube]
    themes: tuple[ThemeFacts, ...]
    groups: tuple[GroupFacts, ...]
    n_themes: int
    n_themes_hidden: int
    week_starts: tuple[datetime, ...]
    customers: tuple[CustomerFacts, ...]
    n_customers_open: int
    n_customers: int
    stories: tuple[Story, ...]
    claims: Mapping[str, Any]

    @property
    def totals(self) -> FeedbackTally:
        """All feedback of the store."""
        return self.feedback.get(EVERYTHING, FeedbackTally())

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The themes as the page shows them, group by group."""
        return arrange_themes(self.themes, self.groups)

    @property
    def n_rejected(self) -> int:
        """Rows that could not be used."""
        return sum(cube[EVERYTHING] for cube in self.rejected.values())

    @property
    def sources(self) -> tuple[str, ...]:
        """Every source, the one with the most feedback first; rejected rows have one too."""
        sizes = {s.source: 0 for cube in self.rejected.values() for s in cube if s.source}
        sizes |= {
            s.source: n.n_feedback for s, n in self.feedback.items() if s.source and not s.lang
        }
        return _largest_first(sizes)

    @property
    def langs(self) -> tuple[str, ...]:
        """Every language of a feedback or a mention, the one with the most mentions first."""
        sizes = {s.lang: 0 for s in self.feedback if s.lang}
        sizes |= {s.lang: n.n_mentions for s, n in self.mentions.items() if s.lang and not s.source}
        return _largest_first(sizes)

    @property
    def main_langs(self) -> tuple[str, ...]:
        """The languages that count as such; the others are one-offs or could not be told."""
        total = self.totals.n_feedback
        sizes = {s.lang: n.n_feedback for s, n in self.feedback.items() if not s.source}
        return tuple(
            lang for lang in self.langs if is_main_language(lang, sizes.get(lang, 0), total)
        )

    @property
    def n_other_langs(self) -> int:
        """Languages that hardly anything is in."""
        return sum(lang not in (*self.main_langs, UNKNOWN_LANG) for lang in self.langs)


def gather_facts(connection: Connection) -> ReportFacts:
    """Read what the page shows; takes no more memory than what is shown.

    Only feedback that is not noise counts, and only active themes are shown.
    """
    feedback_cube = count_feedback(connection)
    by_theme = count_mentions(connection)
    n_themes = _count_themes(connection)
    week_starts = read_week_starts(connection)
    totals = feedback_cube.get(EVERYTHING, FeedbackTally())
    themes = read_themes(connection, by_theme, totals, week_starts)
    drafted = draft_report(connection, [theme.theme_id for theme in themes])
    stories = tuple(each.word("en") for each in drafted)
    return ReportFacts(
        last_run=_read_last_run(connection),
        feedback=feedback_cube,
        mentions=sum_cubes(by_theme.values()),
        assigned=sum_cubes(cube for theme_id, cube in by_theme.items() if theme_id is not None),
        noise=count_noise(connection),
        rejected=count_rejected(connection),
        unassigned=count_unassigned(connection),
        themes=themes,
        groups=gather_groups(connection, by_theme, themes),
        n_themes=n_themes.get("active", 0),
        n_themes_hidden=n_themes.get("muted", 0),
        week_starts=week_starts,
        customers=_read_customers(connection),
        n_customers_open=_count_open_customers(connection),
        n_customers=connection.execute(select(func.count()).select_from(customer)).scalar_one(),
        stories=stories,
        claims=describe_claims(connection, stories, MIN_CUSTOMERS),
    )


def _largest_first(sizes: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(name for name, _ in sorted(sizes.items(), key=lambda item: (-item[1], item[0])))


def _read_last_run(connection: Connection) -> RunFacts | None:
    """The last run; with the models of the last that read texts, where it read none itself."""
    columns = [run.c[name] for name in RunFacts.__dataclass_fields__]
    ended_first = (run.c.status == "running").asc()
    query = select(*columns).order_by(ended_first, run.c.started_at.desc(), run.c.run_id.desc())
    row = connection.execute(query.limit(1)).first()
    if row is None:
        return None
    facts = RunFacts(*row)
    if facts.encoder is not None:
        return facts
    models = select(run.c.encoder, run.c.sentiment_model).where(run.c.encoder.is_not(None))
    newest = connection.execute(models.order_by(run.c.run_id.desc()).limit(1)).first()
    return replace(facts, encoder=newest[0], sentiment_model=newest[1]) if newest else facts


def _count_themes(connection: Connection) -> dict[str, int]:
    query = select(theme.c.status, func.count().label("n")).group_by(theme.c.status)
    return {row.status: row.n for row in connection.execute(query)}


def _count_open_customers(connection: Connection) -> int:
    query = select(func.count()).where(
        customer_insight.c.open_theme_id.is_not(None),
        allows_customer(connection, "profiling", customer_insight.c.customer_id),
    )
    return connection.execute(query).scalar_one()


def _read_customers(connection: Connection) -> tuple[CustomerFacts, ...]:
    """Customers with an open complaint: the highest risk first, then the unhappiest."""
    query = (
        select(
            customer_insight.c.customer_id,
            customer_insight.c.open_theme_id,
            theme.c.name,
            theme.c.lang,
            customer_insight.c.sentiment,
            customer_insight.c.next_action,
            customer_insight.c.last_feedback_at,
        )
        .outerjoin(theme, theme.c.theme_id == customer_insight.c.open_theme_id)
        .where(customer_insight.c.open_theme_id.is_not(None))
        .where(allows_customer(connection, "profiling", customer_insight.c.customer_id))
        .order_by(
            customer_insight.c.risk.desc().nulls_last(),
            customer_insight.c.sentiment.asc().nulls_last(),
            customer_insight.c.last_feedback_at.desc().nulls_last(),
            customer_insight.c.customer_id,
        )
        .limit(MAX_CUSTOMERS)
    )
    rows = connection.execute(query).all()
    places = _read_places(connection, [row.customer_id for row in rows])
    return tuple(CustomerFacts(*row, places.get(row.customer_id, ())) for row in rows)


def _read_places(
    connection: Connection, customer_ids: list[str]
) -> dict[str, tuple[tuple[str, str], ...]]:
    query = (
        select(feedback.c.customer_id, feedback.c.source, func.coalesce(feedback.c.lang, "und"))
        .where(feedback.c.customer_id.in_(customer_ids), is_counted)
        .distinct()
    )
    places: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for customer_id, source, lang in connection.execute(query):
        places[customer_id].append((source, lang))
    return {customer_id: tuple(sorted(found)) for customer_id, found in places.items()}
