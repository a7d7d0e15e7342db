"""Clauses in scripts without spaces, by their contrast words and the characters around."""

import re
from collections.abc import Iterator
from functools import cache

from nlp.contrast import COMMA
from nlp.opinions import find_words, load_opinions, read_rules

__all__ = ["cut_unspaced"]


def cut_unspaced(text: str, lang: str) -> list[int]:
    """Find where new clauses start; a side needs some characters, and one side an opinion."""
    entry = read_rules("clauses")[lang]
    opinions = load_opinions(lang)
    assert opinions is not None
    words = find_words(text, opinions)
    found: list[int] = []
    first = 0
    for cut, start in _places(text, lang):
        left = [word for word in words if first <= word.start < cut and word.polarity]
        right = [word for word in words if word.start >= start and word.polarity]
        sizes = cut - first, len(text) - start
        if min(sizes) < entry["min_chars"] or not (left or right):
            continue
        if any(phrase in text[first:cut] for phrase in entry["pairs"]):
            continue
        found.append(cut)
        first = cut
    return found


def _places(text: str, lang: str) -> Iterator[tuple[int, int]]:
    """Yield where a clause may start and where its contrast word ends."""
    entry = read_rules("clauses")[lang]
    closing = entry.get("closing", [])
    not_after, not_before = (tuple(entry.get(name, ())) for name in ("not_after", "not_before"))
    opening = tuple(entry.get("opening", ()))
    opened = COMMA.search(text) if opening and text.startswith(opening) else None
    if opened:
        yield opened.end(), opened.end()
    for match in _marks(lang).finditer(text, opened.end() if opened else 0):
        if match[0] in closing:
            yield match.end(), match.end()
        elif not (
            text[: match.start()].endswith(not_after) or text[match.end() :].startswith(not_before)
        ):
            yield match.start(), match.end()


@cache
def _marks(lang: str) -> re.Pattern[str]:
    entry = read_rules("clauses")[lang]
    marks = {*entry["contrast"], *entry.get("closing", [])}
    return re.compile("|".join(map(re.escape, sorted(marks, key=lambda m: (-len(m), m)))))
