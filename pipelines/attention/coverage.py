"""Who is heard, and who is not: customers with feedback against all that the CRM knows."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, func, select

from nlp.label_names import read_language
from pipelines import tables
from pipelines.anonymity import choose_shown
from pipelines.attention.comparison import list_active
from pipelines.attention.estimates import estimate_share, name_columns
from pipelines.attention.hearing import estimate_representation, judge_hearing
from pipelines.attention.settings import AttentionSettings
from pipelines.attention.voices import count_all_voices, count_voices, is_customer, join_customers
from pipelines.attention.weighting import Cell, Weights, count_effective, rake
from pipelines.counted import counted_mentions, feedback, has_theme, is_counted, mention

DIMENSIONS = ("segment", "lang", "country")
# What the CRM says nothing of: a value of its own for weights, and shown to nobody.
UNKNOWN = ""
_customer = tables.customer.c


@dataclass(frozen=True)
class Group:
    """Customers of a value.

    :param n_voices: who speak so, customers or not; None where that is not known of others.
    """

    n: int = 0
    n_heard: int = 0
    n_voices: int | None = None


def cover_customers(
    connection: Connection, settings: AttentionSettings
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of ``coverage``, and of ``theme_share`` where voices are weighted."""
    everybody, heard = _count_cells(connection)
    total = Group(sum(everybody.values()), sum(heard.values()), count_all_voices(connection))
    weights = _weigh(everybody, heard, settings)
    effective = count_effective(_project(heard, settings.weight_by), weights) if weights else None
    rows = [_describe("all", "all", total, total) | {"n_effective": effective}]
    for dimension in DIMENSIONS:
        groups = _group(connection, dimension, everybody, heard)
        factors = _find_factors(dimension, weights, settings)
        for value, group in _hide_small(groups, total, settings.k):
            row = _describe(dimension, value, group, total)
            rows.append(row | {"weight": factors.get(value)})
    rows += _cover_channels(connection, total, settings.k)
    return rows, _share_themes(connection, heard, weights, settings) if weights else []


def _count_cells(connection: Connection) -> tuple[dict[Cell, int], dict[Cell, int]]:
    """Customers by segment, language and country: all, and those with feedback that counts."""
    wrote = select(feedback.customer_id).where(is_counted, feedback.customer_id.is_not(None))
    is_heard = _customer.customer_id.in_(wrote)
    columns = [_customer[name] for name in DIMENSIONS]
    query = (
        select(*columns, func.count().label("n")).where(is_customer(connection)).group_by(*columns)
    )
    everybody: dict[Cell, int] = defaultdict(int)
    heard: dict[Cell, int] = defaultdict(int)
    for found, rows in ((everybody, query), (heard, query.where(is_heard))):
        for row in connection.execute(rows):
            found[_name_cell(row)] += row.n
    return dict(everybody), dict(heard)


def _name_cell(row: Any) -> Cell:
    values = {name: getattr(row, name) or UNKNOWN for name in DIMENSIONS}
    values["lang"] = read_language(values["lang"]) or values["lang"]
    return tuple(values[name] for name in DIMENSIONS)


def _group(
    connection: Connection,
    dimension: str,
    everybody: Mapping[Cell, int],
    heard: Mapping[Cell, int],
) -> dict[str, Group]:
    known = _sum_by(everybody, dimension)
    spoke = _sum_by(heard, dimension)
    groups = {value: Group(n, spoke.get(value, 0)) for value, n in known.items()}
    if dimension == "lang":
        voices = count_voices(connection, feedback.lang)
        return {
            value: replace(group, n_voices=voices.get(value, 0)) for value, group in groups.items()
        }
    return groups


def _sum_by(cells: Mapping[Cell, int], dimension: str) -> dict[str, int]:
    place = DIMENSIONS.index(dimension)
    sums: dict[str, int] = defaultdict(int)
    for cell, n in cells.items():
        sums[cell[place]] += n
    return dict(sums)


def _hide_small(groups: Mapping[str, Group], total: Group, k: int) -> Iterator[tuple[str, Group]]:
    counts = {value: group.n for value, group in groups.items() if value != UNKNOWN}
    shown = choose_shown(counts, k, total.n - sum(counts.values()))
    yield from ((value, groups[value]) for value in sorted(shown))


