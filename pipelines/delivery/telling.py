"""What a message tells, read from the store at the moment of delivery, through the gate."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from pipelines import tables
from pipelines.delivery.messages import Fact, Item, Message, Quote, cut_text
from pipelines.rights.descriptions import read_shown
from pipelines.rights.gate import allows, allows_account

_MAX_QUOTE = 1_000
_action, _mention, _feedback = tables.action.c, tables.mention.c, tables.feedback.c


def read_message(
    connection: Connection, message_id: str, action_ids: Sequence[str], max_quotes: int
) -> Message:
    """Everything that is told about some actions, the oldest first.

    :param max_quotes: of each action.
    """
    query = select(tables.action).where(_action.action_id.in_(action_ids))
    rows = connection.execute(query.order_by(_action.created_at, _action.action_id)).all()
    segments = _read_segments(connection, [row.customer_id for row in rows if row.customer_id])
    themes = _read_themes(connection, [row.theme_id for row in rows if row.theme_id])
    items = []
    for row in rows:
        payload = row.payload or {}
        quotes = _read_quotes(connection, row, payload.get("mentions") or [], max_quotes)
        items.append(_make_item(row, payload, segments, themes, quotes))
    return Message(message_id, tuple(items))


def _make_item(
    row: Any,
    payload: Mapping[str, Any],
    segments: Mapping[str, str | None],
    themes: Mapping[str, tuple[str, str]],
    quotes: tuple[Quote, ...],
) -> Item:
    stored, shown = themes.get(row.theme_id, ("", None))

    def hide(text: str) -> str:
        """A theme that is called by words that may not be shown any more goes by its id."""
        return text.replace(stored, shown) if stored and shown and stored != shown else text

    facts: dict[str, Fact] = {
        str(name): hide(value) if isinstance(value, str) else value
        for name, value in (payload.get("facts") or {}).items()
        if isinstance(value, int | float | str)
    }
    return Item(
        action_id=row.action_id,
        kind=row.kind or "",
        rule=row.rule or "",
        title=hide(str(payload.get("title") or row.rule or row.action_id)),
        reason=hide(str(payload.get("reason") or "")),
        created_at=row.created_at,
        facts=facts,
        customer_id=row.customer_id,
        segment=segments.get(row.customer_id),
        theme_id=row.theme_id,
        theme=shown,
        quotes=quotes,
    )


def _read_segments(connection: Connection, customer_ids: Sequence[str]) -> dict[str, str | None]:
    customer = tables.customer.c
    query = select(customer.customer_id, customer.segment)
    found = connection.execute(query.where(customer.customer_id.in_(customer_ids)))
    return {row.customer_id: row.segment for row in found}


def _read_themes(connection: Connection, theme_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The name that a theme has, and the one that it may be called by."""
    query = select(tables.theme).where(tables.theme.c.theme_id.in_(theme_ids))
    rows = connection.execute(query).all()
    shown = read_shown(connection, rows) if rows else {}
    return {
        row.theme_id: (row.name or "", shown[row.theme_id]["name"] or row.theme_id) for row in rows
    }


def _read_quotes(
    connection: Connection, row: Any, mention_ids: Sequence[str], limit: int
) -> tuple[Quote, ...]:
    """Words that may be quoted; beside a customer's name also laid to that customer's account."""
    if not mention_ids or not limit:
        return ()
    query = (
        select(_mention.mention_id, _mention.text, _mention.lang, _feedback.occurred_at)
        .join(tables.feedback, _feedback.feedback_id == _mention.feedback_id)
        .where(_mention.mention_id.in_(mention_ids), allows(connection, "quoting"))
    )
    if row.customer_id:
        query = query.where(allows_account(connection))
    found = {each.mention_id: each for each in connection.execute(query)}
    told = {
        each.text: Quote(cut_text(each.text, _MAX_QUOTE), each.lang, each.occurred_at)
        for key in mention_ids
        if (each := found.get(key)) and each.text
    }
    return tuple(told.values())[:limit]
