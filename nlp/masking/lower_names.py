"""Names in lower case: of the lists, where the words around them say that they are names."""

import re
from collections.abc import Iterator
from typing import Final

from nlp.masking.name_cues import CUE_CHARS, SAYING, read_cue
from nlp.masking.name_lists import Latin, fold_name

__all__ = ["find_lower_names"]

_UPPER = "".join(char for char in map(chr, range(0x41, 0x530)) if char.isupper())
_WORD = re.compile(rf"(?<![\w@#/.<&$'’-])[^\W\d_{_UPPER}][^\W\d_]{{2,15}}+(?![\w'’-])")
_TITLE = re.compile(r"(?<!\w)(?:mr|mrs|ms|dr|prof)\.? $")
# "silvana, adam, chad and caleb": so many names make a list, two of them names and nothing else.
_MIN_LISTED: Final = 3
_LISTED: Final = frozenset({"given", "ambiguous", "family"})
_LINK = re.compile(r", (?:and )?| and ")


def find_lower_names(text: str, names: Latin) -> Iterator[tuple[int, int]]:
    """Find a name in lower case: after words that say that one follows, or in a list of them."""
    if names.given.isdisjoint(re.split(r"[\s,.;:!?]+", text)):
        return
    words = [match.span() for match in _WORD.finditer(text) if match[0] != "and"]
    kinds = [names.classify(fold_name(text[start:end])) for start, end in words]
    taken = measured = -1
    for at, (start, _) in enumerate(words):
        if at <= taken or kinds[at] not in _LISTED:
            continue
        if kinds[at] == "given" and _is_told(text[max(0, start - CUE_CHARS) : start], names):
            taken = at
            while taken + 1 < len(words) and _goes_on(words, kinds, taken):
                taken += 1
            yield start, words[taken][1]
        elif at > measured:
            measured = _end_list(text, words, kinds, at)
            if _is_list(kinds[at : measured + 1]):
                taken = measured
                yield from words[at : taken + 1]


def _is_told(before: str, names: Latin) -> bool:
    return read_cue(before, names) in SAYING or _TITLE.search(before) is not None


def _goes_on(words: list[tuple[int, int]], kinds: list[str], at: int) -> bool:
    is_next = words[at][1] + 1 == words[at + 1][0]
    return is_next and kinds[at + 1] in ("family", "word", "given")


def _end_list(text: str, words: list[tuple[int, int]], kinds: list[str], at: int) -> int:
    """The place of the last of the names that are linked to the one here."""
    last = at
    while (
        last + 1 < len(words)
        and _LINK.fullmatch(text[words[last][1] : words[last + 1][0]])
        and kinds[last + 1] in _LISTED
    ):
        last += 1
    return last


def _is_list(kinds: list[str]) -> bool:
    return len(kinds) >= _MIN_LISTED and kinds.count("given") > 1
