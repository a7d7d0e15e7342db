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
from pipelines.judge import count_exposure
from pipelines.verdicts import ThemeWeeks, WeekVerdict, judge_themes

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
Verdicts = Mapping[str, WeekVerdict]


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
        for theme_id, verdict in sorted(weeks.judge(weeks.latest).items()):
            row = themes.get(theme_id)
            if row is None or end < since[rule.name] or not weeks.suits(rule, theme_id, verdict):
                continue
            if rule.max_sentiment is not None and (row["sentiment"] or 0.0) > rule.max_sentiment:
                continue
            began = weeks.find_begin(rule, theme_id, weeks.latest)
            yield _describe(connection, rule, row, verdict, began, weeks.count(theme_id, end))


def _describe(
    connection: Connection,
    rule: ThemeRule,
    row: Mapping[str, Any],
    verdict: WeekVerdict,
    began: datetime,
    voices: int,
) -> Occasion:
    facts = {
        "theme": row["name"],
        "verdict": verdict.verdict,
        "week": f"{verdict.week:%Y-%m-%d}",
        "since": f"{began:%Y-%m-%d}",
        "voices": voices,
        **{
            name: round(float(getattr(verdict, name)), 4)
            for name in ("expected", "ratio", "ratio_low", "ratio_high", "q_value")
        },
    }
    if rule.max_sentiment is not None:
        facts["sentiment"] = round(row["sentiment"] or 0.0, 4)
    reason = (
        f"{voices:,} voices in the week of {verdict.week:%Y-%m-%d}, {verdict.expected:,.1f} "
        f"expected ({verdict.ratio:,.1f} times, 95 % {verdict.ratio_low:,.1f} to "
        f"{verdict.ratio_high:,.1f}; q {verdict.q_value:.3f})"
    )
    return Occasion(
        rule,
        what=f"{began:%Y-%m-%d}",
        at=verdict.week + _WEEK,
        title=f"{rule.title or verdict.verdict}: {row['name']}",
        reason=reason,
        facts=facts,
        mentions=_read_evidence(connection, row["theme_id"], began, verdict.week + _WEEK),
        theme_id=row["theme_id"],
    )


class _Weeks:
    """Verdicts of the weeks that are over, each judged as if it were the latest."""

    def __init__(self, connection: Connection, until: datetime) -> None:
        exposure = count_exposure(connection)
        self.exposure = {week: n for week, n in exposure.items() if week + _WEEK <= until}
        self.latest = max(self.exposure, default=None)
        self._voices = _read_voices(connection)
        self._judged: dict[datetime, Verdicts] = {}

    def judge(self, week: datetime) -> Verdicts:
        """Verdicts by theme, from what was known when a week was over."""
        if week not in self._judged:
            known = [
                ThemeWeeks(theme, {at: n for at, n in voices.items() if at <= week})
                for theme, voices in sorted(self._voices.items())
            ]
            exposure = {at: n for at, n in self.exposure.items() if at <= week}
            self._judged[week] = judge_themes(known, exposure) if week in exposure else {}
        return self._judged[week]

    def suits(self, rule: ThemeRule, theme_id: str, verdict: WeekVerdict | None) -> bool:
        """Whether a verdict is one that the rule asks for."""
        if verdict is None or verdict.verdict not in rule.verdicts:
            return False
        return self._voices[theme_id].get(verdict.week, 0) >= rule.min_voices

    def find_begin(self, rule: ThemeRule, theme_id: str, began: datetime) -> datetime:
        """The first of the weeks up to this one, without a gap, in which the rule held."""
        while self.suits(rule, theme_id, self.judge(began - _WEEK).get(theme_id)):
            began -= _WEEK
        return began

    def count(self, theme_id: str, end: datetime) -> int:
        """Distinct voices of the week that ends then."""
        return self._voices[theme_id].get(end - _WEEK, 0)


def _read_voices(connection: Connection) -> dict[str, dict[datetime, int]]:
    """Voices by week of themes that people want to hear of."""
    period, theme = tables.theme_period.c, tables.theme.c
    query = (
        select(period.theme_id, period.period_start, period.n_customers)
        .join(tables.theme, theme.theme_id == period.theme_id)
        .where(period.period == "week", period.segment == "all", theme.status != "muted")
    )
    voices: dict[str, dict[datetime, int]] = defaultdict(dict)
    for theme_id, start, n in connection.execute(query):
        voices[theme_id][start] = n
    return voices


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
