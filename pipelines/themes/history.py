"""What happened to themes, by machine and by people, in the order in which it did."""

from typing import Any

from sqlalchemy import Connection, func, select

from pipelines import tables
from pipelines.themes.edit_log import read_log, replay_log


def read_history(connection: Connection, theme_id: str | None = None) -> list[dict[str, Any]]:
    """The life of one theme, or of all.

    :returns: the oldest first; `author` and `edit_id` are None where no person decided,
        `undone_by` names the undo of an edit that does not count any more, `unapplied` says why an
        edit could not be applied.
    """
    log = read_log(connection)
    decisions = replay_log(connection, log)
    unapplied = {each.edit_id: each.reason for each in decisions.conflicts}
    rows = [*_read_events(connection, theme_id), *_read_untold(connection, theme_id)]
    rows.sort(key=lambda row: (str(row["at"] or ""), row["edit_id"] or "", row["event_id"] or ""))
    return [
        {
            **row,
            "undone_by": decisions.undone_by.get(row["edit_id"]),
            "unapplied": unapplied.get(row["edit_id"]),
        }
        for row in rows
    ]


def _read_events(connection: Connection, theme_id: str | None) -> list[dict[str, Any]]:
    event, edit, run = tables.theme_event.c, tables.theme_edit.c, tables.run.c
    query = select(
        func.coalesce(edit.at, run.started_at).label("at"),
        event.theme_id,
        event.event,
        event.detail,
        edit.author,
        event.edit_id,
        event.run_id,
        event.event_id,
    ).select_from(
        tables.theme_event.outerjoin(tables.theme_edit, edit.edit_id == event.edit_id).outerjoin(
            tables.run, run.run_id == event.run_id
        )
    )
    if theme_id is not None:
        query = query.where(event.theme_id == theme_id)
    return [dict(row) for row in connection.execute(query).mappings()]


def _read_untold(connection: Connection, theme_id: str | None) -> list[dict[str, Any]]:
    """Edits that left no event, as they never applied."""
    event, edit = tables.theme_event.c, tables.theme_edit.c
    told = select(event.edit_id).where(event.edit_id.is_not(None))
    query = select(tables.theme_edit).where(edit.edit_id.not_in(told))
    if theme_id is not None:
        query = query.where(edit.theme_id == theme_id)
    return [
        {
            **{name: row[name] for name in ("at", "theme_id", "author", "edit_id")},
            "event": row["action"],
            "detail": row["payload"],
            "run_id": None,
            "event_id": None,
        }
        for row in connection.execute(query).mappings()
    ]
