"""Occasions of themes: those whose verdict turned, judged over the weeks that are over.

The week that is running is left out: what it says on a Tuesday may be gone by Sunday.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from pipelines import tables
from pipelines.actions.occasions import MAX_EVIDENCE, Occasion
from pipelines.actions.rules import ThemeRule
from pipelines.counted import counted_mentions, feedback, is_counted, mention
from pipelines.judging.counts import EVERYBODY, count_exposure

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_INTERVAL = ("expected", "ratio", "ratio_low", "ratio_high", "q_value")


def find_themes(
    connection: Connection,
    rules: Sequence[ThemeRule],
    since: Mapping[str, datetime],
    now: datetime,
    as_of: datetime,
) -> Iterator[Occasion]:
    """The themes of each rule; the occasion is the week in which the verdict turned.

    A week is over when it has ended and the store knows of its last day or of a later one.

    :param since: by name of rule, from when on weeks count.
    :param as_of: the newest moment that the store knows of.
    """
    weeks = _Weeks(connection, min(now, as_of + _DAY)) if rules else None
    if weeks is None or weeks.latest is None:
        return
    end = weeks.latest + _WEEK
    themes = _read_themes(connection)
    for rule in rules:
        for theme_id, row in sorted(themes.items()):
            week = weeks.find(theme_id, weeks.latest)
            if end < since[rule.name] or week is None or not _suits(rule, week):
                continue
            if rule.max_sentiment is not None and (row["sentiment"] or 0.0) > rule.max_sentiment:
                continue
            began = weeks.find_begin(rule, theme_id, weeks.latest)
            yield _describe(connection, rule, row, week, began)


def _describe(
    connection: Connection,
    rule: ThemeRule,
    row: Mapping[str, Any],
    week: Mapping[str, Any],
    began: datetime,
) -> Occasion:
    start, voices = week["period_start"], week["n_customers"]
    known = {name: week[name] for name in _INTERVAL if week[name] is not None}
    facts = {
        "theme": row["name"],
        "verdict": week["verdict"],
        "week": f"{start:%Y-%m-%d}",
        "since": f"{began:%Y-%m-%d}",
        "voices": voices,
        **{name: round(float(value), 4) for name, value in known.items()},
    }
    if rule.max_sentiment is not None:
        facts["sentiment"] = round(row["sentiment"] or 0.0, 4)
    reason = f"{voices:,} voices in the week of {start:%Y-%m-%d}"
    if len(known) == len(_INTERVAL):
        reason += (
            f", {known['expected']:,.1f} expected ({known['ratio']:,.1f} times, 95 % "
            f"{known['ratio_low']:,.1f} to {known['ratio_high']:,.1f}; q {known['q_value']:.3f})"
        )
    return Occasion(
        rule,
        what=f"{began:%Y-%m-%d}",
        at=start + _WEEK,
        title=f"{rule.title or week['verdict']}: {row['name']}",
        reason=reason,
        facts=facts,
        mentions=_read_evidence(connection, row["theme_id"], began, start + _WEEK),
        theme_id=row["theme_id"],
    )


class _Weeks:
    """The weeks that are over, as they were judged when they ended."""

    def __init__(self, connection: Connection, until: datetime) -> None:
        weeks = (week for week in count_exposure(connection) if week + _WEEK <= until)
        self.latest = max(weeks, default=None)
        self._judged = _read_weeks(connection)

    def find(self, theme_id: str, week: datetime) -> Mapping[str, Any] | None:
        """What was counted and judged of a theme in the week that begins then."""
        return self._judged.get(theme_id, {}).get(week)

    def find_begin(self, rule: ThemeRule, theme_id: str, began: datetime) -> datetime:
        """The first of the weeks up to this one, without a gap, in which the rule held."""
        while (week := self.find(theme_id, began - _WEEK)) and _suits(rule, week):
            began -= _WEEK
        return began


def _suits(rule: ThemeRule, week: Mapping[str, Any]) -> bool:
    """Whether a week was as the rule asks for."""
    return week["verdict"] in rule.verdicts and week["n_customers"] >= rule.min_voices


def _read_weeks(connection: Connection) -> dict[str, dict[datetime, Mapping[str, Any]]]:
    """Weeks of themes that people want to hear of."""
    period, theme = tables.theme_period.c, tables.theme.c
    query = (
        select(tables.theme_period)
        .join(tables.theme, theme.theme_id == period.theme_id)
        .where(period.period == "week", period.segment == EVERYBODY, theme.status != "muted")
        .where(period.verdict.is_not(None))
    )
    weeks: dict[str, dict[datetime, Mapping[str, Any]]] = defaultdict(dict)
    for row in connection.execute(query).mappings():
        weeks[row["theme_id"]][row["period_start"]] = dict(row)
    return weeks


def _read_themes(connection: Connection) -> dict[str, Mapping[str, Any]]:
    theme = tables.theme.c
    query = select(theme.theme_id, theme.name, theme.sentiment).where(theme.status == "active")
    return {row["theme_id"]: dict(row) for row in connection.execute(query).mappings()}


def _read_evidence(
    connection: Connection, theme_id: str, start: datetime, end: datetime
) -> tuple[str, ...]:
    """The mentions of these weeks that fit the theme best."""
    query = (
        select(mention.mention_id)
        .select_from(counted_mentions)
        .where(is_counted, mention.theme_id == theme_id)
        .where(feedback.occurred_at >= start, feedback.occurred_at < end)
        .order_by(mention.theme_strength.desc().nulls_last(), mention.mention_id)
        .limit(MAX_EVIDENCE)
    )
    return tuple(connection.execute(query).scalars())
