#!/usr/bin/env python3
"""Write what a text must hold for a sign of an advert to be there, `data/noise/spam_needs.toml`.

    python scripts/make_sign_needs.py

From the patterns in `spam_signs.toml`: of each a set of short strings, one of which stands in
every text where the pattern is found. A text is cut once and only a few patterns are searched.
As in RE2's prefilter (https://swtch.com/~rsc/regexp/regexp4.html), in text that is folded so that
every edge of a word has a blank.
"""

import re
import tomllib
from collections.abc import Iterable, Sequence
from itertools import product
from math import fsum
from pathlib import Path
from re import _parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

from nlp.spam_signs import GRAM_CHARS, fold_signs

FOLDER = Path(__file__).parents[1] / "nlp" / "data" / "noise"
TARGET = FOLDER / "spam_needs.toml"
MAX_STRINGS = 120
# Stands for the edge of a word until its neighbours are known.
EDGE = "\0"
# From the most frequent on; a blank is met as often as "e", a digit as often as "l".
LETTERS = " etaoinshrdl0ucmfwypvbgkjqxz"
# Stretches of the most frequent words.
COMMON = {" for", "for ", " all", " may", "from", "with", "work", "your", "like", "look", "have"}
COMMON |= {"make", "made", "were", "know", "just"}
MAX_CHARS_OF_CLASS = 8


class Found(NamedTuple):
    """What a part of a pattern says of the text that it matches.

    :param exact: all that it can be; None where that is not known or too much.
    :param needs: one of these stands in it; None where nothing is known.
    """

    exact: frozenset[str] | None
    needs: frozenset[str] | None = None


def main() -> None:
    TARGET.write_text(format_needs(), encoding="utf-8")
    print(f"wrote {TARGET}")


def format_needs() -> str:
    """The file's text, of the patterns as they are now."""
    signs = tomllib.loads((FOLDER / "spam_signs.toml").read_text(encoding="utf-8"))["signs"]
    lines = ["# Made by scripts/make_sign_needs.py of spam_signs.toml: do not edit.\n"]
    for name, pattern in signs.items():
        needs = _shorten(derive_needs(pattern) or frozenset())
        # Literal strings: what a pattern needs holds no quote and no control character.
        lines.append(f"{name} = [{', '.join(map(_quote, needs))}]\n")
    return "".join(lines)


def derive_needs(pattern: str) -> frozenset[str] | None:
    """Folded strings, of which one stands in every text that the pattern is found in."""
    return _read_sequence(_parser.parse(pattern, re.IGNORECASE)).needs


def _read_sequence(parts: Iterable[tuple[Any, Any]]) -> Found:
    """Strings that follow each other are joined; of all that are needed the rarest are kept."""
    run, is_exact, candidates = frozenset({""}), True, list[frozenset[str]]()
    for operation, value in parts:
        found, goes_on = _read_part(str(operation), value)
        if found.needs:
            candidates.append(found.needs)
        if found.exact is not None and len(run) * len(found.exact) <= MAX_STRINGS:
            run = _join(run, found.exact)
        else:
            candidates.append(run)
            run, is_exact = found.exact or frozenset({""}), False
        if not goes_on:
            candidates.append(run)
            run, is_exact = found.exact or frozenset({""}), False
    known = [each for each in map(_settle, (*candidates, run)) if each and "" not in each]
    return Found(run if is_exact else None, min(known, key=_order) if known else None)


def _read_part(operation: str, value: Any) -> tuple[Found, bool]:
    """What a part says, and whether what follows it touches it."""
    match operation:
        case "LITERAL":
            return Found(_fold([chr(value)])), True
        case "AT" if str(value) == "AT_BOUNDARY":
            return Found(frozenset({EDGE})), True
        case "AT" | "ASSERT" | "ASSERT_NOT":
            return Found(frozenset({""})), True
        case "IN" if str(value[0][1]) == "CATEGORY_NOT_WORD":
            return Found(frozenset({" "})), False
        case "IN":
            exact = _read_class(value)
            return Found(exact), exact is not None
        case "SUBPATTERN":
            found = _read_sequence(value[-1])
            return found, found.exact is not None
        case "BRANCH":
            return _read_branches(value[1])
        case "MAX_REPEAT":
            return _read_repeat(*value)
    return Found(None), False


