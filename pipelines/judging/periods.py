"""The step that counts themes by period and judges what is a trend and what is not."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, and_, select, update

from pipelines import tables
from pipelines.anonymity import keep_min_customers
from pipelines.counted import is_one_of
from pipelines.judging.counts import (
    EVERYBODY,
    PERIODS,
    count_exposures,
    count_periods,
    find_last_reading,
    find_shown_segments,
    period_start,
    read_second_sources,
)
from pipelines.judging.marking import JUDGED, mark_weeks
from pipelines.judging.series import Calendar, Group, Row, gather_groups
from pipelines.judging.timeline import find_timeline
from pipelines.judging.verdicts import (
    FALSE_DISCOVERY_RATE,
    VERDICTS,
    Evidence,
    Judged,
    conclude,
    stack_evidence,
    weigh_series,
)
from pipelines.judging.voices import Voices, gather_voices
from pipelines.runs import Run
from pipelines.upserts import replace_rows, round_floats

_period = tables.theme_period.c
_Exposure = Mapping[str, Mapping[str, Mapping[datetime, int]]]


def judge_periods(
    run: Run, themes: Collection[str] | None = None, min_customers: int | None = None
) -> int:
    """Bring theme_period and the verdicts of themes up to date.

    Verdicts hang together: the weeks of all themes are judged anew, whichever were counted anew.

    :param themes: those whose mentions may have changed since periods were last judged; None for
        all.
    :param min_customers: that a segment must have who were heard, or it is counted nowhere: it
        would tell of persons; None for as many as the last time.
    :returns: number of rows that were written; 0 when nothing had changed.
    """
    k = keep_min_customers(run.connection, min_customers)
    if run.is_current("judged"):
        return 0
    connection = run.connection
    with gather_voices(connection, period_start(connection, "day"), themes) as voices:
        exposure = _count_exposure(connection, k, voices)
        # As they are stored: those of other themes are read again, and all are judged together.
        rows = [
            round_floats(row)
            for row in count_periods(connection, voices)
            if row["segment"] in exposure["day"]
        ]
    others = [] if themes is None else _read_others(connection, themes)
    weeks, verdicts = _judge_rows(connection, [*rows, *others], exposure["day"])
    rest = (row for row in rows if row["period"] != "week")
    among = and_(is_one_of(_period.theme_id, themes), _period.period != "week")
    written = replace_rows(
        connection, tables.theme_period, _finish_rows(rest, exposure), among
    ) + replace_rows(
        connection, tables.theme_period, _finish_rows(weeks, exposure), _period.period == "week"
    )
    written += _write_theme_verdicts(run, verdicts)
    run.mark_current("judged")
    return written


def _count_exposure(connection: Connection, k: int, voices: Voices) -> _Exposure:
    """By period: voices of everybody and of every segment that may be shown beside these."""
    shown = {EVERYBODY, *find_shown_segments(connection, k)}
    return {
        period: {
            segment: counts
            for segment, counts in count_exposures(connection, period, voices).items()
            if segment in shown
        }
        for period in PERIODS
    }


def _read_others(connection: Connection, without: Collection[str]) -> list[Row]:
    """The stored days and weeks of other themes, as they were counted."""
    counted = [column for column in tables.theme_period.c if column.name not in JUDGED]
    query = select(*counted).where(
        _period.period != "month", _period.theme_id.not_in(without), _period.n_feedback > 0
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _read_muted(connection: Connection) -> set[str]:
    """Themes that people do not want to hear of: nothing is claimed about them."""
    theme = tables.theme.c
    query = select(theme.theme_id).where(theme.status == "muted")
    return set(connection.execute(query).scalars())


def _judge_rows(
    connection: Connection, rows: Sequence[Row], exposure: Mapping[str, Mapping[datetime, int]]
) -> tuple[list[Row], dict[str, str | None]]:
    """The rows of all weeks, and the verdict of every theme as it is now.

    :param exposure: voices by day, of everybody and of segments.
    """
    weeks = {_key(row): row for row in rows if row["period"] == "week"}
    volume = {at.date(): n for at, n in exposure[EVERYBODY].items()}
    timeline = find_timeline(volume, find_last_reading(connection))
    if timeline is None:
        return list(weeks.values()), {}
    calendar = Calendar(timeline, timeline.list_looks())
    muted = _read_muted(connection)
    heard = (row for row in rows if row["theme_id"] not in muted)
    groups = gather_groups(heard, exposure, calendar)
    verdicts: dict[str, str | None] = {}
    everybody = [group for group in groups if group.segment == EVERYBODY]
    segments = [group for group in groups if group.segment != EVERYBODY]
    for family in (everybody, segments):
        for group, evidence, judged in _judge_family(connection, family, calendar):
            weeks.update((_key(row), row) for row in mark_weeks(group, evidence, judged, calendar))
            if group.segment == EVERYBODY:
                now = (VERDICTS[code] or None for code in judged.verdict[:, -1])
                verdicts = dict(zip(group.theme_ids, now, strict=True))
    return list(weeks.values()), verdicts


def _key(row: Row) -> tuple[Any, ...]:
    return row["theme_id"], row["period_start"], row["segment"]


def _judge_family(
    connection: Connection, groups: Sequence[Group], calendar: Calendar
) -> Iterator[tuple[Group, Evidence, Judged]]:
    """Judge groups whose series are corrected together."""
    if not groups:
        return
    first = calendar.timeline.first
    parts = [weigh_series(group.counts, group.exposure, calendar.looks, first) for group in groups]
    together = stack_evidence(parts)
    judged = conclude(together, _find_broad(connection, groups, together, calendar))
    start = 0
    for group, evidence in zip(groups, parts, strict=True):
        own = slice(start, start + len(group.theme_ids))
        yield group, evidence, Judged(*(array[own] for array in vars(judged).values()))
        start = own.stop


def _find_broad(
    connection: Connection, groups: Sequence[Group], evidence: Evidence, calendar: Calendar
) -> NDArray[np.bool_]:
    """New series that more than one source had heard of by a look; asked where it matters."""
    keys = [(theme_id, group.segment) for group in groups for theme_id in group.theme_ids]
    is_open = evidence.is_new & (evidence.rise == 1) & (evidence.surge <= FALSE_DISCOVERY_RATE)
    asked = sorted({keys[place][0] for place in np.flatnonzero(is_open.any(axis=1))})
    is_broad = np.zeros(is_open.shape, bool)
    if asked:
        since = read_second_sources(connection, asked)
        days = [since[key].toordinal() if key in since else np.inf for key in keys]
        is_broad = calendar.looks + calendar.timeline.first >= np.array(days)[:, None]
    return is_broad


def _finish_rows(rows: Iterable[Row], exposure: _Exposure) -> Iterator[Row]:
    """Rows with every column of the table, whether or not they were judged."""
    for row in rows:
        voices = exposure[row["period"]].get(row["segment"], {})
        exposed = {"n_exposed": voices.get(row["period_start"])}
        yield {**dict.fromkeys(JUDGED), **row, **exposed}


def _write_theme_verdicts(run: Run, verdicts: Mapping[str, str | None]) -> int:
    theme = tables.theme.c
    written = 0
    for theme_id, before in run.connection.execute(select(theme.theme_id, theme.verdict)).all():
        now = verdicts.get(theme_id)
        if now != before:
            run.connection.execute(
                update(tables.theme)
                .where(theme.theme_id == theme_id)
                .values(verdict=now, updated_run=run.run_id)
            )
            written += 1
    return written
