"""Phrases that could name a theme, found in each of its texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from nlp.syntax import load_english
from nlp.themes.content import strip_marks
from nlp.themes.wording import Wording, count_stems, fold, split_words, stem_of, strip_prefixes

# A phrase: its key (stems in alphabetical order, so that "card declined" and "declined my card" are
# one) to the words that a reader sees.
Phrases = dict[str, str]

_HYPHEN = re.compile(r"(?<=[a-z])-(?=[a-z])")
_JOINER = "\u02bc"
_MAX_WORDS = 3
# Words of a run with those between that name nothing: "the card has still not arrived".
_MAX_SPAN = 5
_MAX_CHUNK_WORDS = 4
_NOUNS = {"NOUN", "PROPN"}
_SUBJECTS = {"nsubj", "nsubjpass"}
_NAMING_TAGS = {"NOUN", "PROPN", "ADJ", "VERB", "ADV", "X"}
# Where the lemma depends on how the tagger took the same word.
_LEMMAS = {"pend": "pending"}
_WEAK_VERBS = {"be", "have", "do", "get", "go", "can", "will", "would", "could", "should", "let"}


def find_phrases(texts: Sequence[str], wording: Wording) -> list[Phrases]:
    """Find the phrases of each text: by grammar in English, else by runs of one to three words."""
    if is_parsed(wording):
        return _parse_english(texts, wording)
    stems = count_stems(texts, wording)
    return [_find_runs(text, wording, stems) for text in texts]


def is_parsed(wording: Wording) -> bool:
    """Whether a language's phrases are found by grammar."""
    return wording.lang == "en"


def _find_runs(text: str, wording: Wording, stems: Mapping[str, str]) -> Phrases:
    found: Phrases = {}
    for words in split_words(text):
        for start in range(len(words)):
            for end in range(start + 1, min(start + _MAX_SPAN, len(words)) + 1):
                run = words[start:end]
                telling = [word for word in run if _is_telling(word, wording)]
                if wording.closers.intersection(map(fold, run)):
                    break
                if not _is_name(run, wording) or len(telling) > _MAX_WORDS:
                    continue
                key = " ".join(sorted({stem_of(word, stems) for word in telling}))
                closer = [word for word in words[end : end + 1] if fold(word) in wording.closers]
                shown = _show_run([*run, *closer], wording, stems)
                if closer or key not in found:
                    found[key] = shown
    return found


def _show_run(run: Sequence[str], wording: Wording, stems: Mapping[str, str]) -> str:
    """Without the particles of the first word where what is left is a word of the corpus."""
    first = run[0]
    bare = _bare_form(first, stems, wording)
    has_article = any(first.startswith(article) for article in wording.articles)
    return " ".join([first if len(run) > 1 and has_article else bare, *run[1:]])


def _bare_form(word: str, stems: Mapping[str, str], wording: Wording) -> str:
    """The word without particles, but with its ending: "עמלות" of "העמלות"."""
    stem = stem_of(word, stems)
    for rest in strip_prefixes(fold(word), wording):
        if rest == stem or stems.get(rest) == stem:
            return word[len(word) - len(rest) :]
    start = fold(word).find(stem)
    return word[start : start + len(stem)] if start >= 0 else word


def _is_telling(word: str, wording: Wording) -> bool:
    return not wording.is_stop(word) or fold(word) in wording.negations


def _is_name(run: Sequence[str], wording: Wording) -> bool:
    is_stop = [wording.is_stop(word) for word in run]
    starts = not is_stop[0] or (len(run) > 1 and fold(run[0]) in wording.negations)
    return starts and not is_stop[-1] and len({fold(word) for word in run}) == len(run)


def _parse_english(texts: Sequence[str], wording: Wording) -> list[Phrases]:
    # A mention is a sentence; what is longer is a letter, whose start says what it is about.
    cleaned = [" ".join(strip_marks(text).split())[:600] for text in texts]
    # The parser splits "top-up" and loses it; joined by a letter it stays one noun.
    joined = [_HYPHEN.sub(_JOINER, text) for text in cleaned]
    return [_english_phrases(doc, wording) for doc in load_english().pipe(joined, batch_size=256)]