def _read_class(parts: Sequence[tuple[Any, Any]]) -> frozenset[str] | None:
    chars: set[str] = set()
    for operation, value in parts:
        match str(operation), str(value):
            case "LITERAL", _:
                chars.add(chr(value))
            case "RANGE", _:
                chars.update(map(chr, range(value[0], value[1] + 1)))
            case "CATEGORY", "CATEGORY_DIGIT":
                chars.add("0")
            case "CATEGORY", "CATEGORY_SPACE":
                chars.add(" ")
            case _:
                return None
    folded = _fold(chars)
    return folded if len(folded) <= MAX_CHARS_OF_CLASS else None


def _read_branches(branches: Iterable[Any]) -> tuple[Found, bool]:
    found = [_read_sequence(each) for each in branches]
    needs = [each.needs for each in found if each.needs]
    needed = frozenset[str]().union(*needs) if len(needs) == len(found) else None
    exacts = [each.exact for each in found if each.exact is not None]
    exact = frozenset[str]().union(*exacts)
    if len(exacts) == len(found) and len(exact) <= MAX_STRINGS:
        return Found(exact, needed), True
    return Found(None, needed), False


def _read_repeat(least: int, most: int, parts: Any) -> tuple[Found, bool]:
    exact, needs = _read_sequence(parts)
    if least == 0:
        known = exact | {""} if exact is not None and most == 1 else None
        return Found(known), known is not None
    if exact is None or len(exact) ** least > MAX_STRINGS:
        return Found(None, needs), False
    # Of more than the least number the last ones touch what follows: the run begins anew there.
    return Found(frozenset(map("".join, product(exact, repeat=least))), needs), least == most


def _settle(texts: frozenset[str]) -> frozenset[str]:
    """With a blank at each edge of a word that has none, and without what cannot be."""
    texts = frozenset(re.sub(r"\0+", EDGE, text) for text in texts)
    possible = [text for text in texts if not re.search(r"[^ \0]\0[^ \0]", text)]
    inner = (re.sub(r"(?<=[^\0])\0(?=[^\0])", "", text) for text in possible)
    outer = (re.sub(r"^\0(?=[^ ])|(?<=[^ ])\0$", " ", text) for text in inner)
    return frozenset(text.replace(EDGE, "") for text in outer)


def _join(some: frozenset[str], others: frozenset[str]) -> frozenset[str]:
    return frozenset(one + other for one in some for other in others)


def _fold(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(map(fold_signs, texts))


def _weigh_all(texts: frozenset[str]) -> float:
    """How often a stretch of one of them is met, roughly; each costs a little by itself."""
    return fsum(_weigh(_cut(text)) + 1e-6 for text in texts)


def _order(texts: frozenset[str]) -> tuple[float, list[str]]:
    return _weigh_all(texts), sorted(texts)


def _weigh(text: str) -> float:
    weight = 30.0 if text in COMMON else 1.0
    for char in text:
        rank = LETTERS.find(char)
        weight *= 0.12 * 0.9**rank if rank >= 0 else 0.02 if char.isascii() else 0.004
    return weight


def _shorten(texts: frozenset[str]) -> list[str]:
    """Their rarest stretches, and none that holds another."""
    cut = set(map(_cut, texts))
    return sorted(one for one in cut if not any(o != one and o in one for o in cut))


def _cut(text: str) -> str:
    stretches = [text[at : at + GRAM_CHARS] for at in range(max(len(text) - GRAM_CHARS, 0) + 1)]
    return min(stretches, key=lambda each: (_weigh(each), each))


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    main()
