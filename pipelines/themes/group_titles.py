"""The groups of the themes that are shown, with what each group is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select, update

from nlp.themes.group_names import GroupedTheme, GroupName, name_groups
from pipelines import tables
from pipelines.runs import Run

_SHOWN = frozenset({"active", "muted"})


@dataclass(frozen=True)
class ThemeGroup:
    """A theme that leads others, and the active themes of its group.

    :param leader_id: of the theme that leads it; muted ones lead on.
    :param theme_ids: those with the most voices first; the leader too, where it is active.
    """

    leader_id: str
    title: GroupName
    theme_ids: tuple[str, ...]


def read_groups(connection: Connection) -> dict[str, ThemeGroup]:
    """Every group of at least two active themes, by the id of the theme that leads it."""
    theme = tables.theme.c
    query = select(tables.theme).order_by(
        func.coalesce(theme.n_customers, 0).desc(), theme.theme_id
    )
    rows = {row["theme_id"]: row for row in connection.execute(query).mappings()}
    active: dict[str, list[str]] = {}
    for theme_id, row in rows.items():
        if row["status"] == "active":
            active.setdefault(row["parent_id"] or theme_id, []).append(theme_id)
    found = sorted((key, ids) for key, ids in active.items() if len(ids) > 1 and key in rows)
    named = [
        [_describe(rows[each]) for each in (key, *(each for each in ids if each != key))]
        for key, ids in found
    ]
    return {
        key: ThemeGroup(key, title, tuple(ids))
        for (key, ids), title in zip(found, name_groups(named), strict=True)
    }


def write_group_names(run: Run) -> int:
    """Give each theme the name of its group, as it is by now.

    :returns: number of themes whose group got another name.
    """
    theme = tables.theme.c
    groups = read_groups(run.connection)
    query = select(theme.theme_id, theme.parent_id, theme.status, theme.group_name)
    written = 0
    for theme_id, parent_id, status, was in run.connection.execute(query).all():
        group = groups.get(parent_id or theme_id) if status in _SHOWN else None
        name = group and show_title(group.title)
        if name != was:
            run.connection.execute(
                update(tables.theme)
                .where(theme.theme_id == theme_id)
                .values(group_name=name, updated_run=run.run_id)
            )
            written += 1
    return written


def show_title(title: GroupName) -> str:
    """A group's name in one line."""
    return f"{title.name} and {title.n_more:,} more" if title.n_more else title.name


def _describe(row: Mapping[Any, Any]) -> GroupedTheme:
    is_named = row["origin"] == "pinned" or (row["found_name"] or row["name"]) != row["name"]
    return GroupedTheme(
        row["name"],
        row["lang"],
        tuple(row["keywords"] or ()),
        is_named=is_named,
        is_heading=is_named and not row["n_mentions"],
    )
