"""Why nothing is said of a theme: the reasons of those without a verdict."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, and_, func, select

from pipelines import tables
from pipelines.id_batches import batch_ids
from pipelines.judging.counts import EVERYBODY, count_exposure, find_last_reading
from pipelines.judging.timeline import find_timeline
from pipelines.judging.windows import MIN_PAST_WEEKS, QUESTIONS
from pipelines.store import read_info

MEANINGS: Final = {
    "muted": "it is muted, so nothing is claimed about it",
    "undated": "none of its feedback has a date",
    "short_past": f"the store holds fewer than {MIN_PAST_WEEKS} weeks of feedback from before the "
    "last fortnight, too few to expect anything",
    "not_heard": "nobody spoke of it in the year up to the latest feedback",
    "not_judged": "it was not judged since it changed; do it with: earful judge",
}
_period, _theme = tables.theme_period.c, tables.theme.c


def explain_silence(connection: Connection, theme_ids: Collection[str]) -> dict[str, str]:
    """Reasons of those of these themes that have no verdict.

    :returns: by theme_id one of MEANINGS.
    """
    if not theme_ids:
        return {}
    volume = {at.date(): n for at, n in count_exposure(connection, "day").items()}
    timeline = find_timeline(volume, find_last_reading(connection))
    is_judged = read_info(connection, "judged_version") is not None
    is_short, since = True, datetime.max.replace(tzinfo=UTC)
    if timeline is not None:
        past = timeline.last - min(question.gap for question in QUESTIONS)
        days = (day.toordinal() for day in volume)
        weeks = {(day - 1) // 7 for day in days if timeline.first <= day <= past}
        is_short = len(weeks) < MIN_PAST_WEEKS
        since = datetime.fromordinal(timeline.last).replace(tzinfo=UTC) - timedelta(days=363)
    reasons = {}
    for theme_id, status, last in _read_silent(connection, theme_ids):
        if status == "muted":
            reasons[theme_id] = "muted"
        elif last is None:
            reasons[theme_id] = "undated" if is_judged else "not_judged"
        elif is_short:
            reasons[theme_id] = "short_past"
        else:
            reasons[theme_id] = "not_heard" if last < since else "not_judged"
    return reasons


def _read_silent(
    connection: Connection, theme_ids: Collection[str]
) -> list[tuple[str, str, datetime | None]]:
    """Themes without a verdict, with their status and the last day on which they were heard of."""
    heard = and_(
        _period.theme_id == _theme.theme_id, _period.period == "day", _period.segment == EVERYBODY
    )
    query = (
        select(_theme.theme_id, _theme.status, func.max(_period.period_start))
        .select_from(tables.theme.outerjoin(tables.theme_period, heard))
        .where(_theme.verdict.is_(None))
        .group_by(_theme.theme_id, _theme.status)
    )
    found: list[tuple[str, str, datetime | None]] = []
    for batch in batch_ids(sorted(theme_ids)):
        rows = connection.execute(query.where(_theme.theme_id.in_(batch)))
        found += [(theme_id, status, last) for theme_id, status, last in rows]
    return found
