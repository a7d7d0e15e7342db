"""What the store knows of each theme now: its voices, their feelings and places, its growth."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from pipelines import tables
from pipelines.attention.comparison import list_active
from pipelines.attention.estimates import Sample, add_samples
from pipelines.attention.settings import AttentionSettings
from pipelines.attention.signal_parts import Measures, measure_likeness
from pipelines.attention.voices import (
    ThemeVoices,
    count_all_voices,
    count_voices,
    find_start,
    is_since,
    join_customers,
    read_theme_voices,
)
from pipelines.counted import counted_mentions, feedback

ALL = "all"
# The running week may be a day old, and a trend is one of a fortnight.
_LATEST_WEEKS = 2
_customer, _period = tables.customer.c, tables.theme_period.c


@dataclass(frozen=True)
class Now:
    """The voices of the newest feedback.

    :param start: since when it counts as new; None for all.
    :param by_segment: voices of each active theme by segment; None is that of who has none.
    :param by_source: the same by source, counted.
    :param segments: all voices by segment.
    :param sources: all voices by source.
    :param n_all: all voices.
    """

    start: datetime | None
    by_segment: Mapping[str, Mapping[str | None, ThemeVoices]]
    by_source: Mapping[str, Mapping[str, int]]
    segments: Mapping[str, int]
    sources: Mapping[str, int]
    n_all: int

    def count(self, theme_id: str) -> int:
        """Voices of a theme."""
        return sum(each.n for each in self.by_segment.get(theme_id, {}).values())

    def sample(self, theme_id: str) -> Sample:
        """The feelings of all voices of a theme."""
        return add_samples(each.sample for each in self.by_segment.get(theme_id, {}).values())


def read_now(connection: Connection, settings: AttentionSettings, until: datetime) -> Now:
    """Read the voices of the newest feedback.

    :param until: what is dated later is not looked at to know what is new.
    """
    start = find_start(connection, settings.days, until)
    active, is_now = frozenset(list_active(connection)), is_since(start)
    by_segment: dict[str, dict[str | None, ThemeVoices]] = defaultdict(dict)
    by_source: dict[str, dict[str, int]] = defaultdict(dict)
    joined = join_customers(counted_mentions, outer=True)
    for each in read_theme_voices(connection, _customer.segment, is_now, joined=joined):
        if each.theme_id in active:
            by_segment[each.theme_id][each.group] = each
    for each in read_theme_voices(connection, feedback.source, is_now):
        if each.theme_id in active:
            by_source[each.theme_id][str(each.group)] = each.n
    segments = count_voices(
        connection, _customer.segment, is_now, joined=join_customers(tables.feedback)
    )
    sources = count_voices(connection, feedback.source, is_now)
    n_all = count_all_voices(connection, is_now)
    for theme_id in active:
        by_segment.setdefault(theme_id, {})
    return Now(start, by_segment, by_source, segments, sources, n_all)


def measure_themes(
    connection: Connection, now: Now, stakes: Mapping[str, float]
) -> dict[str, Measures]:
    """What each active theme is scored by.

    :param stakes: share of all there is to lose that goes with a theme, at the lower end.
    """
    growth = read_growth(connection)
    return {
        theme_id: Measures(
            n=now.count(theme_id),
            n_all=now.n_all,
            sample=now.sample(theme_id),
            strength=sum(each.strength for each in voices.values()),
            ratio_low=growth.get(theme_id),
            stake_low=stakes.get(theme_id),
            spread=_measure_spread(theme_id, now),
        )
        for theme_id, voices in sorted(now.by_segment.items())
    }


def read_growth(connection: Connection) -> dict[str, float]:
    """The lower end of the ratio of voices to those expected, in the better of the latest weeks.

    A theme that was judged and has no voice in these weeks has 0.
    """
    theme = tables.theme.c
    is_judged = (_period.period == "week", _period.segment == ALL, _period.ratio_low.is_not(None))
    weeks = select(_period.period_start).where(*is_judged).distinct()
    latest = weeks.order_by(_period.period_start.desc()).limit(_LATEST_WEEKS)
    query = (
        select(_period.theme_id, func.max(_period.ratio_low))
        .where(*is_judged, _period.period_start.in_(latest))
        .group_by(_period.theme_id)
    )
    judged = select(theme.theme_id).where(theme.verdict.is_not(None))
    silent = dict.fromkeys(connection.execute(judged).scalars(), 0.0)
    return {**silent, **dict(connection.execute(query).all())}


def _measure_spread(theme_id: str, now: Now) -> float | None:
    """How alike a theme's voices are to all voices, by source and by segment.

    Each of the two counts by how many voices it is known of: most may be nobody's.
    """
    voices = now.by_segment.get(theme_id, {})
    own = {name: each.n for name, each in voices.items() if name is not None}
    places = [(now.by_source.get(theme_id, {}), now.sources), (own, now.segments)]
    known = [
        (sum(part.values()), likeness)
        for part, everybody in places
        if (likeness := measure_likeness(part, everybody)) is not None
    ]
    n = sum(weight for weight, _ in known)
    return sum(weight * likeness for weight, likeness in known) / n if n else None
