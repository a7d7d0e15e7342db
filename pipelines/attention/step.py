"""The step that says what deserves attention: scores, priorities, comparisons and coverage."""

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from pipelines import tables
from pipelines.attention.comparison import compare_columns
from pipelines.attention.coverage import cover_customers
from pipelines.attention.effects import Effect, read_effects
from pipelines.attention.measures import measure_themes, read_growth, read_now
from pipelines.attention.priorities import choose_priorities
from pipelines.attention.settings import (
    PRODUCT,
    AttentionSettings,
    keep_attention_settings,
)
from pipelines.attention.signal_parts import Part, score_theme, sum_points
from pipelines.odata.stored import read_history
from pipelines.runs import Run
from pipelines.store import read_info, write_info
from pipelines.upserts import replace_rows, round_floats

_TOLD = "ranked_from"


def rank_themes(run: Run, settings: AttentionSettings | None = None) -> int:
    """Bring signal scores, priorities, comparisons and coverage up to date.

    :param settings: as configured; None for those of the last time.
    :returns: number of rows that were written; 0 when nothing had changed.
    """
    settings = keep_attention_settings(run.connection, settings)
    connection, told = run.connection, _hash_told(run.connection)
    if run.is_current(PRODUCT) and read_info(connection, _TOLD) == told:
        return 0
    until = read_history(connection, run.started_at).as_of
    now, effects = read_now(connection, settings, until), read_effects(connection, until)
    measures = measure_themes(connection, now, _find_stakes(effects))
    parts = {key: score_theme(each, settings.weights) for key, each in measures.items()}
    covered, shares = cover_customers(connection, settings)
    made = {
        tables.theme_signal: [
            {"theme_id": key, **vars(part)} for key, found in parts.items() for part in found
        ],
        tables.priority: choose_priorities(connection, now, effects, settings, until),
        tables.comparison: compare_columns(connection, settings),
        tables.coverage: covered,
        tables.theme_share: shares,
    }
    written = sum(replace_rows(connection, table, rows) for table, rows in made.items())
    written += _write_scores(run, parts)
    run.mark_current(PRODUCT)
    write_info(connection, _TOLD, told)
    return written


def _hash_told(connection: Connection) -> str:
    """A hash of what other steps told of themes, and may tell otherwise of the same feedback."""
    told = [repr(sorted(read_growth(connection).items()))]
    for table in (tables.theme_impact, tables.theme_fix):
        query = select(table).order_by(*table.primary_key)
        told += [repr(tuple(row)) for row in connection.execute(query)]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _find_stakes(effects: list[Effect]) -> dict[str, float]:
    """Of each theme the largest share of all money or customers that goes with it."""
    found: dict[str, float] = {}
    for each in (each for each in effects if each.kind != "rating"):
        found[each.theme_id] = max(found.get(each.theme_id, 0.0), each.share)
    return found


def _write_scores(run: Run, parts: Mapping[str, list[Part]]) -> int:
    theme = tables.theme.c
    written = 0
    before: Any = run.connection.execute(select(theme.theme_id, theme.signal_score)).all()
    for theme_id, score in before:
        now = round_floats({"signal_score": sum_points(parts.get(theme_id, []))})
        if now["signal_score"] != score:
            run.connection.execute(
                update(tables.theme)
                .where(theme.theme_id == theme_id)
                .values(**now, updated_run=run.run_id)
            )
            written += 1
    return written
