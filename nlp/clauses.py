"""Clauses with a polarity of their own: where a sentence turns from one opinion to another.

Contrast words and commas are candidates (`data/mentions/clauses.toml`); opinion words on the two
sides decide (`data/mentions/opinions.toml`), in English together with a parse of the candidates.
"""

import re
from collections.abc import Sequence
from typing import Final

from nlp.clause_places import Place, Sentence, find_places, is_glued_joiner
from nlp.contrast import (
    PARSED,
    Phrase,
    load_rules,
    trigger_of,
    unspaced_langs,
)
from nlp.opinions import Word, count_polarities, find_words, load_opinions, read_rules
from nlp.syntax import parse_english
from nlp.turning import (
    is_denied,
    is_felt_apart,
    is_repeated,
    is_said_apart,
    is_scene,
)
from nlp.unspaced import cut_unspaced

__all__ = ["split_clauses"]

_REACH: Final = 8
_MIN_SIDE: Final = 2
_MIN_CHARS: Final = 16
_MAX_CHARS: Final = 600
_QUESTION = re.compile(r"[?؟？;][\s\"'”’)\]]*$")
_STOP = re.compile(r"[^\w\s]")
_GREEK: Final = "el"


def split_clauses(sentences: Sequence[str], langs: Sequence[str]) -> list[list[int]]:
    """Find where new clauses start inside sentences; most have no such place.

    Equal sentences are looked at once: a pasted megabyte says the same thing thousands of times.

    :returns: for each sentence, offsets into it, in order.
    """
    pairs = list(zip(sentences, langs, strict=True))
    distinct = list(dict.fromkeys(pairs))
    cuts = dict(zip(distinct, _split_distinct(distinct), strict=True))
    return [cuts[pair] for pair in pairs]


def _split_distinct(sentences: Sequence[tuple[str, str]]) -> list[list[int]]:
    cuts: list[list[int]] = [[] for _ in sentences]
    waiting: dict[int, Sentence] = {}
    for place, (text, lang) in enumerate(sentences):
        if _is_plain(text, lang):
            continue
        if lang in unspaced_langs():
            cuts[place] = cut_unspaced(text, lang)
            continue
        if (sentence := _read(text, lang)) is None:
            continue
        found = _cuts(sentence)
        if found and lang == PARSED:
            waiting[place] = sentence
        else:
            cuts[place] = found
    parses = parse_english([sentence.text for sentence in waiting.values()])
    for (place, sentence), syntax in zip(waiting.items(), parses, strict=True):
        cuts[place] = _cuts(Sentence(sentence.text, sentence.words, sentence.rules, syntax))
    return cuts


def _is_plain(text: str, lang: str) -> bool:
    """Say at little cost that a sentence cannot be split: it has no word that could part it."""
    if lang not in read_rules("clauses") or len(text) > _MAX_CHARS:
        return True
    if len(text) < _MIN_CHARS and lang not in unspaced_langs():
        return True
    if not trigger_of(lang, "any").search(text):
        return True
    end = _QUESTION.search(text)
    return end is not None and (end[0][0] != ";" or lang == _GREEK)


def _read(text: str, lang: str) -> Sentence | None:
    """Find a sentence's words; None if it holds too few opinions for what could part it."""
    opinions, rules = load_opinions(lang), load_rules(lang)
    assert opinions is not None
    needed = 0 if rules.turning else 1
    n_polarities = count_polarities(text, opinions)
    if n_polarities < 2 and not (
        n_polarities >= needed and trigger_of(lang, "strong").search(text)
    ):
        return None
    return Sentence(text, find_words(text, opinions), rules)


def _cuts(sentence: Sentence) -> list[int]:
    found: list[int] = []
    first = 0
    for place in find_places(sentence):
        if place.at > first and _is_turn(sentence, first, place):
            first = place.at
            found.append(sentence.words[first].start)
    return found


