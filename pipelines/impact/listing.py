"""What goes with themes, and what changed after they were fixed, as plain rows to show."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, select

from pipelines import tables
from pipelines.counted import is_one_of
from pipelines.impact.fixing import VOICES
from pipelines.rights.descriptions import read_shown

CAVEAT = (
    "An association, not proof of cause: who voices a theme may differ from others in ways that "
    "the data do not hold."
)


def list_effects(
    connection: Connection, theme_id: str | None = None, outcome: str | None = None
) -> list[dict[str, Any]]:
    """What goes with every theme or with one, by outcome; the surest first, then why nothing is.

    :param outcome: only this one.
    """
    impact = tables.theme_impact.c
    query = (
        select(tables.theme_impact)
        .where(is_one_of(impact.theme_id, None if theme_id is None else [theme_id]))
        .where(is_one_of(impact.outcome, None if outcome is None else [outcome]))
        .order_by(impact.outcome, impact.q_value.is_(None), impact.p_value, impact.theme_id)
    )
    return _name_themes(connection, connection.execute(query).mappings())


def list_stakes(connection: Connection, theme_id: str) -> list[dict[str, Any]]:
    """What is at stake with a theme, in every currency; that of most customers first."""
    stake = tables.theme_stake.c
    query = (
        select(tables.theme_stake)
        .where(stake.theme_id == theme_id)
        .order_by(stake.outcome, stake.n_customers.desc(), stake.currency)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def list_fixes(connection: Connection, theme_id: str | None = None) -> list[dict[str, Any]]:
    """What changed after fixes, the latest first; of each first how many voice it."""
    fix = tables.theme_fix.c
    query = (
        select(tables.theme_fix)
        .where(is_one_of(fix.theme_id, None if theme_id is None else [theme_id]))
        .order_by(fix.fixed_at.desc(), fix.edit_id.desc(), fix.outcome != VOICES, fix.outcome)
    )
    return _name_themes(connection, connection.execute(query).mappings())


def _name_themes(connection: Connection, rows: Iterable[Any]) -> list[dict[str, Any]]:
    """The rows with the names of their themes, as these may be shown."""
    found = [dict(row) for row in rows]
    theme, ids = tables.theme.c, {row["theme_id"] for row in found}
    columns = (theme.theme_id, theme.name, theme.keywords, theme.description)
    # Most of them, or one: no list of ids that a statement could be too short for.
    query = select(*columns).where(is_one_of(theme.theme_id, ids if len(ids) == 1 else None))
    names = read_shown(connection, connection.execute(query).all())
    return [{"name": names.get(row["theme_id"], {}).get("name"), **row} for row in found]
