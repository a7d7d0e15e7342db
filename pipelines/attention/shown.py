"""What attention is shown of: rows of its tables, with names of themes as they may be shown."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from pipelines import tables
from pipelines.attention.columns import Compared, NotCompared, find_compared, list_attributes
from pipelines.attention.comparison import compare_column
from pipelines.attention.measures import ALL
from pipelines.attention.settings import AttentionSettings
from pipelines.folding import fold_name
from pipelines.rights.descriptions import add_names

Row = dict[str, Any]


def list_priorities(connection: Connection, segment: str = ALL) -> list[Row]:
    """What to fix first in a segment."""
    priority = tables.priority.c
    query = select(tables.priority).where(priority.segment == segment).order_by(priority.rank)
    return add_names(connection, _read(connection, query))


def list_segments(connection: Connection) -> list[str]:
    """Segments of which is told what to fix first; ``all`` comes first."""
    segment = tables.priority.c.segment
    found = connection.execute(select(segment).distinct()).scalars()
    return sorted(found, key=lambda name: (name != ALL, name))


def list_coverage(connection: Connection) -> list[Row]:
    """Who is heard: all, then each dimension with its largest values first."""
    rows = _read(connection, select(tables.coverage))
    order = ("all", "segment", "lang", "country", "channel")
    return sorted(
        rows,
        key=lambda row: (
            order.index(row["dimension"]),
            -(row["n_customers"] or 0),
            -(row["n_voices"] or 0),
            row["value"],
        ),
    )


def list_shares(connection: Connection) -> list[Row]:
    """Themes by their weighted share of the customers who are heard."""
    share = tables.theme_share.c
    query = select(tables.theme_share).order_by(share.weighted_share.desc(), share.theme_id)
    return add_names(connection, _read(connection, query))


def list_parts(connection: Connection, theme_id: str) -> list[Row]:
    """The parts of a theme's signal score, those with the most points first."""
    part = tables.theme_signal.c
    query = select(tables.theme_signal).where(part.theme_id == theme_id)
    return _read(connection, query.order_by(part.points.desc(), part.part))


def read_comparison(
    connection: Connection, name: str, settings: AttentionSettings
) -> list[Row] | NotCompared:
    """A column's values side by side: as the last run made it, else made now.

    :returns: first the values as a whole, the most voices first, then what differs most.
    """
    column = tables.comparison.c
    query = select(tables.comparison).where(column.dimension == fold_name(name))
    rows = _read(connection, query)
    if not rows:
        found = find_compared(connection, name, settings, list_attributes(connection))
        if not isinstance(found, Compared):
            return found
        rows = compare_column(connection, found)
    return sorted(add_names(connection, rows), key=_rank_difference)


def _rank_difference(row: Mapping[str, Any]) -> tuple[Any, ...]:
    if not row["theme_id"]:
        return (0, -row["n_voices"], row["value"], "")
    q_values = [row[name] for name in ("share_q", "sentiment_q") if row[name] is not None]
    return (
        1,
        min(q_values, default=1.0),
        -(row["n_with_theme"] or 0),
        row["theme_id"],
        row["value"],
    )


def _read(connection: Connection, query: Any) -> list[Row]:
    return [dict(row) for row in connection.execute(query).mappings()]
