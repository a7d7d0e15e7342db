"""Names of themes that were a person's words, in what other customers' rows say that was sent."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, select, update

from pipelines import tables

_sync, _theme = tables.sync_row.c, tables.theme.c


@contextmanager
def forgetting_old_names(connection: Connection) -> Iterator[None]:
    """Let go of the names that themes lose meanwhile; the rows that had them are sent again."""
    before = _read_names(connection)
    yield
    if old := before - _read_names(connection):
        _drop_values(connection, old)


def _read_names(connection: Connection) -> set[str]:
    return {
        name
        for column in (_theme.name, _theme.description)
        for name in connection.execute(select(column)).scalars()
        if name
    }


def _drop_values(connection: Connection, old: Collection[str]) -> None:
    """Empty the values that hold some of these; which fields there are stays known."""
    query = select(_sync.sync, _sync.customer_id, _sync.fields).where(_sync.fields.is_not(None))
    for sync, key, fields in connection.execute(query).all():
        kept = {name: None if _holds(value, old) else value for name, value in fields.items()}
        if kept != fields:
            own = (_sync.sync == sync) & (_sync.customer_id == key)
            connection.execute(update(tables.sync_row).where(own).values(fields=kept, digest=None))


def _holds(value: Any, old: Collection[str]) -> bool:
    return isinstance(value, str) and any(name in value for name in old)
