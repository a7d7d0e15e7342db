"""Facts: one value of one row each, named so that anybody can look it up or count it again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, unquote

from sqlalchemy import Table

Value = int | float | str | None
# What may stand in the parts of an id; the rest is written as in a URL.
_SAFE: Final = " :+,.@|<>()*!~"


@dataclass(frozen=True)
class Fact:
    """A value as it is stored, or as it is counted from the base tables.

    :param table: of a stored value its table; of a counted one that whose rows are counted.
    :param key: the key of the row; of a counted value what the rows have in common.
    :param column: the column; of a counted value what is counted (:mod:`pipelines.stories.counts`).
    :param value: moments as in ISO 8601.
    :param in_languages: what people said in its place for readers of a language.
    """

    table: str
    key: tuple[tuple[str, str], ...]
    column: str
    value: Value
    in_languages: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    @property
    def id(self) -> str:
        """Its name: ``table/key=value;key=value/column``."""
        key = ";".join(f"{name}={quote(value, safe=_SAFE)}" for name, value in self.key)
        return f"{self.table}/{key}/{self.column}"

    def for_reader(self, lang: str) -> "Fact":
        """The fact as a reader of a language gets it: the theme's name in that language, say."""
        own = dict(self.in_languages).get(lang)
        return self if own is None else Fact(self.table, self.key, f"{self.column}s.{lang}", own)

    @property
    def is_known(self) -> bool:
        """Whether there is a value."""
        return self.value is not None


def read_fact(fact_id: str, value: Value) -> Fact:
    """The fact of an id.

    :raises ValueError: for what is no id.
    """
    table, key, column = fact_id.split("/")
    pairs = [part.partition("=") for part in key.split(";") if part]
    return Fact(table, tuple((name, unquote(text)) for name, _, text in pairs), column, value)


def fact_of(table: Table, row: Mapping[Any, Any], column: str) -> Fact:
    """A value of a stored row, which holds its key too."""
    key = tuple((each.name, str(make_plain(row[each.name]))) for each in table.primary_key)
    return Fact(table.name, key, column, make_plain(row[column]))


def counted_fact(table: str, scope: Mapping[str, str], column: str, value: Any) -> Fact:
    """A value that is counted.

    :param scope: what the rows that are counted have in common.
    """
    return Fact(table, tuple(sorted(scope.items())), column, make_plain(value))


def make_plain(value: Any) -> Value:
    """A value as JSON holds it; a number that is none is no value."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and value - value != 0:
        return None
    plain: Value = value
    return plain
