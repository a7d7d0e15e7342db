"""The contrast words of a language and the words around them, from `data/mentions/clauses.toml`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from nlp.opinions import fold_word, load_opinions, read_rules

__all__ = [
    "COMMA",
    "PARSED",
    "Kind",
    "Phrase",
    "Phrases",
    "Rules",
    "load_rules",
    "trigger_of",
    "unspaced_langs",
]

Phrase = tuple[str, ...]
Phrases = dict[str, list[Phrase]]
Kind = Literal["contrast", "weak", "opening", "closing", "joining"]

# The language whose candidates are parsed.
PARSED: Final = "en"
COMMA: Final = re.compile(r"[,،、，;؛:]")
_MIN_WORDS: Final = 4


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a language; phrases by their first word, the longest first.

    :param starts: the forms of first words, particles on them, to what may start there.
    """

    starts: dict[str, list[tuple[Kind, Phrases]]]
    opening: Phrases
    closing: Phrases
    joining: frozenset[str]
    floating: frozenset[Phrase]
    pairs: tuple[Phrase, ...]
    not_after: tuple[Phrase, ...]
    not_before: tuple[Phrase, ...]
    never_before: tuple[Phrase, ...]
    endings: tuple[str, ...]
    binding: frozenset[str]
    degree: frozenset[str]
    negations: frozenset[str]
    glued: tuple[str, ...]
    min_words: int
    one_sided: bool
    turning: frozenset[Phrase]
    own: frozenset[str]
    own_endings: tuple[str, ...]
    scene: frozenset[str]
    feeling: frozenset[str]
    things: frozenset[str]
    article: str
    is_parsed: bool


@cache
def load_rules(lang: str) -> Rules:
    """Read a language's rules."""
    entry = read_rules("clauses")[lang]
    closing = entry.get("closing", [])
    endings = [item for item in closing if item.startswith("-")]
    return Rules(
        starts=_starts(entry),
        opening=_by_first(entry.get("opening", [])),
        closing=_by_last([item for item in closing if item not in endings]),
        joining=frozenset(map(fold_word, entry.get("joining", []))),
        floating=frozenset(map(_phrase, entry.get("floating", []))),
        pairs=tuple(map(_phrase, entry.get("pairs", []))),
        not_after=tuple(map(_phrase, entry.get("not_after", []))),
        not_before=tuple(map(_phrase, entry.get("not_before", []))),
        never_before=tuple(map(_phrase, entry.get("never_before", []))),
        endings=tuple(item[1:] for item in endings),
        binding=frozenset(map(fold_word, entry.get("binding", []))),
        degree=frozenset(map(fold_word, entry.get("degree", []))),
        negations=opinions.negations if (opinions := load_opinions(lang)) else frozenset(),
        glued=tuple(entry.get("glued", [])),
        min_words=entry.get("min_words", _MIN_WORDS),
        one_sided=entry.get("one_sided", True),
        turning=frozenset(map(_phrase, entry.get("turning", []))),
        own=frozenset(map(fold_word, entry.get("own", []))),
        own_endings=tuple(entry.get("own_endings", [])),
        scene=frozenset(map(fold_word, entry.get("scene", []))),
        feeling=frozenset(map(fold_word, entry.get("feeling", []))),
        things=frozenset(map(fold_word, entry.get("things", []))),
        article=fold_word(entry.get("article", "")),
        is_parsed=lang == PARSED,
    )


def _starts(entry: dict[str, Any]) -> dict[str, list[tuple[Kind, Phrases]]]:
    found: dict[str, list[tuple[Kind, Phrases]]] = {}
    kinds: tuple[Kind, ...] = ("contrast", "weak", "joining")
    for kind in kinds:
        phrases = _by_first(entry.get(kind, []))
        particles = entry.get("glued", []) if kind != "joining" else []
        forms = {particle + first for first in phrases for particle in ("", *particles)}
        for form in sorted(forms):
            found.setdefault(form, []).append((kind, phrases))
    return found


def _phrase(text: str) -> Phrase:
    return tuple(fold_word(word) for word in text.split())


def _by_first(phrases: Sequence[str]) -> Phrases:
    found: Phrases = {}
    for phrase in sorted(map(_phrase, phrases), key=len, reverse=True):
        found.setdefault(phrase[0], []).append(phrase)
    return found


def _by_last(phrases: Sequence[str]) -> Phrases:
    found: Phrases = {}
    for phrase in map(_phrase, phrases):
        found.setdefault(phrase[-1], []).append(phrase)
    return found


@cache
def trigger_of(lang: str, kind: Literal["any", "strong"]) -> re.Pattern[str]:
    """Match what every sentence that is split has: a contrast word, or also "and" or a comma.

    :param kind: `strong` for what parts a sentence that has an opinion on one side only.
    """
    entry = read_rules("clauses")[lang]
    names = ["contrast", "closing", *(["weak", "joining"] if kind == "any" else [])]
    names += ["opening"] if kind == "strong" else []
    words = {item.removeprefix("-") for name in names for item in entry.get(name, [])}
    starts = "|".join(map(re.escape, sorted({word.split()[0] for word in words})))
    is_inside = lang in unspaced_langs() or "glued" in entry or "closing" in entry
    comma = COMMA.pattern + "|" if kind == "any" else ""
    return re.compile(f"{comma}{starts}" if is_inside else rf"{comma}\b(?:{starts})", re.I)


@cache
def unspaced_langs() -> frozenset[str]:
    """Name the languages that write no spaces between words."""
    return frozenset(
        lang for lang, entry in read_rules("opinions").items() if entry.get("unspaced")
    )
