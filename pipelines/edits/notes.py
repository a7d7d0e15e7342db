"""What a person should know of an edit that was made as asked for."""

from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from nlp.themes.edits import Edit
from pipelines import tables

_theme = tables.theme.c


def note_oddities(connection: Connection, edit: Edit) -> Iterator[str]:
    """Say what may not have been meant: a name that is taken, a theme that nobody is shown."""
    if edit.action in ("rename", "pin"):
        yield from _note_same_name(connection, str(edit.theme_id))
    target = edit.other_id if edit.action == "merge" else edit.theme_id
    if edit.action in ("merge", "move") and _is_muted(connection, str(target)):
        yield (
            f"{target} is muted, so that these mentions are in no list and no claim; bring it back "
            f"with: earful themes unmute {target}"
        )


def _note_same_name(connection: Connection, theme_id: str) -> Iterator[str]:
    own = select(func.lower(_theme.name)).where(_theme.theme_id == theme_id).scalar_subquery()
    query = select(_theme.theme_id).where(
        func.lower(_theme.name) == own, _theme.theme_id != theme_id, _theme.status == "active"
    )
    for other_id in connection.execute(query.order_by(_theme.theme_id)).scalars():
        yield (
            f"{other_id} is called so too; make them one with: earful themes merge {other_id} "
            f"{theme_id}"
        )


def _is_muted(connection: Connection, theme_id: str) -> bool:
    query = select(_theme.status).where(_theme.theme_id == theme_id)
    return connection.execute(query).scalar() == "muted"
