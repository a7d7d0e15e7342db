"""The log of people's edits in the store: read whole, appended to, never changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from nlp.themes.edits import Decisions, Edit, replay_edits
from pipelines import tables

_LOG = tables.theme_edit.c


def read_log(connection: Connection) -> list[Edit]:
    """Every edit, in the order of the log."""
    query = select(_LOG.edit_id, _LOG.action, _LOG.theme_id, _LOG.payload).order_by(_LOG.edit_id)
    return [_read_edit(*row) for row in connection.execute(query)]


def replay_log(connection: Connection, log: list[Edit]) -> Decisions:
    """What a log amounts to for the themes of this store."""
    return replay_edits(log, set(connection.execute(select(tables.theme.c.theme_id)).scalars()))


def append_edit(connection: Connection, edit: Edit, author: str, at: datetime) -> None:
    """Write one edit; it holds from the next :func:`pipelines.theme_edits.apply_edits` on."""
    connection.execute(
        insert(tables.theme_edit).values(
            edit_id=edit.edit_id,
            at=at,
            author=author,
            action=edit.action,
            theme_id=edit.theme_id,
            payload=describe_payload(edit),
        )
    )


def next_edit_id(connection: Connection) -> str:
    """Id of the next edit: a number, as a clock that is set back must not reorder decisions."""
    last = connection.execute(select(func.max(_LOG.edit_id))).scalar() or "e0"
    return f"e{int(last[1:]) + 1:06d}"


def describe_payload(edit: Edit) -> dict[str, Any]:
    """What was decided, as it stands in the log."""
    payloads: dict[str, dict[str, Any]] = {
        "rename": {"lang": edit.lang, "name": edit.text},
        "describe": {"lang": edit.lang, "text": edit.text},
        "merge": {"into": edit.other_id},
        "move": {"mentions": dict(edit.mentions)},
        "group": {"parent": edit.other_id},
        "undo": {"edit_id": edit.other_id},
    }
    return payloads.get(edit.action, {})


def _read_edit(edit_id: str, action: str, theme_id: str | None, payload: Any) -> Edit:
    given: Mapping[str, Any] = payload if isinstance(payload, dict) else {}
    mentions = given.get("mentions")
    return Edit(
        edit_id,
        action,
        theme_id,
        text=str(given.get("name") or given.get("text") or ""),
        lang=given.get("lang"),
        other_id=given.get("into") or given.get("parent") or given.get("edit_id"),
        mentions=tuple(sorted(mentions.items())) if isinstance(mentions, dict) else (),
    )
