"""Name themes in the words of their members: a short name, keywords, and one sentence.

A phrase names a theme when many of its texts hold it and few of the other themes' do: class-based
TF-IDF times document share. Measured on banking77 and airline, phrases with a verb beat single
words on what people ask for, single words are safest on slang (themes.md, section 5).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nlp.themes.phrases import Phrases, find_phrases
from nlp.themes.quotes import choose_quotes
from nlp.themes.vectors import mean_rows, unit_rows
from nlp.themes.wording import Wording, load_wording

_MAX_TEXTS = 60
_MAX_KEYWORDS = 8
_MIN_SHARE = 0.08
_MIN_SHARE_WIDE = 0.03
_MIN_RANKED = 2
_MIN_TEXTS = 2
# A theme of more texts is named by what three of them say.
_MANY_TEXTS = 25
# A word that every third theme has as often, such as the brand, tells little.
_MIN_LIFT = 1.7
# By number of words: two or three read best, one is often too wide, four are rarely said again.
_LENGTH_WEIGHTS = {1: 0.7, 2: 1.25, 3: 1.15, 4: 0.9}
# A longer phrase takes the place of the one that it contains from this part of its texts on.
_KEEP_LONGER = 0.4
_PHRASE_OVER_WORD = 0.5
_PHRASE_AROUND_WORD = 0.25
_QUOTE_WORDS = 18


@dataclass(frozen=True)
class ThemeName:
    """What a reader sees of a theme.

    :param name: a few words in ``lang``, distinct among the themes named together.
    :param keywords: at most 8 words or phrases, best first.
    :param description: one sentence with keywords and a typical text.
    :param lang: the language of most members.
    """

    name: str
    keywords: tuple[str, ...]
    description: str
    lang: str


@dataclass
class _Counts:
    """In how many texts of a theme, or of a language, each phrase occurs."""

    n_texts: int = 0
    texts_with: Counter[str] = field(default_factory=Counter)
    shown: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, phrases: Phrases) -> None:
        self.n_texts += 1
        self.texts_with.update(phrases.keys())
        for key, words in phrases.items():
            self.shown[key][words] += 1

    def show(self, key: str) -> str:
        words = self.shown[key]
        # "not working" reads better than "not work", and is said nearly as often.
        weights = {form: n * (2 if form.endswith("ing") else 1) for form, n in words.items()}
        return min(weights, key=lambda form: (-weights[form], form))


@dataclass(frozen=True)
class _Scored:
    key: str
    words: str
    score: float
    n_texts: int


def name_themes(
    texts: Sequence[str],
    langs: Sequence[str],
    vectors: NDArray[np.floating],
    labels: Sequence[int] | NDArray[np.integer],
    n_themes: int,
) -> list[ThemeName]:
    """Name every theme from its members; the order of rows changes nothing.

    :param texts: n normalised texts; masked, since the description quotes one.
    :param vectors: (n, d) unit rows.
    :param labels: n theme numbers, -1 for texts of no theme.
    :returns: one name per theme; a theme without members is named by nothing ("").
    """
    members = _choose_members(texts, langs, vectors, np.asarray(labels), n_themes)
    counts, everything = _count_phrases(texts, members)
    taken: set[frozenset[str]] = set()
    named = []
    for number, (lang, rows) in enumerate(members):
        wording = load_wording(lang)
        ranked = _rank(counts[number], everything[lang], _MIN_SHARE)
        if len(ranked) < _MIN_RANKED:  # a wide theme: what a few of its texts share must do
            ranked = _rank(counts[number], everything[lang], _MIN_SHARE_WIDE)
        name = _choose_name(ranked, wording, taken) or _first_words(texts, rows)
        quote = _typical_text(texts, vectors, rows)
        named.append(_describe(name[:1].upper() + name[1:], ranked, quote, wording))
    return named


def _choose_members(
    texts: Sequence[str],
    langs: Sequence[str],
    vectors: NDArray[np.floating],
    labels: NDArray[np.integer],
    n_themes: int,
) -> list[tuple[str, list[int]]]:
    """For each theme its main language and the distinct texts of it nearest to its centre."""
    chosen: list[tuple[str, list[int]]] = []
    for number in range(n_themes):
        rows = np.flatnonzero(labels == number).tolist()
        if not rows:
            chosen.append(("en", []))
            continue
        counts = Counter(langs[row] for row in rows)
        lang = min(counts, key=lambda code: (-counts[code], code))
        first = {texts[row]: row for row in reversed(rows) if langs[row] == lang}
        own = [first[text] for text in sorted(first)]
        near = unit_rows(vectors[own])
        closeness = near @ mean_rows(near, np.zeros(len(own), dtype=np.int32), 1)[0]
        order = np.lexsort((np.arange(len(own)), -np.round(closeness, 4)))
        chosen.append((lang, [own[place] for place in order[:_MAX_TEXTS]]))
    return chosen


def _count_phrases(
    texts: Sequence[str], members: Sequence[tuple[str, list[int]]]
) -> tuple[dict[int, _Counts], dict[str, _Counts]]:
    counts = {number: _Counts() for number in range(len(members))}
    everything: dict[str, _Counts] = defaultdict(_Counts)
    for lang in sorted({lang for lang, _ in members}):
        rows = [
            (number, row)
            for number, (own, kept) in enumerate(members)
            if own == lang
            for row in kept
        ]
        found = find_phrases([texts[row] for _, row in rows], load_wording(lang))
        for (number, _), phrases in zip(rows, found, strict=True):
            counts[number].add(phrases)
            everything[lang].add(phrases)
    return counts, everything


def _rank(theme: _Counts, everything: _Counts, min_share: float) -> list[_Scored]:
    """Score the phrases of a theme, best first."""
    scored = []
    n_others = everything.n_texts - theme.n_texts
    fewest = _MIN_TEXTS + (theme.n_texts >= _MANY_TEXTS) if theme.n_texts > _MIN_TEXTS else 1
    least = max(fewest, min_share * theme.n_texts)
    for key, n_texts in theme.texts_with.items():
        share = n_texts / max(theme.n_texts, 1)
        elsewhere = (everything.texts_with[key] - n_texts + 0.5) / (n_others + 1)
        lift = share / elsewhere if n_others else math.e
        if n_texts < least or lift < _MIN_LIFT:
            continue
        weight = _LENGTH_WEIGHTS.get(len(key.split()), 0.5)
        score = share * math.log(lift) * weight
        scored.append(_Scored(key, theme.show(key), round(score, 6), n_texts))
    return sorted(scored, key=lambda item: (-item.score, item.key))


def _choose_name(ranked: Sequence[_Scored], wording: Wording, taken: set[frozenset[str]]) -> str:
    """Take the best phrase; where none is said often, the two best words.

    :param taken: the stems of names given so far; the new ones are added.
    """
    for items in _name_candidates(ranked):
        stems = frozenset(" ".join(item.key for item in items).split())
        if stems not in taken:
            taken.add(stems)
            return wording.comma.join(item.words for item in items)
    return ""


def _name_candidates(ranked: Sequence[_Scored]) -> Iterator[list[_Scored]]:
    phrases = [item for item in ranked if len(item.key.split()) > 1]
    words = [item for item in ranked if len(item.key.split()) == 1]
    best = _best_phrase(phrases, words)
    if best:
        yield [best]
        rest = [item for item in words if item.key not in best.key.split()]
        yield from ([best, item] for item in rest[:5])
    yield from ([words[0], item] for item in words[1:6])
    yield from ([item] for item in ranked[:5])
    yield from ([first, item] for first in ranked[:8] for item in words[:12] if item != first)


def _best_phrase(phrases: Sequence[_Scored], words: Sequence[_Scored]) -> _Scored | None:
    if not words:
        return phrases[0] if phrases else None
    for item in phrases:
        # A phrase around the best word may be rarer than one that leaves it out.
        ratio = _PHRASE_AROUND_WORD if words[0].key in item.key.split() else _PHRASE_OVER_WORD
        if item.score >= ratio * words[0].score:
            return _longest_form(item, phrases)
    return None


def _longest_form(best: _Scored, phrases: Sequence[_Scored]) -> _Scored:
    for item in phrases:
        is_longer = f" {best.key} " in f" {item.key} " and item.key != best.key
        if is_longer and item.n_texts >= _KEEP_LONGER * best.n_texts:
            return item
    return best


def _choose_keywords(ranked: Sequence[_Scored]) -> tuple[str, ...]:
    chosen: list[_Scored] = []
    for item in ranked:
        stems = set(item.key.split())
        is_new = not any(stems <= set(other.key.split()) for other in chosen)
        n_same = sum(bool(stems & set(other.key.split())) for other in chosen)
        if is_new and n_same < 2:
            chosen.append(item)
        if len(chosen) == _MAX_KEYWORDS:
            break
    return tuple(dict.fromkeys(item.words for item in chosen))


def _typical_text(texts: Sequence[str], vectors: NDArray[np.floating], rows: Sequence[int]) -> str:
    if not rows:
        return ""
    places = choose_quotes([texts[row] for row in rows], vectors[list(rows)], 1)
    return _shorten(texts[rows[places[0]]], _QUOTE_WORDS)


def _first_words(texts: Sequence[str], rows: Sequence[int]) -> str:
    """Name a theme whose members share no phrase by the start of its most central text."""
    return _shorten(texts[rows[0]], 6) if rows else ""


def _shorten(text: str, n_words: int) -> str:
    words = text.split()
    return text if len(words) <= n_words else " ".join(words[:n_words]).rstrip(",.;:،") + " …"


def _describe(name: str, ranked: Sequence[_Scored], quote: str, wording: Wording) -> ThemeName:
    keywords = _choose_keywords(ranked) or ((name,) if name else ())
    listed = wording.comma.join(keywords[:4])
    description = wording.description.format(keywords=listed, quote=quote) if name else ""
    return ThemeName(name, keywords, description, wording.lang)
