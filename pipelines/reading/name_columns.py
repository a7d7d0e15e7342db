"""Columns that hold names of people or secrets, known by the column's name and never kept.

No list has all names: what stands in `Agent` or `Signature` is hidden whether it is known or not.
Words are data (`configs/name_columns.toml`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from pipelines.folding import fold_name
from pipelines.reading.mapping import ColumnMap
from pipelines.reading.vocabulary import load_vocabulary
from pipelines.resources import load_config

_REASON = "its name says that it holds names of people or secrets"
_MAX_WORDS = 4
_MAX_DIGITS = 5
# `Last contact` holds days.
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ][\d:.+Z-]{0,20})?")


def hide_names(
    mapping: ColumnMap,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, str]],
    labels: Mapping[str, str] | None = None,
) -> ColumnMap:
    """Make private what has no role and holds names; columns of flags and numbers stay.

    :param labels: what a survey asked in a column, where its name does not say it.
    """
    used = mapping.used
    found = tuple(
        column
        for column in columns
        if column not in used
        and (_holds_names(column) or asks_for_name((labels or {}).get(column, "")))
        and not _is_harmless([row.get(column, "") for row in rows])
    )
    reasons = mapping.reasons | dict.fromkeys(found, _REASON)
    return replace(mapping, private=(*mapping.private, *found), reasons=reasons)


def _holds_names(column: str) -> bool:
    is_named = is_named_for_people(column) and not load_vocabulary().is_question(column)
    return is_named or asks_for_name(column)


@cache
def asks_for_name(question: str) -> bool:
    """Tell whether a question of a survey asks who somebody is, and nothing else."""
    words = _words()
    asked = fold_name(question)
    for end in words.optional:
        asked = asked.removesuffix(f" {end}")
    return asked in words.asks


@cache
def is_named_for_people(column: str) -> bool:
    """Tell whether a column's name says that people's names or secrets are in it."""
    words = _words()
    folded = fold_name(column)
    if _has_any(folded, words.secrets):
        return True
    if not folded or _has_any(folded, words.never):
        return False
    parts = folded.split()
    if f" {folded}".endswith(words.phrases):
        return True
    is_person = any(part in words.people for part in parts)
    # The last word of a name is its head: a `contact reason` is a reason.
    is_head = parts[-1] in words.people and len(parts) <= _MAX_WORDS
    return is_head or (is_person and any(part in words.naming for part in parts))


@dataclass(frozen=True, slots=True)
class _Words:
    people: frozenset[str]
    naming: frozenset[str]
    phrases: tuple[str, ...]
    never: tuple[str, ...]
    secrets: tuple[str, ...]
    flags: frozenset[str]
    asks: frozenset[str]
    optional: tuple[str, ...]


@cache
def _words() -> _Words:
    data = load_config("name_columns.toml")
    return _Words(
        people=_fold(data["people"].split()),
        naming=_fold(data["naming"]),
        phrases=tuple(f" {phrase}" for phrase in _fold(data["phrases"])),
        never=tuple(_fold(data["never"])),
        secrets=tuple(_fold(data["secrets"])),
        flags=_fold(data["flags"]),
        asks=_fold(data["asks"]),
        optional=tuple(sorted(_fold(data["optional"]))),
    )


def _fold(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(fold_name, names))


def _has_any(folded: str, words: Iterable[str]) -> bool:
    return any(f" {word} " in f" {folded} " for word in words)


def _is_harmless(values: Sequence[str]) -> bool:
    """Whether there are values, and each is a flag, a short number or a day."""
    filled = [value.strip() for value in values if value.strip()]
    return bool(filled) and all(_is_flag(value) for value in filled)


def _is_flag(value: str) -> bool:
    is_number = len(value) <= _MAX_DIGITS and value.isdigit()
    return is_number or fold_name(value) in _words().flags or bool(_DATE.fullmatch(value))
