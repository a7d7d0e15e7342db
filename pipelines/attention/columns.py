"""Columns that name what is compared, and which of their values are: brands, products, branches."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, select, true
from sqlalchemy.sql.elements import ColumnElement

from pipelines import tables
from pipelines.anonymity import choose_shown
from pipelines.attention.settings import AttentionSettings
from pipelines.counted import feedback, is_counted, voice
from pipelines.folding import fold_name

# Columns of feedback itself that can be compared by name, beside attributes.
OWN_COLUMNS: dict[str, ColumnElement[Any]] = {
    "source": feedback.source,
    "channel": feedback.channel,
    "lang": feedback.lang,
}
# Spellings that are looked at; a column of more is one of ids, links or free text.
_MAX_SPELLINGS = 1_000
# The values that are compared hold this share of the voices, or they stand for nothing.
_MIN_SHARE = 0.5


@dataclass(frozen=True)
class Compared:
    """A column whose values are compared.

    :param spellings: the value that is meant by each spelling.
    """

    dimension: str
    column: ColumnElement[Any]
    spellings: dict[str, str]

    @property
    def value(self) -> ColumnElement[Any]:
        """SQL for the value of a row of feedback; null where it is not compared."""
        return case(self.spellings, value=self.column)


@dataclass(frozen=True)
class NotCompared:
    """A column that is no comparison.

    :param reason: missing, few_values (fewer than two of enough voices) or many_values (the
        largest hold less than half of the voices: ids, links or free text).
    """

    dimension: str
    reason: str
    n_values: int = 0


def find_compared(
    connection: Connection, name: str, settings: AttentionSettings, attributes: Sequence[str]
) -> Compared | NotCompared:
    """Find the column of a name, and its values that are compared.

    :param attributes: as :func:`list_attributes` lists them.
    """
    dimension = fold_name(name)
    column = _find_column(dimension, attributes)
    if column is None:
        return NotCompared(dimension, "missing")
    counts, n_voices = _count_spellings(connection, column)
    groups = _group_spellings(counts)
    chosen = _choose_values({name: sum(each.values()) for name, each in groups.items()}, settings)
    if len(chosen) < 2:
        return NotCompared(dimension, "few_values", len(groups))
    if sum(groups[name].total() for name in chosen) < _MIN_SHARE * n_voices:
        return NotCompared(dimension, "many_values", len(groups))
    meant = {spelling: name for name in chosen for spelling in groups[name]}
    return Compared(dimension, column, dict(sorted(meant.items())))


def list_attributes(connection: Connection) -> list[str]:
    """Names of the attributes of feedback that counts."""
    if connection.dialect.name == "postgresql":
        keys = func.jsonb_object_keys(feedback.attributes).table_valued("key").render_derived()
    else:
        keys = func.json_each(feedback.attributes).table_valued("key")
    query = select(keys.c.key).select_from(tables.feedback.join(keys, true()))
    named = query.where(is_counted, feedback.attributes.is_not(None)).distinct()
    return sorted(connection.execute(named).scalars())


def _find_column(dimension: str, attributes: Sequence[str]) -> ColumnElement[Any] | None:
    if dimension in OWN_COLUMNS:
        return OWN_COLUMNS[dimension]
    # SQLite cannot be asked for a key with a quotation mark.
    keys = [key for key in attributes if fold_name(key) == dimension]
    columns = [feedback.attributes[key].as_string() for key in keys if '"' not in key]
    return func.coalesce(*columns) if len(columns) > 1 else next(iter(columns), None)


def _count_spellings(
    connection: Connection, column: ColumnElement[Any]
) -> tuple[dict[str, int], int]:
    """Voices by spelling, of those with the most, and of the whole column."""
    said = (
        select(column.label("spelling"), voice.label("voice"))
        .where(is_counted, column.is_not(None))
        .subquery()
        .c
    )
    n = func.count(said.voice.distinct())
    query = select(said.spelling, n).group_by(said.spelling).order_by(n.desc(), said.spelling)
    counts: dict[str, int] = dict(connection.execute(query.limit(_MAX_SPELLINGS)).all())
    return counts, connection.execute(select(n)).scalar_one()


def _group_spellings(counts: dict[str, int]) -> dict[str, Counter[str]]:
    """Spellings of one value, by the most frequent of them: `DELTA` and `delta ` are `Delta`."""
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for spelling, n in counts.items():
        if folded := fold_value(spelling):
            groups[folded][spelling] += n
    return {
        min(each, key=lambda spelling: (-each[spelling], spelling)): each
        for each in groups.values()
    }


def fold_value(value: str) -> str:
    """A value as it is compared: without case, marks of direction and doubled spaces."""
    plain = unicodedata.normalize("NFKC", value).casefold()
    return " ".join("".join(c for c in plain if unicodedata.category(c) != "Cf").split())


def _choose_values(counts: dict[str, int], settings: AttentionSettings) -> Sequence[str]:
    """The largest values of enough voices, the largest first."""
    enough = {name: n for name, n in counts.items() if n >= settings.min_voices}
    rest = sum(n for name, n in counts.items() if name not in enough)
    shown = choose_shown(enough, settings.k, rest)
    return sorted(shown, key=lambda name: (-counts[name], name))[: settings.max_values]
