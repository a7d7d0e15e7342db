"""The known names of columns, in many languages, and how well a column's name fits a role."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pipelines.folding import fold_name
from pipelines.resources import load_config

MIN_NAME_SCORE = 0.45
"""From here on a column's name speaks for a role."""
_REMARK = re.compile(r"[(\[（][^)\]）]{0,200}[)\]）]")
# No name that a role has is longer; a name of many brackets is searched once from each of them.
_LONGEST_NAME = 500
_PLURAL = re.compile(r"(?<=[a-z]{3})s$")


@dataclass(frozen=True, slots=True)
class Role:
    """How a role is recognised by name: names by rank, and words that rule a column out.

    :param by_first_word: the names again: of 10,000 columns each meets only those it may hold.
    """

    names: dict[str, int]
    never: frozenset[str]
    several: frozenset[str] = frozenset()
    by_first_word: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of table has: its roles, and the roles and words that speak for it.

    :param points: how much a role speaks for the kind, against a list of customers.
    :param notes: names of texts that staff write about customers.
    :param comments: names of texts that staff or customers write.
    """

    roles: tuple[str, ...]
    signs: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()
    points: Mapping[str, int] = field(default_factory=dict)
    notes: frozenset[str] = frozenset()
    comments: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All roles, kinds of table and marks of questions."""

    roles: dict[str, Role]
    kinds: dict[str, Kind]
    question_marks: tuple[str, ...]
    question_codes: re.Pattern[str]
    question_starts: tuple[str, ...]
    question_words: int
    _scores: dict[tuple[str, str], float] = field(default_factory=dict)

    def score_name(self, role: str, column: str) -> float:
        """Rate how well a column's name fits a role: 1 the same name, about .5 part of it, 0 no."""
        key = (role, column)
        if key not in self._scores:
            self._scores[key] = _score(self.roles[role], column[:_LONGEST_NAME])
        return self._scores[key]

    def is_question(self, column: str) -> bool:
        """Tell whether a name reads like a question of a survey."""
        stripped = column.strip()
        folded = fold_name(stripped)
        n_words = len(folded.split())
        return (
            stripped.endswith(self.question_marks)
            or self.question_codes.match(stripped.casefold()) is not None
            or n_words >= self.question_words
            or (n_words >= 3 and f"{folded} ".startswith(self.question_starts))
        )


def read_vocabulary(data: Mapping[str, Any]) -> Vocabulary:
    """Build the vocabulary from the parsed `configs/roles.toml`."""
    questions = data["questions"]
    dates = [name for names in data["event_dates"].values() for name in names]
    at = data["roles"]["at"]
    roles = {**data["roles"], "at": {**at, "names": [*at["names"], *dates]}}
    return Vocabulary(
        roles={name: _read_role(role) for name, role in roles.items()},
        kinds={name: _read_kind(kind) for name, kind in data["kinds"].items()},
        question_marks=tuple(questions["marks"]),
        question_codes=re.compile(questions["codes"]),
        question_starts=tuple(f"{fold_name(start)} " for start in questions["starts"]),
        question_words=questions["min_words"],
    )


@cache
def load_vocabulary() -> Vocabulary:
    """Read the vocabulary that is shipped."""
    return read_vocabulary(load_config("roles.toml"))


def _read_kind(data: Mapping[str, Any]) -> Kind:
    return Kind(
        roles=tuple(data["roles"]),
        signs=tuple(data.get("signs", ())),
        words=frozenset(data.get("words", ())),
        points=dict(data.get("points", {})),
        notes=frozenset(map(fold_name, data.get("notes", ()))),
        comments=frozenset(map(fold_name, data.get("comments", ()))),
    )


def _read_role(data: Mapping[str, Any]) -> Role:
    several = [fold_name(name) for name in data.get("several", ())]
    names = [fold_name(name) for name in data["names"]]
    ranks: dict[str, int] = {}
    for rank, name in enumerate([*names, *several]):
        ranks.setdefault(name, rank)
    by_first_word: dict[str, list[str]] = {}
    for name in filter(None, ranks):
        by_first_word.setdefault(name.split()[0], []).append(name)
    never = frozenset(fold_name(word) for word in data["never"])
    return Role(ranks, never, frozenset(several), by_first_word)


def _score(role: Role, column: str) -> float:
    folded, bare = fold_name(column), fold_name(_REMARK.sub(" ", column))
    score = _score_folded(role, folded)
    if not bare or bare == folded or _is_ruled_out(role, folded):
        return score
    # `Phone (if you want a call back)`: what stands in brackets explains the name.
    return max(score, _score_folded(role, bare) - 0.01)


def _is_ruled_out(role: Role, folded: str) -> bool:
    return any(f" {word} " in f" {folded} " for word in role.never)


def _score_folded(role: Role, folded: str) -> float:
    for variant in (folded, _PLURAL.sub("", folded)):
        if variant in role.names:
            return 1.0 - role.names[variant] * 1e-4
    words = folded.split()
    padded = f" {folded} "
    if not words or _is_ruled_out(role, folded):
        return 0.0
    best = 0.0
    for name in (name for word in {*words} for name in role.by_first_word.get(word, ())):
        if f" {name} " in padded:
            rank = role.names[name]
            n_words = name.count(" ") + 1
            # The last word of an English compound is its head: "review date" is a date.
            is_head = 0.15 if padded.endswith(f" {name} ") else 0.0
            best = max(best, 0.35 + 0.3 * n_words / len(words) + is_head - rank * 1e-4)
    return best
