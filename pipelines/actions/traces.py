"""Which actions tell of whose words: for who asks what is held, and who wants it gone."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from pipelines import tables
from pipelines.id_batches import batch_ids

_action = tables.action.c


def find_tellers(connection: Connection, feedback_ids: Collection[str]) -> dict[str, bool]:
    """Actions that this feedback raised or is evidence of: whether it raised them, by id."""
    rows = connection.execute(select(_action.action_id, _action.kind, _action.payload))
    return {
        row.action_id: row.kind != "theme" and _is_raised_by(row.payload, feedback_ids)
        for row in rows
        if _is_raised_by(row.payload, feedback_ids)
        or any(_is_of(each, feedback_ids) for each in _list_mentions(row.payload))
    }


def _is_raised_by(payload: Mapping[str, Any] | None, feedback_ids: Collection[str]) -> bool:
    return (payload or {}).get("occasion") in feedback_ids


def keep_own(payload: dict[str, Any], feedback_ids: Collection[str]) -> dict[str, Any]:
    """A payload with mentions of this feedback alone as its evidence."""
    own = [each for each in _list_mentions(payload) if _is_of(each, feedback_ids)]
    return {**payload, "mentions": own}


def drop_evidence(
    connection: Connection, action_ids: Sequence[str], feedback_ids: Collection[str]
) -> None:
    """Take mentions of this feedback out of the evidence of actions."""
    for batch in batch_ids(action_ids):
        query = select(_action.action_id, _action.payload).where(_action.action_id.in_(batch))
        rows = []
        for action_id, payload in connection.execute(query):
            kept = [each for each in _list_mentions(payload) if not _is_of(each, feedback_ids)]
            rows.append({"id": action_id, "said": {**payload, "mentions": kept}})
        connection.execute(_WRITE, rows)


def _is_of(mention_id: str, feedback_ids: Collection[str]) -> bool:
    """A mention that is gone since the feedback was edited is of it all the same."""
    return mention_id.rpartition("-")[0] in feedback_ids


_WRITE = (
    update(tables.action)
    .where(_action.action_id == bindparam("id"))
    .values(payload=bindparam("said"))
)


def _list_mentions(payload: Mapping[str, Any] | None) -> list[str]:
    """An erasure must not fail for what somebody else wrote into the table."""
    return list((payload or {}).get("mentions") or ())
