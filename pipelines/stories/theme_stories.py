"""The story of a theme: what happens, to whom, since when, how it feels, what it costs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from pipelines import tables
from pipelines.judging.counts import find_told_segments
from pipelines.stories.cost_parts import tell_fixes, tell_impact, tell_priorities
from pipelines.stories.evidence import (
    Counted,
    LastRun,
    Row,
    Week,
    count,
    name_theme,
    read_by_theme,
    read_events,
    read_last_run,
    read_priorities,
    read_themes,
    read_weeks,
)
from pipelines.stories.facts import Fact
from pipelines.stories.quotes import draft_quotes, read_theme_quotes
from pipelines.stories.sentences import Draft, make_drafts
from pipelines.stories.theme_parts import (
    tell_actions,
    tell_comparison,
    tell_feeling,
    tell_languages,
    tell_last_run,
    tell_reach,
    tell_segment,
    tell_signal,
    tell_week,
)


@dataclass(frozen=True)
class ThemeEvidence:
    """Everything that themes' stories are made of, read at once for all of them."""

    themes: Mapping[str, Row]
    whole: Counted
    by_lang: Counted
    by_segment: Counted
    added: Counted
    actions: Counted
    run: LastRun | None
    weeks: Mapping[str, Week]
    events: Mapping[str, Sequence[Row]]
    derived: Mapping[str, Mapping[str, Sequence[Row]]]
    priorities: Sequence[Row]
    quotes: Mapping[str, Sequence[Row]]

    def rows(self, table: str, theme_id: str) -> Sequence[Row]:
        """Rows of a derived table about a theme."""
        return self.derived[table].get(theme_id, ())

    def name(self, theme_id: str) -> Fact:
        """What a theme is called, as it may be shown."""
        return name_theme(self.themes[theme_id])


def read_theme_evidence(
    connection: Connection, theme_ids: Collection[str], k: int
) -> ThemeEvidence:
    """Read what the stories of some themes are made of.

    :param k: no segment of fewer customers, or by which fewer could be reckoned, is among it.
    """
    among = {"theme_id": theme_ids}
    run = read_last_run(connection)
    whole = count(connection, "mention", ["theme_id"], among)
    in_segments = {**among, "segment": find_told_segments(connection, k)}
    of_run = {**among, "run_id": [run.run_id] if run else []}
    derived = ("theme_impact", "theme_fix", "theme_signal", "comparison")
    shares = {
        key: {side: row[f"share_{side}"] for side in ("negative", "positive")}
        for (key,), row in whole.rows.items()
    }
    return ThemeEvidence(
        themes=read_themes(connection, theme_ids),
        whole=whole,
        by_lang=count(connection, "mention", ["theme_id", "lang"], among),
        by_segment=count(connection, "mention", ["theme_id", "segment"], in_segments),
        added=count(connection, "mention", ["run_id", "theme_id"], of_run),
        actions=count(connection, "action", ["theme_id"], among),
        run=run,
        weeks=read_weeks(connection, theme_ids),
        events=read_events(connection, run, theme_ids),
        derived={
            name: read_by_theme(connection, tables.metadata.tables[name], theme_ids)
            for name in derived
        },
        priorities=read_priorities(connection, theme_ids),
        quotes=read_theme_quotes(connection, theme_ids, shares),
    )


def draft_theme(found: ThemeEvidence, theme_id: str, k: int) -> list[Draft]:
    """The sentences of a theme's story.

    :param k: of fewer customers nothing is said.
    """
    row, name = found.themes[theme_id], found.name(theme_id)
    told: list[Any] = [tell_reach(row, name)]
    if row["n_customers"]:
        told += [
            tell_languages(found.whole, found.by_lang, theme_id),
            tell_segment(found.by_segment, found.whole, theme_id, k),
            tell_feeling(found.whole, theme_id),
        ]
    own = [each for each in found.priorities if each["theme_id"] == theme_id]
    return make_drafts(
        *told,
        tell_comparison(found.rows("comparison", theme_id), k),
        tell_week(found.weeks.get(theme_id), name),
        tell_last_run(found.run, found.added, theme_id, found.events.get(theme_id, ())),
        tell_impact(found.rows("theme_impact", theme_id)),
        tell_fixes(found.rows("theme_fix", theme_id)),
        tell_priorities(own[:1], {theme_id: name}, k),
        tell_signal(row, found.rows("theme_signal", theme_id)),
        tell_actions(found.actions, theme_id),
        draft_quotes(found.quotes.get(theme_id, ())),
    )
