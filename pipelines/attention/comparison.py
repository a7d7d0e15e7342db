"""Brands, products or competitors side by side, where a column names them."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, select

from pipelines import tables
from pipelines.attention.columns import Compared, find_compared, list_attributes
from pipelines.attention.comparing import Heard, compare_values
from pipelines.attention.settings import AttentionSettings
from pipelines.attention.voices import count_voices, read_samples, read_theme_voices


def compare_columns(connection: Connection, settings: AttentionSettings) -> list[dict[str, Any]]:
    """Rows of ``comparison`` for every configured column that there is and that is a comparison."""
    names = dict.fromkeys(settings.columns)
    attributes = list_attributes(connection)
    found = [find_compared(connection, name, settings, attributes) for name in names]
    unique = {each.dimension: each for each in found if isinstance(each, Compared)}
    return [row for each in unique.values() for row in compare_column(connection, each)]


def compare_column(connection: Connection, compared: Compared) -> list[dict[str, Any]]:
    """Rows of ``comparison`` for one column."""
    value, is_compared = compared.value, compared.value.is_not(None)
    themes: dict[str, dict[str, Heard]] = defaultdict(dict)
    active = set(list_active(connection))
    for each in read_theme_voices(connection, value, is_compared):
        if each.theme_id in active and each.group is not None:
            themes[each.theme_id][each.group] = Heard(each.n, each.sample)
    n_voices = count_voices(connection, value)
    rows = compare_values(n_voices, read_samples(connection, value), themes)
    return [{"dimension": compared.dimension, **row} for row in rows]


def list_active(connection: Connection) -> Iterable[str]:
    """Themes of which something is claimed: not those that are muted, merged or retired."""
    theme = tables.theme.c
    return connection.execute(select(theme.theme_id).where(theme.status == "active")).scalars()
