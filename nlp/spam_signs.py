"""Signs of adverts in a text: patterns that are data, and the text's shape.

Of each pattern it is known what a text must hold for it to be found (`spam_needs.toml`, made by
scripts/make_sign_needs.py): a text is cut once, and of some 50 patterns two or three are searched.
"""

import math
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

__all__ = ["GRAM_CHARS", "find_signs", "fold_signs", "list_signs", "sign_names"]

# Strings of this length are looked up in one pass over the text, shorter ones one by one.
GRAM_CHARS: Final = 4
_MAX_CHARS: Final = 600
_SHAPES: Final = ("n_signs", "length", "digits", "capitals", "bangs")


def sign_names() -> tuple[str, ...]:
    """What :func:`find_signs` gives, in its order."""
    return (*_rules()["signs"], *_SHAPES)


@cache
def list_signs(kind: Literal["telling", "sound", "complaints", "contacts"]) -> list[int]:
    """Places of the signs that `spam_signs.toml` names for a use."""
    names = list(_rules()["signs"])
    return [names.index(name) for name in _rules()[kind]]


def find_signs(text: str) -> list[float]:
    """Signs found (1) or not (0), then how many they are and the shape of the text."""
    text = text[:_MAX_CHARS]
    lowered = text.lower()
    folded = f" {lowered} ".translate(_FOLDS)
    patterns = _patterns()
    found = [0.0] * len(patterns)
    for place in _find_possible(folded):
        pattern, is_lower = patterns[place]
        if pattern.search(lowered if is_lower else text):
            found[place] = 1.0
    n_signs = sum(found) - sum(found[place] for place in list_signs("sound"))
    return [*found, min(n_signs, 8) / 4, *_measure_shape(text, folded)]


def fold_signs(text: str) -> str:
    """As needs are written: lower case, digits as 0, blanks around words and around marks."""
    return text.lower().translate(_FOLDS)


class _Folds(dict[int, str]):
    """What each character is folded to, found when it is first met."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if char.isdigit():
            self[code] = "0"
        elif char.isalnum() or char == "_":
            # Without case "ı" and "ſ" are found by patterns of "i" and "s".
            self[code] = {"ı": "i", "ſ": "s"}.get(char, char)
        else:
            self[code] = f" {char} " if char in _MARKS else " "
        return self[code]


_MARKS: Final = frozenset("£$€₪₹<>@!&%#:/=?'+.-")
_FOLDS: Final = _Folds()


def _find_possible(folded: str) -> list[int]:
    """Places of the patterns whose needs the text holds."""
    needs = _needs()
    possible = needs.always
    cut = [folded[at : at + GRAM_CHARS] for at in range(len(folded) - GRAM_CHARS + 1)]
    for gram in needs.grams.keys() & cut:
        possible |= needs.grams[gram]
    for short, bits in needs.shorts:
        if short in folded:
            possible |= bits
    places = []
    while possible:
        places.append(possible.bit_length() - 1)
        possible ^= 1 << places[-1]
    return places


def _measure_shape(text: str, folded: str) -> list[float]:
    # A text has few different characters: counting each is thrice as fast as asking every one.
    chars = set(text)
    n_letters = len(text) - sum(text.count(char) for char in chars if not char.isalpha())
    n_capitals = sum(text.count(char) for char in chars if char.isupper())
    return [
        math.log1p(len(text)) / 5,
        3 * folded.count("0") / max(len(text), 1),
        n_capitals / n_letters if n_letters > 3 else 0.0,
        min(text.count("!"), 5) / 5,
    ]


@dataclass(frozen=True, slots=True)
class _Needs:
    """The places of patterns as bits, by what they need.

    :param always: of those that may be found in any text.
    """

    grams: dict[str, int]
    shorts: tuple[tuple[str, int], ...]
    always: int


@cache
def _needs() -> _Needs:
    bits: dict[str, int] = {}
    always = 0
    for place, needs in enumerate(_read("spam_needs.toml").values()):
        always |= (not needs) << place
        for need in needs:
            bits[need] = bits.get(need, 0) | 1 << place
    grams = {need: places for need, places in bits.items() if len(need) == GRAM_CHARS}
    shorts = tuple(each for each in bits.items() if len(each[0]) < GRAM_CHARS)
    return _Needs(grams, shorts, always)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], bool], ...]:
    """Each sign's pattern, and whether it is searched in lower case: that is twice as fast."""
    return tuple(map(_compile, _rules()["signs"].values()))


def _compile(pattern: str) -> tuple[re.Pattern[str], bool]:
    plain = _PLACEHOLDER.sub(lambda found: found[0].lower(), pattern)
    if _CAPITAL.search(plain):
        return re.compile(pattern, re.IGNORECASE | re.DOTALL), False
    return re.compile(plain, re.DOTALL), True


_PLACEHOLDER: Final = re.compile("<[A-Z]+>")
# A letter whose case counts; that of "\W" is none.
_CAPITAL: Final = re.compile(r"(?<!\\)[A-Z]|\(\?-i:")


@cache
def _rules() -> dict[str, Any]:
    return _read("spam_signs.toml")


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((files("nlp") / "data" / "noise" / name).read_text(encoding="utf-8"))
