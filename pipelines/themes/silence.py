"""Themes that fall silent, and those that are heard again."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from pipelines import tables
from pipelines.runs import Run
from pipelines.themes.events import ThemeEvent, record_events
from pipelines.themes.pool import Fate, Pool

# A theme has faded after so many runs with less than a quarter of its usual share, when it missed
# so many texts: none of 5 expected happens by chance in 0.7 % of the cases.
MIN_QUIET_RUNS = 3
MIN_MISSED = 5.0
_QUIET_SHARE = 0.25


def note_silence(run: Run, pool: Pool, fates: Mapping[str, Fate]) -> None:
    """Count for each theme the runs without it, and tell when it faded and when it came back."""
    new = [key for key, is_new in zip(pool.keys, pool.is_new, strict=True) if is_new]
    before = Counter(theme_id for theme_id in pool.themes if theme_id is not None)
    n_before = len(pool.keys) - len(new)
    if not new or not n_before:
        return
    got = Counter(fates[key].theme_id for key in new if key in fates)
    theme = tables.theme.c
    columns = (theme.theme_id, theme.found_status, theme.n_quiet_runs, theme.n_missed)
    query = select(*columns).where(theme.theme_id.in_(list(before))).order_by(theme.theme_id)
    events = []
    for row in run.connection.execute(query).all():
        expected = before[row.theme_id] / n_before * len(new)
        events += _note_theme(run, row, got[row.theme_id], expected)
    record_events(run, events)


def _note_theme(run: Run, row: Any, n_got: int, expected: float) -> list[ThemeEvent]:
    is_quiet = n_got < max(_QUIET_SHARE * expected, 1e-9) or not n_got
    n_runs = (row.n_quiet_runs or 0) + 1 if is_quiet else 0
    n_missed = round((row.n_missed or 0.0) + expected - n_got, 3) if is_quiet else 0.0
    status, events = row.found_status, []
    if not is_quiet and status == "faded":
        status = "active"
        detail = {"n_texts": n_got, "after_runs": row.n_quiet_runs, "missed": row.n_missed}
        events = [ThemeEvent(row.theme_id, "revived", detail)]
    elif status == "active" and n_runs >= MIN_QUIET_RUNS and n_missed >= MIN_MISSED:
        status = "faded"
        events = [ThemeEvent(row.theme_id, "faded", {"n_runs": n_runs, "missed": n_missed})]
    values = {"found_status": status, "n_quiet_runs": n_runs, "n_missed": n_missed}
    if values != {name: getattr(row, name) for name in values}:
        run.connection.execute(
            update(tables.theme).where(tables.theme.c.theme_id == row.theme_id).values(**values)
        )
    return events