def _english_phrases(doc: Any, wording: Wording) -> Phrases:
    found: Phrases = {}
    chunk_of = {}
    for chunk in doc.noun_chunks:
        words = _trim_chunk(chunk, wording)
        if words:
            chunk_of[chunk.root.i] = words
            _add(found, words)
    for words in _linked_words(doc, wording):
        _add(found, words)
    for token in doc:
        if token.pos_ in _NAMING_TAGS and _is_word(token, wording):
            _add(found, [token])
        if token.pos_ == "VERB" or token.dep_ == "acomp":
            for words in _verb_phrases(token, chunk_of, wording):
                _add(found, words, is_verbal=words[0] is token)
    return found


def _trim_chunk(chunk: Any, wording: Wording) -> list[Any]:
    words = [token for token in chunk if token.is_alpha and not token.is_space]
    while words and (not _is_word(words[0], wording) or words[0].pos_ in {"PRON", "DET"}):
        words = words[1:]
    while words and not _is_word(words[-1], wording):
        words = words[:-1]
    return words if len(words) <= _MAX_CHUNK_WORDS else words[-2:]


def _linked_words(doc: Any, wording: Wording) -> Iterator[list[Any]]:
    """Find "source of funds", "Visa or Mastercard", "charged twice"."""
    for left, right in pairwise(doc):
        if left.pos_ == "VERB" and right.pos_ == "ADV" and _is_word(left, wording):
            if _is_word(right, wording):
                yield [left, right]
        elif left.i and left.pos_ in {"ADP", "CCONJ"}:
            before = doc[left.i - 1]
            is_pair = before.pos_ in _NOUNS and right.pos_ in _NOUNS
            if is_pair and _is_word(before, wording) and _is_word(right, wording):
                yield [before, left, right]


def _verb_phrases(
    verb: Any, chunk_of: Mapping[int, list[Any]], wording: Wording
) -> Iterator[list[Any]]:
    if verb.lemma_.lower() in _WEAK_VERBS or not verb.is_alpha:
        return
    head = verb.head if verb.dep_ == "acomp" else verb  # "my transfer is pending"
    is_passive = any(child.dep_ in {"nsubjpass", "auxpass"} for child in verb.children)
    particle = [child for child in verb.children if child.dep_ == "prt" and child.i == verb.i + 1]
    negation = [child for child in head.children if child.dep_ == "neg"][:1]
    is_content = _is_word(verb, wording) or bool(particle)
    has_object = any(child.dep_ in {"dobj", "obj"} for child in verb.children)
    if particle:
        yield [verb, *particle]
    for child in head.children:
        words = chunk_of.get(child.i, [])[-2:]
        if not words:
            continue
        if child.dep_ in {"dobj", "obj"} and is_content:
            yield [verb, *particle, *words]
        elif child.dep_ in _SUBJECTS and not has_object and (negation or is_passive or is_content):
            yield [*words, *negation, verb, *particle]


def _is_word(token: Any, wording: Wording) -> bool:
    if not token.is_alpha or len(token.text) < 2:
        return False
    return not (wording.is_stop(token.text) or wording.is_stop(token.lemma_))


def _add(found: Phrases, words: Sequence[Any], *, is_verbal: bool = False) -> None:
    key = " ".join(sorted({part for token in words for part in _key_of(token).split()}))
    shown = [_shown(token) for token in words]
    if is_verbal:  # "cancel transfer", however the verb was written
        shown[0] = str(words[0].lemma_).lower().replace(_JOINER, "-")
    found.setdefault(key, " ".join(shown))


def _key_of(token: Any) -> str:
    if token.dep_ == "neg":
        return "not"
    lemma = str(token.lemma_).lower()
    return _LEMMAS.get(lemma, lemma).replace(_JOINER, " ")


def _shown(token: Any) -> str:
    if token.dep_ == "neg":
        return "not"
    text = str(token.text).replace(_JOINER, "-")
    is_name = token.pos_ == "PROPN" and not text.isupper() and not token.is_sent_start
    return text if is_name or (text.isupper() and 1 < len(text) <= 4) else text.lower()
