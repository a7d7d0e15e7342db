"""Find texts that hold a keyword, whatever particles and endings their language puts on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from nlp.themes.content import is_unspaced
from nlp.themes.vectors import Ints, rows_by_language
from nlp.themes.wording import fold, load_wording, split_words, strip_prefixes, strip_suffixes

# What is left of a word without its particles and endings is a word itself.
_MIN_STEM = 3


def match_keywords(
    texts: Sequence[str], langs: Sequence[str], keywords: Sequence[Sequence[str]]
) -> Ints:
    """Say whose keyword each text holds: the one with most words, else of the first owner.

    Words match in any spelling that folds alike, with the particles of their language before them
    and its endings behind them: "refund" in "refunded", "كارت" in "بالكارت". In scripts without
    spaces any occurrence counts.

    :param keywords: the keywords of each owner.
    :returns: (n,) owner numbers, -1 where no keyword is held.
    """
    owners = [(word, owner) for owner, words in enumerate(keywords) for word in words]
    owners.sort(key=lambda pair: (-len(pair[0].split()), pair[1]))
    found = np.full(len(texts), -1, dtype=np.int32)
    for lang, rows in rows_by_language(langs).items() if owners else ():
        index = _Index([keyword for keyword, _ in owners], lang)
        for row in rows:
            place = index.find(texts[row])
            found[row] = -1 if place is None else owners[place][1]
    return found


def is_keyword(keyword: str) -> bool:
    """Tell whether a keyword can match anything: it holds a word."""
    return bool(split_words(keyword))


class _Index:
    """Keywords by the forms of their first word in a language, so that few are compared."""

    def __init__(self, keywords: Sequence[str], lang: str) -> None:
        self._lang = lang
        self._unspaced = [(at, fold(word)) for at, word in enumerate(keywords) if is_unspaced(word)]
        spaced = [(at, word) for at, word in enumerate(keywords) if not is_unspaced(word)]
        self._forms = {at: _list_forms(word, lang) for at, word in spaced}
        self._first: dict[str, list[int]] = {}
        for at, forms in self._forms.items():
            for form in forms[0] if forms else ():
                self._first.setdefault(form, []).append(at)

    def find(self, text: str) -> int | None:
        """The place of the first keyword that a text holds."""
        held = {at for at, word in self._unspaced if word in fold(text)}
        for run in split_words(text):
            forms = [_forms(word, self._lang) for word in run]
            for start, own in enumerate(forms):
                places = {at for form in own for at in self._first.get(form, ())}
                held |= {at for at in places if self._continues(at, forms[start:])}
        return min(held, default=None)

    def _continues(self, at: int, forms: Sequence[frozenset[str]]) -> bool:
        wanted = self._forms[at]
        pairs = zip(wanted, forms, strict=False)
        return len(wanted) <= len(forms) and all(each & there for each, there in pairs)


def _list_forms(keyword: str, lang: str) -> list[frozenset[str]]:
    return [_forms(word, lang) for run in split_words(keyword) for word in run]


@lru_cache(maxsize=1 << 16)
def _forms(word: str, lang: str) -> frozenset[str]:
    """The word as it is, and what is left of it without particles and endings."""
    folded = fold(word)
    wording = load_wording(lang)
    fronts = [folded, *strip_prefixes(folded, wording)]
    bare = [rest for front in fronts for rest in strip_suffixes(front, wording)]
    return frozenset(form for form in [*fronts, *bare] if form == folded or len(form) >= _MIN_STEM)
