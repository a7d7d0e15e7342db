"""From rows of theme_period to arrays and back: the days and weeks of themes and of segments."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.judging.timeline import Timeline
from pipelines.judging.windows import Floats, Places

Row = dict[str, Any]


@dataclass(frozen=True)
class Group:
    """Series that share their exposure: all themes of everybody, or those of a segment.

    :param counts: series x days: fresh voices.
    :param exposure: voices of each day.
    :param weeks: rows by series and week, see `Calendar.week_at`.
    """

    segment: str
    theme_ids: Sequence[str]
    counts: NDArray[np.float32]
    exposure: Floats
    weeks: Mapping[tuple[int, int], Row]


@dataclass(frozen=True)
class Calendar:
    """The looks at a timeline, each at the end of a week but for the last.

    :param looks: places of days.
    """

    timeline: Timeline
    looks: Places

    def day_at(self, at: datetime) -> int | None:
        """The place of a day; None outside of the timeline."""
        place = at.date().toordinal() - self.timeline.first
        return place if 0 <= place < self.timeline.n_days else None

    def week_at(self, at: datetime) -> int | None:
        """The place of the look at the end of the week that begins on this Monday."""
        monday = at.date().toordinal() - self.timeline.first
        if monday >= self.timeline.n_days or monday <= -7:
            return None
        return int(np.searchsorted(self.looks, monday))

    def monday_of(self, look: int) -> datetime:
        """The first moment of the week of a look."""
        day = int(self.looks[look]) + self.timeline.first
        midnight = datetime.fromordinal(day).replace(tzinfo=UTC)
        return midnight - timedelta(days=midnight.weekday())


def gather_groups(
    rows: Iterable[Row],
    exposure: Mapping[str, Mapping[datetime, int]],
    calendar: Calendar,
) -> list[Group]:
    """Sort counted rows into groups, in an order that no order of rows changes.

    :param rows: of theme_period; those of segments that are not in the exposure are left out.
    :param exposure: voices by day, of each segment.
    """
    days: dict[str, dict[str, list[Row]]] = {segment: {} for segment in exposure}
    weeks: dict[str, dict[str, list[Row]]] = {segment: {} for segment in exposure}
    for row in rows:
        kept = {"day": days, "week": weeks}.get(row["period"])
        if kept is not None and row["segment"] in kept:
            kept[row["segment"]].setdefault(row["theme_id"], []).append(row)
    return [
        _gather_group(segment, days[segment], weeks[segment], exposure[segment], calendar)
        for segment in sorted(exposure)
        if days[segment]
    ]


def _gather_group(
    segment: str,
    days: Mapping[str, Sequence[Row]],
    weeks: Mapping[str, Sequence[Row]],
    exposure: Mapping[datetime, int],
    calendar: Calendar,
) -> Group:
    theme_ids = sorted(days)
    counts = np.zeros((len(theme_ids), calendar.timeline.n_days), np.float32)
    placed: dict[tuple[int, int], Row] = {}
    for series, theme_id in enumerate(theme_ids):
        for row in days[theme_id]:
            if (day := calendar.day_at(row["period_start"])) is not None:
                counts[series, day] = row["n_fresh"]
        for row in weeks.get(theme_id, ()):
            if (week := calendar.week_at(row["period_start"])) is not None:
                placed[series, week] = row
    return Group(segment, theme_ids, counts, _spread(exposure, calendar), placed)


def _spread(exposure: Mapping[datetime, int], calendar: Calendar) -> Floats:
    voices = np.zeros(calendar.timeline.n_days)
    for day, n in exposure.items():
        if (place := calendar.day_at(day)) is not None:
            voices[place] = n
    return voices