def _is_turn(sentence: Sentence, first: int, place: Place) -> bool:
    """Say whether the words before and after a place hold two opinions."""
    words, syntax = sentence.words, sentence.syntax
    left, right = words[first : place.at], words[place.at + place.size :]
    if _is_denial(sentence, left, right, place):
        return True
    if min(len(left), len(right)) < _MIN_SIDE or _is_blocked(sentence, first, place):
        return False
    if place.kind in ("contrast", "weak", "joining") and _is_bare(sentence, right):
        return False
    if place.kind == "contrast" and is_repeated(left, right, sentence.rules):
        return False
    if place.kind == "contrast" and is_felt_apart(left, right, sentence.rules):
        return True
    parts = (left[0].start, words[place.at].start), (right[0].start, len(sentence.text))
    if place.kind == "joining":
        is_bound = not {left[0].form, right[0].form}.isdisjoint(sentence.rules.binding)
        if is_bound or not _is_opposite(left, right):
            return False
        if syntax is None or is_felt_apart(left, right, sentence.rules):
            return True
        return syntax.is_own_clause(*parts)
    is_left, is_right = (any(word.polarity for word in side) for side in (left, right))
    if _is_turned(sentence, left, right, place):
        return True
    if place.kind == "weak" and not _is_opposite(left, right):
        return False
    if is_left and is_right:
        if syntax is None or _is_opposite(left, right):
            return syntax is None or syntax.is_clause(*parts)
        return syntax.is_clause(*parts) and not syntax.has_pronoun_subject(*parts[1])
    if min(len(left), len(right)) < sentence.rules.min_words or not sentence.rules.one_sided:
        return False
    # "I ordered the fish but it was cold" is one opinion; only a parse can tell it from two.
    if not sentence.rules.is_parsed:
        return is_left or (is_right and place.kind == "opening")
    is_one = is_left or is_right
    return is_one and (syntax is None or syntax.is_full_clause(*parts))


def _is_denial(
    sentence: Sentence, left: Sequence[Word], right: Sequence[Word], place: Place
) -> bool:
    form = sentence.forms(place.at, place.at + place.size)
    return form in sentence.rules.turning and is_denied(left, right, sentence.rules)


def _is_turned(
    sentence: Sentence, left: Sequence[Word], right: Sequence[Word], place: Place
) -> bool:
    """Say whether a plain "but" parts two clauses, whatever words of praise or blame they hold."""
    rules, syntax = sentence.rules, sentence.syntax
    if sentence.forms(place.at, place.at + place.size) not in rules.turning:
        return False
    if not rules.is_parsed:
        return is_said_apart(sentence.text, left, right, rules)
    parts = (left[0].start, sentence.words[place.at].start), (right[0].start, len(sentence.text))
    if is_scene(left, rules):
        return False
    if any(word.polarity for word in left):
        # The parser takes the verb for a noun now and then: "but the zip sticks".
        is_begun = is_said_apart(sentence.text, left, right, rules)
        return syntax is None or is_begun or syntax.is_apart(*parts)
    return syntax is None or (syntax.is_full_clause(*parts) and not syntax.is_told(*parts[0]))


def _is_bare(sentence: Sentence, right: Sequence[Word]) -> bool:
    """Say whether a side only names a quality of what came before: "but very cosy".

    One more quality may follow, or what it is due to. In English a parse sees this.
    """
    rules = sentence.rules
    at = _skip(rules.degree | rules.negations, right, 0)
    if not rules.degree or at == len(right) or not right[at].polarity:
        return False
    after = _skip(rules.degree, right, at + 1)
    if after == len(right) or _STOP.search(sentence.text, right[at].end, right[after].start):
        return True
    form = right[after].form
    is_joined = form in rules.starts or is_glued_joiner(right[after], rules)
    return is_joined or form in rules.binding


def _skip(forms: frozenset[str], words: Sequence[Word], at: int) -> int:
    while at < len(words) and words[at].form in forms:
        at += 1
    return at


def _is_opposite(left: Sequence[Word], right: Sequence[Word]) -> bool:
    """Say whether one side only praises and the other only blames, close to each other."""
    sides = [{word.polarity for word in side} - {0} for side in (left, right)]
    if [len(side) for side in sides] != [1, 1] or sides[0] == sides[1]:
        return False
    return all(any(word.polarity for word in near) for near in (left[-_REACH:], right[:_REACH]))


def _is_blocked(sentence: Sentence, first: int, place: Place) -> bool:
    """Say whether the words around take the contrast word's meaning, or a bracket is open."""
    rules, words = sentence.rules, sentence.words
    part = sentence.text[words[first].start : words[place.at].start]
    if (
        part.count("(") > part.count(")")
        or part.count('"') % 2
        or part.count("“") > part.count("”")
    ):
        return True
    before = sentence.forms(first, place.at)
    if any(_holds(before, phrase) for phrase in rules.pairs):
        return True
    if not place.size or place.kind == "joining":
        return False
    if sentence.gap(place.at).isspace() and any(
        before[-len(phrase) :] == phrase for phrase in rules.not_after
    ):
        return True
    after = sentence.forms(place.at + place.size, len(words))
    has_opinion = any(word.polarity for word in words[place.at + place.size :])
    phrases = rules.never_before if has_opinion else rules.never_before + rules.not_before
    return any(after[: len(phrase)] == phrase for phrase in phrases)


def _holds(words: Phrase, phrase: Phrase) -> bool:
    size = len(phrase)
    return any(words[at : at + size] == phrase for at in range(len(words) - size + 1))
