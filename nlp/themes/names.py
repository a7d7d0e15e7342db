"""Name themes in the words of their members: a short name, keywords, and one sentence.

A phrase names a theme when many of its texts hold it and few of the other themes' do: class-based
TF-IDF times document share. Measured on banking77 and airline, phrases with a verb beat single
words on what people ask for, single words are safest on slang (themes.md, section 5).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nlp.themes.phrases import Phrases, find_phrases, is_parsed
from nlp.themes.quotes import choose_quotes
from nlp.themes.ranking import PhraseCounts, Scored, rank_phrases
from nlp.themes.vectors import mean_rows, unit_rows
from nlp.themes.wording import Wording, fold, load_wording

_MAX_TEXTS = 60
_MAX_KEYWORDS = 8
# A longer phrase takes the place of the one that it contains from this part of its texts on.
_KEEP_LONGER = 0.4
# ... and from this part on where it adds one of the theme's two best words.
_ADD_BEST_WORD = 0.3
_PHRASE_OVER_WORD = 1.0
# A phrase that leaves the best words out must score so many times as much as one around them.
_OTHER_OVER_AROUND = 2.0
# One word says it all when it scores so many times as much as the next.
_ONE_WORD = 2.5
# ... and then a phrase that adds another word to it needs this part of its texts.
_KEEP_PHRASE = 0.3
# By the place of the best word that a phrase holds.
_PHRASE_AROUND_WORD = (0.25, 0.3, 0.35)
# A theme whose main language has no phrase, or one that so few of its texts hold, is named in a
# language of at least this part of its texts, where the best phrase of that scores twice as much.
_FEW_TEXTS = 0.1
_OTHER_OVER_MAIN = 2.0
_OTHER_LANG = 0.5
_OTHER_TEXTS = 3
_QUOTE_WORDS = 18
_NAME_WORDS = 6


@dataclass(frozen=True)
class ThemeName:
    """What a reader sees of a theme.

    :param name: a few words in ``lang``, or, where few members in it share any, in a language of
        at least half as many; distinct among the themes named together.
    :param keywords: at most 8 words or phrases, best first.
    :param description: one sentence with keywords and a typical text.
    :param lang: the language of most members.
    """

    name: str
    keywords: tuple[str, ...]
    description: str
    lang: str


def name_themes(
    texts: Sequence[str],
    langs: Sequence[str],
    vectors: NDArray[np.floating],
    labels: Sequence[int] | NDArray[np.integer],
    n_themes: int,
    *,
    documents: Sequence[str] | None = None,
) -> list[ThemeName]:
    """Name every theme from its members; the order of rows changes nothing.

    :param texts: n normalised texts; masked, since the description quotes one.
    :param vectors: (n, d) unit rows.
    :param labels: n theme numbers, -1 for texts of no theme.
    :param documents: n keys of what each text is a part of, None where each stands alone. What a
        story says in several sentences counts once.
    :returns: one name per theme; a theme without members is named by nothing ("").
    """
    by_lang = _choose_members(texts, langs, vectors, np.asarray(labels), n_themes)
    members = [each[0] for each in by_lang]
    counts, everything = _count_phrases(texts, members, documents)
    taken: set[frozenset[str]] = set()
    named = []
    for number, spoken in enumerate(by_lang):
        lang, rows = spoken[0]
        found = counts[number], everything[lang], load_wording(lang)
        ranked, wide = rank_phrases(*found), rank_phrases(*found, is_wide=True)
        if not ranked or ranked[0].n_texts < _FEW_TEXTS * len(rows):
            beside = _rank_beside(texts, documents, spoken, everything)
            least = _OTHER_OVER_MAIN * ranked[0].score if ranked else 0.0
            if beside and beside[2][0].score > least:
                lang, rows, ranked = beside
        if not ranked:  # a wide theme: what a few of its texts share must do
            ranked = wide
        wide = wide if lang == spoken[0][0] else []
        name = _choose_name(ranked, load_wording(lang), taken) or _first_words(texts, rows)
        quote = _typical_text(texts, vectors, rows)
        shown = name[:1].upper() + name[1:]
        described = _describe(shown, [*ranked, *wide], quote, load_wording(lang))
        named.append(replace(described, lang=spoken[0][0]))
    return named


def is_quoted(description: str, text: str) -> bool:
    """Tell whether a description that :func:`name_themes` made quotes a text.

    :param text: normalised.
    """
    quote = _shorten(text, _QUOTE_WORDS)
    place = description.find(quote) if quote else -1
    return place > 0 and description[:place].rstrip().endswith(("“", "„", "«"))


def is_named_by(name: str, text: str) -> bool:
    """Tell whether a name is but the beginning of a text, for want of a phrase that many share.

    :param text: normalised.
    """
    return bool(text) and name.casefold() == _begin(text).casefold()


def _choose_members(
    texts: Sequence[str],
    langs: Sequence[str],
    vectors: NDArray[np.floating],
    labels: NDArray[np.integer],
    n_themes: int,
) -> list[list[tuple[str, list[int]]]]:
    """For each theme its languages, the main one first, and what is nearest to the centre of each.

    :returns: language, and rows of its distinct texts; ("en", []) of a theme without members.
    """
    chosen = []
    for number in range(n_themes):
        rows = np.flatnonzero(labels == number).tolist()
        counts = Counter(langs[row] for row in rows)
        order = sorted(counts, key=lambda code: (-counts[code], code))
        near = [(lang, _find_nearest(texts, langs, vectors, rows, lang)) for lang in order]
        chosen.append(near or [("en", [])])
    return chosen


def _find_nearest(
    texts: Sequence[str],
    langs: Sequence[str],
    vectors: NDArray[np.floating],
    rows: Sequence[int],
    lang: str,
) -> list[int]:
    first = {texts[row]: row for row in reversed(rows) if langs[row] == lang}
    own = [first[text] for text in sorted(first)]
    near = unit_rows(vectors[own])
    closeness = near @ mean_rows(near, np.zeros(len(own), dtype=np.int32), 1)[0]
    order = np.lexsort((np.arange(len(own)), -np.round(closeness, 4)))
    return [own[place] for place in order[:_MAX_TEXTS]]


def _count_phrases(
    texts: Sequence[str],
    members: Sequence[tuple[str, list[int]]],
    documents: Sequence[str] | None,
) -> tuple[dict[int, PhraseCounts], dict[str, PhraseCounts]]:
    counts = {number: PhraseCounts() for number in range(len(members))}
    everything: dict[str, PhraseCounts] = defaultdict(PhraseCounts)
    for lang in sorted({lang for lang, _ in members}):
        rows = [
            (number, row)
            for number, (own, kept) in enumerate(members)
            if own == lang
            for row in kept
        ]
        found = find_phrases([texts[row] for _, row in rows], load_wording(lang))
        told: dict[tuple[int, str], Phrases] = defaultdict(dict)
        for (number, row), phrases in zip(rows, found, strict=True):
            told[number, documents[row] if documents else str(row)].update(phrases)
        for (number, _), phrases in told.items():
            counts[number].add(phrases)
            everything[lang].add(phrases)
        for number in {number for number, _ in told}:
            everything[lang].n_themes += 1
            everything[lang].themes_with.update(counts[number].texts_with.keys())
    return counts, everything


def _rank_beside(
    texts: Sequence[str],
    documents: Sequence[str] | None,
    spoken: Sequence[tuple[str, list[int]]],
    everything: Mapping[str, PhraseCounts],
) -> tuple[str, list[int], list[Scored]] | None:
    """What many texts of a theme share in another language than its main one.

    :param spoken: the languages of the theme, the main one first, and its texts in each.
    :param everything: what themes say, by their main language.
    :returns: that language, its texts and phrases, the one whose best phrase tells most.
    """
    fewest = max(_OTHER_LANG * len(spoken[0][1]), _OTHER_TEXTS)
    found = []
    for lang, rows in spoken[1:]:
        if len(rows) >= fewest:
            counts, own = _count_phrases(texts, [(lang, rows)], documents)
            beside = everything[lang].join(own[lang]) if lang in everything else own[lang]
            if ranked := rank_phrases(counts[0], beside, load_wording(lang)):
                found.append((lang, rows, ranked))
    return max(found, key=lambda each: each[2][0].score, default=None)


def _choose_name(ranked: Sequence[Scored], wording: Wording, taken: set[frozenset[str]]) -> str:
    """Take the best phrase; where none is said often, the two best words.

    :param taken: the stems of names given so far; the new ones are added.
    """
    for items in _name_candidates(ranked, wording):
        stems = frozenset(" ".join(item.key for item in items).split())
        if stems not in taken:
            taken.add(stems)
            return _join_items([item.words for item in items], wording)
    return ""


def _join_items(items: Sequence[str], wording: Wording) -> str:
    """Put a comma between words, but none before what says something of the first."""
    is_sentence = len(items) == 2 and fold(items[1].split()[-1]) in wording.closers
    return (" " if is_sentence else wording.comma).join(items)


def _name_candidates(ranked: Sequence[Scored], wording: Wording) -> Iterator[list[Scored]]:
    phrases = [item for item in ranked if len(item.key.split()) > 1]
    words = [item for item in ranked if len(item.key.split()) == 1]
    best = _best_phrase(phrases, words, wording)
    if best:
        yield [best]
        rest = [item for item in words if item.key not in best.key.split()]
        yield from ([best, item] for item in rest[:5])
    elif _says_it_all(words):
        yield [words[0]]
    yield from ([words[0], item] for item in words[1:6])
    yield from ([item] for item in ranked[:5])
    yield from ([first, item] for first in ranked[:8] for item in words[:12] if item != first)


def _best_phrase(
    phrases: Sequence[Scored], words: Sequence[Scored], wording: Wording
) -> Scored | None:
    if not words:
        return phrases[0] if phrases else None
    best_words = [item.key for item in words[: len(_PHRASE_AROUND_WORD)]]
    around, other = None, None
    # Runs of words that no grammar found need more to take the place of a word that says it all.
    # Not so in English: "eat card" is better than "ATM machine", "book flight" than "book".
    is_one_word = not is_parsed(wording) and _says_it_all(words)
    known = {item.key for item in words} | wording.negations
    for item in phrases:
        if is_one_word and not _is_around(item, words[0], known):
            continue
        # A phrase around one of the best words may be rarer than one that leaves them out.
        places = [best_words.index(word) for word in item.key.split() if word in best_words]
        ratio = _PHRASE_AROUND_WORD[min(places)] if places else _PHRASE_OVER_WORD
        if item.score >= ratio * words[0].score:
            around, other = (around or item, other) if places else (around, other or item)
    if around and other and other.score < _OTHER_OVER_AROUND * around.score:
        other = None
    best = other or around
    return best and _longest_form(best, phrases, best_words[:2])


def _says_it_all(words: Sequence[Scored]) -> bool:
    """Whether the best word leaves all others far behind."""
    return bool(words) and all(words[0].score >= _ONE_WORD * item.score for item in words[1:2])


def _is_around(phrase: Scored, word: Scored, known: AbstractSet[str]) -> bool:
    """Whether a phrase may stand for a word that says it all: it holds the word.

    What it adds is a word of the theme too, a negation, or is said nearly whenever the word is.
    """
    parts = set(phrase.key.split())
    adds_known = len(parts & known) > 1
    is_said = phrase.n_texts >= _KEEP_PHRASE * word.n_texts
    return word.key in parts and (adds_known or is_said)


def _longest_form(best: Scored, phrases: Sequence[Scored], best_words: Sequence[str]) -> Scored:
    own = set(best.key.split())
    for item in phrases:
        added = set(item.key.split()) - own
        share = _ADD_BEST_WORD if added & set(best_words) else _KEEP_LONGER
        if own < set(item.key.split()) and item.n_texts >= share * best.n_texts:
            return item
    return best


def _choose_keywords(ranked: Sequence[Scored]) -> tuple[str, ...]:
    chosen: list[Scored] = []
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
    return _begin(texts[rows[0]]) if rows else ""


def _begin(text: str) -> str:
    return _shorten(text, _NAME_WORDS).rstrip(".?!,;:؟،؛۔。")


def _shorten(text: str, n_words: int) -> str:
    words = text.split()
    return text if len(words) <= n_words else " ".join(words[:n_words]).rstrip(",.;:،") + " …"


def _describe(name: str, ranked: Sequence[Scored], quote: str, wording: Wording) -> ThemeName:
    keywords = _choose_keywords(ranked) or ((name,) if name else ())
    listed = wording.comma.join(keywords[:4])
    description = wording.description.format(keywords=listed, quote=quote) if name else ""
    return ThemeName(name, keywords, description, wording.lang)
