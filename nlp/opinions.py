"""Words of a sentence, and which of them praise or blame, from the lists in `data/mentions`.

Not a measure of sentiment: only enough to tell that a clause holds an opinion, and which way.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Final, NamedTuple

from nlp.themes.wording import fold

__all__ = [
    "MARKS",
    "Opinions",
    "Word",
    "count_polarities",
    "find_words",
    "fold_word",
    "load_opinions",
    "read_rules",
]


class Word(NamedTuple):
    """A word at ``text[start:end]``.

    :param form: folded: lower case, spellings of one letter made one.
    :param polarity: 1 praises, -1 blames, 0 neither.
    """

    form: str
    start: int
    end: int
    polarity: int = 0


# The vowel signs of Indic scripts are no word characters to `re`, nor are points and harakat.
MARKS: Final = (
    "\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u0655"
    "\u0670\u0900-\u0963\u0971-\u09e3\u0b80-\u0be5"
)
_LETTERS: Final = rf"[\w{MARKS}]+"
_WORD = re.compile(rf"{_LETTERS}(?:['’\u200c\u05f3\u05f4-]{_LETTERS})*|['’]\w\b")
_NEGATED: Final = 2
_BREAK = re.compile(r"[^\w\s'’]")
_MAX_GAP: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Opinions:
    """The opinion words of a language; see ``data/mentions/opinions.toml``.

    :param exact: folded words (several joined by a space) to polarity.
    :param starts: beginnings of words to polarity.
    :param openers: first words of the entries of several words.
    :param unspaced: set where the script has no spaces: any of the words, anywhere.
    """

    exact: Mapping[str, int]
    starts: Mapping[str, int]
    openers: frozenset[str]
    sizes: tuple[int, ...]
    negations: frozenset[str]
    negations_after: frozenset[str]
    glued: tuple[str, ...]
    unspaced: re.Pattern[str] | None

    def polarity_of(self, form: str) -> int:
        """Look a folded word up, with and without the particles written on it."""
        found = self._look_up(form)
        for particle in self.glued:
            if found:
                break
            if form.startswith(particle):
                found = self._look_up(form[len(particle) :])
        return found

    def _look_up(self, form: str) -> int:
        found = self.exact.get(form, 0)
        if found:
            return found
        for size in self.sizes:
            if found := self.starts.get(form[:size], 0):
                return found
        return 0


def count_polarities(text: str, opinions: Opinions) -> int:
    """Count the polarities that a text's opinion words may have: 0, 1 or 2.

    At little cost: a negation anywhere counts as turning one of them.
    """
    if opinions.unspaced is not None:
        return 2
    found = {_judge(word, opinions) for word in _WORD.findall(text)}
    polarities = {polarity for _, polarity in found if polarity}
    if len(polarities) == 1 and any(
        form in opinions.negations or form in opinions.negations_after for form, _ in found
    ):
        return 2
    return len(polarities)


def find_words(text: str, opinions: Opinions) -> list[Word]:
    """Find the words of a text; an opinion after a negation has its polarity turned.

    In scripts without spaces only the opinion words themselves are found.
    """
    if opinions.unspaced is not None:
        words = [
            Word(match[0], match.start(), match.end(), opinions.exact.get(match[0], 0))
            for match in opinions.unspaced.finditer(text)
        ]
    else:
        words = [
            Word((known := _judge(match[0], opinions))[0], *match.span(), known[1])
            for match in _WORD.finditer(text)
        ]
        _join_pairs(words, opinions)
    _turn_negated(text, words, opinions)
    return words


@lru_cache(maxsize=1 << 16)
def _judge(word: str, opinions: Opinions) -> tuple[str, int]:
    form = fold_word(word)
    return form, opinions.polarity_of(form)


def fold_word(word: str) -> str:
    """Fold a word; the dotted capital of Turkish becomes a plain i."""
    return fold(word).replace("i\u0307", "i")


def _join_pairs(words: list[Word], opinions: Opinions) -> None:
    for place in range(len(words) - 1):
        if words[place].form not in opinions.openers:
            continue
        pair = f"{words[place].form} {words[place + 1].form}"
        if polarity := opinions.exact.get(pair, 0):
            words[place] = words[place]._replace(polarity=0)
            words[place + 1] = words[place + 1]._replace(polarity=polarity)


def _turn_negated(text: str, words: list[Word], opinions: Opinions) -> None:
    for place, word in enumerate(words):
        if not word.polarity:
            continue
        before = _linked(text, words[max(0, place - _NEGATED) : place + 1][::-1])
        after = _linked(text, words[place : place + 2])
        if not (
            opinions.negations.isdisjoint(before) and opinions.negations_after.isdisjoint(after)
        ):
            words[place] = word._replace(polarity=-word.polarity)


def _linked(text: str, words: Sequence[Word]) -> list[str]:
    """Give the forms that follow the first word with no sign between."""
    forms: list[str] = []
    for left, right in pairwise(words):
        gap = text[min(left.end, right.end) : max(left.start, right.start)]
        if len(gap) > _MAX_GAP or _BREAK.search(gap):
            break
        forms.append(right.form)
    return forms


@cache
def read_rules(name: str) -> dict[str, Any]:
    """Read one of the rule files of `data/mentions`."""
    path = files("nlp") / "data" / "mentions" / f"{name}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def load_opinions(lang: str) -> Opinions | None:
    """Read a language's opinion words; None where there are none."""
    entry = read_rules("opinions").get(lang)
    if entry is None:
        return None
    exact: dict[str, int] = {}
    starts: dict[str, int] = {}
    for name, polarity in (("positive", 1), ("negative", -1)):
        for item in entry[name].split():
            word = fold_word(item.removesuffix("-").replace("_", " "))
            (starts if item.endswith("-") else exact)[word] = polarity
    glued = read_rules("clauses").get(lang, {}).get("glued", [])
    negations, after = (
        frozenset(map(fold_word, entry.get(name, "").split()))
        for name in ("negations", "negations_after")
    )
    negations |= {particle + word for particle in glued for word in negations}
    unspaced = None
    if entry.get("unspaced"):
        unspaced = _any_of([*exact, *negations, *after])
    sizes = tuple(sorted({len(start) for start in starts}, reverse=True))
    openers = frozenset(words.split()[0] for words in exact if " " in words)
    return Opinions(exact, starts, openers, sizes, negations, after, tuple(glued), unspaced)


def _any_of(words: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(set(words), key=lambda w: (-len(w), w)))))
