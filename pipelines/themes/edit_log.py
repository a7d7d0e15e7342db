"""The log of people's edits in the store: read whole, appended to, never changed."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from nlp.themes.edits import Decisions, Edit, Part, Pin
from nlp.themes.replay import replay_edits
from pipelines import tables

_LOG = tables.theme_edit.c


def read_log(connection: Connection) -> list[Edit]:
    """Every edit, in the order of the log."""
    query = select(_LOG.edit_id, _LOG.action, _LOG.theme_id, _LOG.payload).order_by(_LOG.edit_id)
    return [_read_edit(*row) for row in connection.execute(query)]


def replay_log(connection: Connection, log: list[Edit]) -> Decisions:
    """What a log amounts to for the themes of this store."""
    theme = tables.theme.c
    found = select(theme.theme_id).where(theme.made_by.is_(None))
    return replay_edits(log, set(connection.execute(found).scalars()))


def append_edit(connection: Connection, edit: Edit, author: str, at: datetime) -> None:
    """Write one edit; it holds from the next :func:`pipelines.edits.apply.apply_edits` on."""
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


def number_edit(number: int) -> str:
    """Id of an edit: a number, as a clock that is set back must not reorder decisions."""
    return f"e{number:06d}"


def describe_payload(edit: Edit) -> dict[str, Any]:
    """What was decided, as it stands in the log."""
    payloads: dict[str, dict[str, Any]] = {
        "rename": {"lang": edit.lang, "name": edit.text},
        "describe": {"lang": edit.lang, "text": edit.text},
        "merge": {"into": edit.other_id},
        "move": {"mentions": dict(edit.mentions)},
        "not_noise": {"feedback": dict(edit.mentions)},
        "group": {"parent": edit.other_id},
        "refuse": {"other": edit.other_id},
        "fixed": {"at": edit.text},
        "split": {"parts": [_describe_part(part) for part in edit.parts], "lang": edit.lang},
        "pin": {"name": edit.text, **_describe_pin(edit.pin or Pin())},
        "undo": {"edit_id": edit.other_id},
    }
    return payloads.get(edit.action, {})


def _describe_pin(pin: Pin) -> dict[str, Any]:
    return {**asdict(pin), "examples": list(pin.examples), "keywords": list(pin.keywords)}


def _describe_part(part: Part) -> dict[str, Any]:
    return {**asdict(part), "keywords": list(part.keywords), "mentions": dict(part.mentions)}


def _read_edit(edit_id: str, action: str, theme_id: str | None, payload: Any) -> Edit:
    given: Mapping[str, Any] = payload if isinstance(payload, dict) else {}
    return Edit(
        edit_id,
        action,
        theme_id,
        text=str(given.get("name") or given.get("text") or given.get("at") or ""),
        lang=None if action == "pin" else given.get("lang"),
        other_id=next((given[name] for name in _OTHERS if given.get(name)), None),
        mentions=_read_mentions(given),
        pin=_read_pin(given) if action == "pin" else None,
        parts=tuple(_read_part(part) for part in given.get("parts") or ()),
    )


_OTHERS = ("into", "parent", "other", "edit_id")


def _read_mentions(given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    mentions = given.get("mentions") or given.get("feedback")
    return tuple(sorted(mentions.items())) if isinstance(mentions, dict) else ()


def _read_part(given: Mapping[str, Any]) -> Part:
    keywords = tuple(given.get("keywords") or ())
    return Part(given["theme_id"], given["name"], keywords, _read_mentions(given))


def _read_pin(given: Mapping[str, Any]) -> Pin:
    return Pin(
        about=str(given.get("about") or ""),
        examples=tuple(given.get("examples") or ()),
        keywords=tuple(given.get("keywords") or ()),
        sentence=str(given.get("sentence") or ""),
        lang=given.get("lang"),
    )
