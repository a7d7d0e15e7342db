"""Words that tell near-copies apart by what they say: a "not", an opposite, another number.

Words and affixes are data (`data/noise/copies.toml`). Of opposites only the listed ones are known.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

__all__ = ["N_CODES", "code_word", "is_turned"]

N_CODES: Final = 256
"""Codes are smaller; the lowest byte of a word's number holds its code."""
_NOTHING, _NEGATION, _NUMBER, _FIRST_OPPOSITE = 0, 1, 2, 4
_LONGEST: Final = 40
# 250, 25gb, 3rd.
_NUMBER_WORD = re.compile(r"\d+\w{0,3}")


def code_word(word: str) -> int:
    """What a folded word does to a text: nothing, a negation, a number or a side of opposites."""
    if _NUMBER_WORD.fullmatch(word):
        return _NUMBER
    # No real word is longer; a very long one of equal syllables would be searched from each.
    if word in _negations() or (len(word) <= _LONGEST and _affixes().fullmatch(word)):
        return _NEGATION
    return _opposites().get(word, _NOTHING)


def is_turned(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two texts of nearly the same words say different things.

    A side of opposites more is a difference too: else two texts of opposite words would both be
    copies of a third one that has neither.

    :param one: numbers of words; their lowest byte is the word's code.
    """
    said, told = _count_coded(one), _count_coded(other)
    codes, other_codes = _count_codes(said), _count_codes(told)
    codes[_NUMBER] = other_codes[_NUMBER] = 0
    if codes != other_codes:
        return True
    gone, come = said - told, told - said
    # A number more is a copy still; a number for another is not.
    return _has_number(gone) and _has_number(come)


def _count_coded(words: Sequence[int]) -> Counter[int]:
    return Counter(word for word in words if word % N_CODES)


def _count_codes(words: Counter[int]) -> Counter[int]:
    codes: Counter[int] = Counter()
    for word, n_times in words.items():
        codes[word % N_CODES] += n_times
    return codes


def _has_number(words: Counter[int]) -> bool:
    return any(word % N_CODES == _NUMBER for word in words)


@cache
def _lists() -> dict[str, Any]:
    path = files("nlp") / "data" / "noise" / "copies.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def _negations() -> frozenset[str]:
    return frozenset(_lists()["negations"].split())


@cache
def _affixes() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in _lists()["affixes"]))


@cache
def _opposites() -> dict[str, int]:
    """Code of each word; a word of several pairs belongs to the first."""
    codes: dict[str, int] = {}
    for place, sides in enumerate(_lists()["opposites"]):
        for side, words in enumerate(sides):
            for word in words.split():
                codes.setdefault(word, _FIRST_OPPOSITE + 2 * place + side)
    return codes
