"""CSV files of actions that still lie where they were dropped: written anew without a person."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from pipelines import tables
from pipelines.actions.suppressed import find_refused
from pipelines.config import Config
from pipelines.delivery.drops import write_rows
from pipelines.delivery.telling import read_message
from pipelines.replacing import replace_file
from pipelines.store import Store

_action = tables.action.c


def rewrite_drop(store: Store, config: Config, path: Path) -> None:
    """Write a file anew with the actions that are left of it, or remove it where none is.

    :raises OSError: when it cannot be written.
    """
    query = select(_action.action_id, _action.message_id, _action.destination)
    with store.read() as connection:
        rows = connection.execute(query.where(_action.reference == str(path))).all()
        ids = [row.action_id for row in rows]
        refused = find_refused(connection, ids, datetime.now(UTC), status="sent")
        left = [action_id for action_id in ids if action_id not in refused]
        if left:
            settings = {entry.name: entry.max_quotes for entry in config.destinations}
            max_quotes = settings.get(rows[0].destination, 0)
            message = read_message(connection, rows[0].message_id or "", left, max_quotes)
    if left:
        replace_file(path, write_rows(message))
    else:
        path.unlink()
