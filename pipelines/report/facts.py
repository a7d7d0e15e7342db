"""Everything that the page shows, read from the tables once and frozen."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from sqlalchemy import Connection, RowMapping, func, select

from nlp.stories.languages import list_languages
from pipelines.anonymity import MIN_CUSTOMERS
from pipelines.counted import is_counted, is_main_language
from pipelines.judging.counts import find_shown_segments
from pipelines.report.cells import Cells, count_cells
from pipelines.report.decisions import (
    CustomerFacts,
    count_open_customers,
    read_comparison,
    read_coverage,
    read_customers,
    read_priorities,
)
from pipelines.report.group_facts import GroupFacts, gather_groups
from pipelines.report.spoken import UNDATED, Spoken, read_spoken, week_number
from pipelines.report.theme_facts import MAX_DETAILED, ThemeFacts, list_themes, read_themes
from pipelines.stories.claims import describe_claims, pack_claims
from pipelines.stories.telling import draft_report
from pipelines.tables import customer, feedback, rejected, run, theme

# A chart of all time leaves out so much of what is dated where that takes up more than so much of
# the time: a few complaints of years ago would squeeze the rest into a corner.
_EARLY_SHARE = 0.1
_EARLY_TIME = 0.25


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
class Weeks:
    """The weeks of a store, as numbers of :func:`pipelines.report.spoken.week_number`.

    :param first: with dated feedback that counts; 0 where none has a date.
    :param last: with which the latest periods end: what is dated after the last run is later.
    :param drawn: with which charts of all time begin.
    :param end: with dated feedback, also from the future.
    """

    first: int = 0
    last: int = 0
    drawn: int = 0
    end: int = 0


@dataclass(frozen=True)
class ReportFacts:
    """What a store holds, ready to be shown.

    :param names: what the numbers in the cells stand for: source, lang, segment, noise and
        unassigned; segments of too few customers are not named.
    :param rejected: rows that could not be used, by reason and source.
    :param claims: stories of the store and of the detailed themes in every language, with their
        evidence; see :func:`pipelines.stories.claims.pack_claims`.
    """

    last_run: RunFacts | None
    first_at: datetime | None
    last_at: datetime | None
    weeks: Weeks
    names: Mapping[str, tuple[str, ...]]
    cells: Cells
    rejected: Mapping[str, Mapping[str, int]]
    themes: tuple[ThemeFacts, ...]
    groups: tuple[GroupFacts, ...]
    n_themes: int
    n_themes_hidden: int
    priorities: tuple[RowMapping, ...]
    comparison: tuple[RowMapping, ...]
    coverage: tuple[RowMapping, ...]
    customers: tuple[CustomerFacts, ...]
    n_customers_open: int
    n_customers: int
    min_customers: int
    main_langs: tuple[str, ...]
    claims: str

    @property
    def n_feedback(self) -> int:
        """All feedback that may be analysed, noise included."""
        cells = self.cells.cells
        is_total = (cells["cube"] == 0) & (cells["source"] == 0) & (cells["lang"] == 0)
        return int(cells["n0"][is_total].sum())

    @property
    def n_rejected(self) -> int:
        """Rows that could not be used."""
        return sum(sum(by_source.values()) for by_source in self.rejected.values())


def gather_facts(connection: Connection, min_customers: int = MIN_CUSTOMERS) -> ReportFacts:
    """Read what the page shows.

    Only feedback that is not noise counts, and only active themes are shown.

    :param min_customers: that a segment, or a cell of one, must hold to be shown.
    """
    last_run = _read_last_run(connection)
    rows = list_themes(connection)
    segments = find_shown_segments(connection, min_customers)
    spoken = _hide_segments(read_spoken(connection, [row.theme_id for row in rows]), segments)
    weeks = _find_weeks(spoken, last_run)
    dates = _read_dates(connection)
    themes = read_themes(connection, rows, dates, min_customers)
    groups = gather_groups(connection, themes)
    cells = count_cells(spoken, _group_of(themes, groups), weeks.first, weeks.last, min_customers)
    names = _name(spoken, cells)
    n_themes = _count_themes(connection)
    return ReportFacts(
        last_run,
        *dates,
        weeks=weeks,
        names=names,
        cells=cells,
        rejected=_count_rejected(connection),
        themes=themes,
        groups=groups,
        n_themes=n_themes.get("active", 0),
        n_themes_hidden=n_themes.get("muted", 0),
        priorities=read_priorities(connection, min_customers),
        comparison=read_comparison(
            connection, min_customers, [theme.theme_id for theme in themes[:MAX_DETAILED]]
        ),
        coverage=read_coverage(connection, min_customers),
        customers=read_customers(connection),
        n_customers_open=count_open_customers(connection),
        n_customers=connection.execute(select(func.count()).select_from(customer)).scalar_one(),
        min_customers=min_customers,
        main_langs=_find_main_langs(spoken),
        claims=_tell_stories(connection, themes, names["segment"], min_customers),
    )


def _tell_stories(
    connection: Connection,
    themes: tuple[ThemeFacts, ...],
    segments: Sequence[str],
    min_customers: int,
) -> str:
    ids = [theme.theme_id for theme in themes if theme.is_detailed]
    drafted = draft_report(connection, ids, min_customers, [name for name in segments if name])
    stories = [each.word(lang) for lang in list_languages() for each in drafted]
    return pack_claims(describe_claims(connection, stories, min_customers))


def _find_weeks(spoken: Spoken, last_run: RunFacts | None) -> Weeks:
    said = spoken.feedback["week"][spoken.feedback["reason"] < 0]
    dated = np.sort(said[said != UNDATED])
    if not len(dated):
        return Weeks()
    now = last_run and (last_run.finished_at or last_run.started_at)
    past = dated[dated <= week_number(now.date())] if now else dated
    last = int(past[-1]) if len(past) else int(dated[-1])
    first, most = int(dated[0]), int(dated[int(len(dated) * _EARLY_SHARE)])
    drawn = most if most - first > _EARLY_TIME * (last - first) else first
    every = spoken.feedback["week"][spoken.feedback["week"] != UNDATED]
    return Weeks(int(every.min()), last, min(drawn, last), int(every.max()))


def _hide_segments(spoken: Spoken, shown: Collection[str]) -> Spoken:
    """The same, where customers of segments that are not shown have none."""
    names = enumerate(spoken.names["segment"])
    kept = np.array([place if name in shown else -1 for place, name in names], dtype=np.int32)
    mentions, said = (
        each.renumbered("segment", kept) for each in (spoken.mentions, spoken.feedback)
    )
    return replace(spoken, mentions=mentions, feedback=said)


def _name(spoken: Spoken, cells: Cells) -> dict[str, tuple[str, ...]]:
    """The names of what the cells number; of segments, those that have a cell."""
    shown = set(cells.segments["segment"].tolist())
    names = {kind: tuple(found) for kind, found in spoken.names.items()}
    segments = names["segment"]
    names["segment"] = tuple(
        name if place in shown else "" for place, name in enumerate(segments, 1)
    )
    return names


def _find_main_langs(spoken: Spoken) -> tuple[str, ...]:
    """The languages that count as such; the others are one-offs or could not be told."""
    langs = spoken.names["lang"]
    sizes = np.bincount(spoken.feedback["lang"], minlength=len(langs)).tolist()
    total = sum(sizes)
    return tuple(
        lang for lang, n in zip(langs, sizes, strict=True) if is_main_language(lang, n, total)
    )


def _group_of(themes: tuple[ThemeFacts, ...], groups: tuple[GroupFacts, ...]) -> list[int]:
    numbers = {place: number for number, group in enumerate(groups) for place in group.places}
    return [numbers.get(place, -1) for place in range(len(themes))]


def _read_dates(connection: Connection) -> tuple[datetime | None, datetime | None]:
    at = feedback.c.occurred_at
    first, last = connection.execute(select(func.min(at), func.max(at)).where(is_counted)).one()
    return first, last


def _count_rejected(connection: Connection) -> dict[str, dict[str, int]]:
    """Rows that could not be used, by reason and source; the most frequent reason comes first."""
    source = func.coalesce(rejected.c.source, "")
    query = select(rejected.c.reason, rejected.c.source, func.count())
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for reason, a_source, n in connection.execute(
        query.group_by(rejected.c.reason, rejected.c.source).order_by(source)
    ):
        found[reason][a_source or ""] = n
    return dict(sorted(found.items(), key=lambda item: (-sum(item[1].values()), item[0])))


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
