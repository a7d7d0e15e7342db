"""The life of themes: what happened to each, in order, never changed afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from pipelines import tables
from pipelines.bulk import insert_rows
from pipelines.runs import Run


@dataclass(frozen=True)
class ThemeEvent:
    """Something that happened to a theme.

    :param detail: the evidence.
    :param edit_id: the edit that it follows from; None where no person decided.
    """

    theme_id: str
    event: str
    detail: dict[str, Any]
    edit_id: str | None = None


def record_events(run: Run, events: Sequence[ThemeEvent]) -> None:
    """Append events to the lives of their themes, in the order given."""
    if not events:
        return
    column = tables.theme_event.c
    count = select(column.theme_id, func.count()).group_by(column.theme_id)
    lengths: dict[str, int] = dict(run.connection.execute(count).all())
    rows = []
    for each in events:
        lengths[each.theme_id] = lengths.get(each.theme_id, 0) + 1
        rows.append(
            {
                # Padded, so that the order of ids is the order of events.
                "event_id": f"{each.theme_id}-{lengths[each.theme_id]:05d}",
                "theme_id": each.theme_id,
                "run_id": run.run_id,
                "event": each.event,
                "edit_id": each.edit_id,
                "detail": each.detail,
            }
        )
    insert_rows(run.connection, tables.theme_event, rows)