def _cover_channels(connection: Connection, total: Group, k: int) -> list[dict[str, Any]]:
    """By channel the CRM knows nothing: each is held against all customers."""
    voices = count_voices(connection, feedback.channel)
    heard = _count_heard_by_channel(connection)
    shown = choose_shown(voices, k)
    return [
        _describe("channel", value, Group(total.n, heard.get(value, 0), voices[value]), total)
        for value in sorted(shown)
    ]


def _count_heard_by_channel(connection: Connection) -> dict[str, int]:
    query = (
        select(feedback.channel, func.count(feedback.customer_id.distinct()))
        .select_from(join_customers(tables.feedback))
        .where(is_counted, feedback.channel.is_not(None), is_customer(connection))
        .group_by(feedback.channel)
    )
    return dict(connection.execute(query).all())


def _describe(dimension: str, value: str, group: Group, total: Group) -> dict[str, Any]:
    is_part = dimension in DIMENSIONS
    found = (group.n_heard, group.n, total.n_heard, total.n)
    representation = estimate_representation(*found) if is_part else None
    note = judge_hearing(group.n_heard, group.n, representation) if group.n else "no_customers"
    return {
        "dimension": dimension,
        "value": value,
        "n_customers": group.n,
        "n_heard": group.n_heard,
        "n_voices": group.n_voices,
        **name_columns("share", estimate_share(group.n_heard, group.n)),
        **name_columns("representation", representation),
        "weight": None,
        "n_effective": None,
        "note": note,
    }


def _weigh(
    everybody: Mapping[Cell, int], heard: Mapping[Cell, int], settings: AttentionSettings
) -> Weights | None:
    if not settings.weight_by:
        return None
    margins = [_sum_by(everybody, dimension) for dimension in settings.weight_by]
    return rake(_project(heard, settings.weight_by), margins, settings.max_weight)


def _project(cells: Mapping[Cell, int], dimensions: Sequence[str]) -> dict[Cell, int]:
    """The same people by fewer dimensions."""
    found: dict[Cell, int] = defaultdict(int)
    for cell, n in cells.items():
        found[_take(cell, dimensions)] += n
    return dict(found)


def _take(cell: Cell, dimensions: Sequence[str]) -> Cell:
    return tuple(cell[DIMENSIONS.index(each)] for each in dimensions)


def _find_factors(
    dimension: str, weights: Weights | None, settings: AttentionSettings
) -> Mapping[str, float]:
    if weights is None or dimension not in settings.weight_by:
        return {}
    return weights.factors[settings.weight_by.index(dimension)]


def _share_themes(
    connection: Connection,
    heard: Mapping[Cell, int],
    weights: Weights,
    settings: AttentionSettings,
) -> list[dict[str, Any]]:
    """Each theme's share of the heard customers, as they are and weighted."""
    people = _project(heard, settings.weight_by)
    total, effective = _sum_weights(people, weights), count_effective(people, weights)
    active = set(list_active(connection))
    by_theme: dict[str, dict[Cell, int]] = defaultdict(lambda: defaultdict(int))
    for row in _count_theme_cells(connection):
        if row.theme_id in active:
            by_theme[row.theme_id][_take(_name_cell(row), settings.weight_by)] += row.n
    n_heard = sum(people.values())
    return [
        {
            "theme_id": theme_id,
            "n_heard": n_heard,
            "n_with_theme": sum(cells.values()),
            **name_columns("share", estimate_share(sum(cells.values()), n_heard)),
            **name_columns(
                "weighted_share",
                estimate_share(_sum_weights(cells, weights) / total * effective, effective),
            ),
        }
        for theme_id, cells in sorted(by_theme.items())
    ]


def _sum_weights(people: Mapping[Cell, int], weights: Weights) -> float:
    return sum(n * weights.weigh(cell) for cell, n in people.items())


def _count_theme_cells(connection: Connection) -> Any:
    columns = [_customer[name] for name in DIMENSIONS]
    query = (
        select(mention.theme_id, *columns, func.count(feedback.customer_id.distinct()).label("n"))
        .select_from(join_customers(counted_mentions))
        .where(is_counted, has_theme, is_customer(connection))
        .group_by(mention.theme_id, *columns)
    )
    return connection.execute(query)
