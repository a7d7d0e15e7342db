"""What a message tells, read from the store at the moment of delivery, through the gate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from pipelines import tables
from pipelines.delivery.messages import Fact, Item, Message, Quote, cut_text
from pipelines.id_batches import batch_ids
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
    mention_ids = sorted({key for row in rows for key in _list_mentions(row)})
    said = _read_said(connection, mention_ids) if max_quotes else {}
    items = [
        _make_item(row, segments, themes, _choose_quotes(row, said, max_quotes)) for row in rows
    ]
    return Message(message_id, tuple(items))


def _make_item(
    row: Any,
    segments: Mapping[str, str | None],
    themes: Mapping[str, tuple[str, str]],
    quotes: tuple[Quote, ...],
) -> Item:
    payload = row.payload or {}
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


@dataclass(frozen=True)
class _Said:
    """Words that may be quoted, and whether they may be laid to their customer's account too."""

    quote: Quote
    is_of_account: bool


def _read_said(connection: Connection, mention_ids: Sequence[str]) -> dict[str, _Said]:
    """What may be quoted of some mentions."""
    found: dict[str, _Said] = {}
    columns = (_mention.mention_id, _mention.text, _mention.lang, _feedback.occurred_at)
    for batch in batch_ids(mention_ids):
        query = (
            select(*columns, allows_account(connection).label("is_of_account"))
            .join(tables.feedback, _feedback.feedback_id == _mention.feedback_id)
            .where(_mention.mention_id.in_(batch), allows(connection, "quoting"))
        )
        for row in connection.execute(query):
            quote = Quote(cut_text(row.text, _MAX_QUOTE), row.lang, row.occurred_at)
            found[row.mention_id] = _Said(quote, bool(row.is_of_account))
    return found


def _choose_quotes(row: Any, said: Mapping[str, _Said], limit: int) -> tuple[Quote, ...]:
    """A few quotes in the order of the payload; the same words once."""
    told = {
        each.quote.text: each.quote
        for key in _list_mentions(row)
        if (each := said.get(key)) and (each.is_of_account or not row.customer_id)
    }
    return tuple(told.values())[:limit]


def _list_mentions(row: Any) -> list[str]:
    return [str(key) for key in (row.payload or {}).get("mentions") or []]
