"""What in the store looks like personal data that was not masked: where, never a text."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import JSON, Column, Connection, Table, Text, select

from nlp.masking import Masking, mask_text
from pipelines import tables
from pipelines.feedback_rows import mask_values

_CHUNK_ROWS = 1_000
# Made by earful: hashes, and ids that it derives. What a source gives as an id is looked at.
_DERIVED_ENDINGS = ("_id", "_ids", "_hash", "_key", "_run", "_version", "digest")
_GIVEN_IDS = frozenset({"source_id"})
# Verbatim parts of feedback.text, which is looked at whole: a part alone may look like more.
_PARTS = frozenset({"mention", "theme_quote"})
# Sentences of people, where names are looked for too.
_SENTENCES = frozenset({("feedback", "text"), ("rejected", "raw")})


@dataclass(frozen=True)
class Unmasked:
    """Rows with a value in which something of this kind looks unmasked.

    :param first: the primary key of one of them, its parts with a space between.
    """

    table: str
    column: str
    kind: str
    n_rows: int
    first: str


def find_unmasked(connection: Connection, masking: Masking) -> tuple[list[Unmasked], int]:
    """Look for personal data in all texts of the store.

    :returns: what looks unmasked, and how many rows were looked at.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    first: dict[tuple[str, str, str], str] = {}
    n_rows = 0
    for table in tables.metadata.sorted_tables:
        columns = [column for column in table.columns if _is_looked_at(table, column)]
        if not columns:
            continue
        keys = list(table.primary_key)
        query = select(*(column.label(None) for column in (*keys, *columns)))
        for row in connection.execute(query.execution_options(yield_per=_CHUNK_ROWS)):
            n_rows += 1
            for column, value in zip(columns, row[len(keys) :], strict=True):
                for kind in set(_list_kinds(table.name, column.name, value, masking)):
                    place = (table.name, column.name, kind)
                    counts[place] += 1
                    first.setdefault(place, " ".join(map(str, row[: len(keys)])))
    return [Unmasked(*place, n, first[place]) for place, n in sorted(counts.items())], n_rows


def _is_looked_at(table: Table, column: Column[Any]) -> bool:
    if table.name in _PARTS or not isinstance(column.type, Text | JSON):
        return False
    return column.name in _GIVEN_IDS or not column.name.endswith(_DERIVED_ENDINGS)


def _list_kinds(table: str, column: str, value: Any, masking: Masking) -> Iterator[str]:
    if isinstance(value, str):
        is_sentence = (table, column) in _SENTENCES
        yield from mask_text(value, masking if is_sentence else _bare(masking)).counts
    elif isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str):
                yield from _list_value_kinds(str(name), inner, masking)
            else:
                yield from _list_kinds(table, column, inner, masking)
    elif isinstance(value, list):
        for inner in value:
            yield from _list_kinds(table, column, inner, masking)


def _list_value_kinds(name: str, value: str, masking: Masking) -> Iterator[str]:
    """Judge the value of a column as it was judged when it was stored."""
    if mask_values({name: value}, masking) != {name: value}:
        found = {**mask_text(value, masking).counts, **mask_text(name, _bare(masking)).counts}
        yield from found


def _bare(masking: Masking) -> Masking:
    return replace(masking, names=False, templates=())
