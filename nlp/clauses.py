"""Clauses with a polarity of their own: where a sentence turns from one opinion to another.

Contrast words and commas are candidates (`data/mentions/clauses.toml`); opinion words on the two
sides decide (`data/mentions/opinions.toml`), in English together with a parse of the candidates.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from nlp.contrast import (
    COMMA,
    PARSED,
    Kind,
    Phrase,
    Phrases,
    Rules,
    load_rules,
    trigger_of,
    unspaced_langs,
)
from nlp.opinions import Word, count_polarities, find_words, load_opinions, read_rules
from nlp.syntax import Syntax, parse_english
from nlp.turning import (
    begins_subject,
    is_denied,
    is_felt_apart,
    is_repeated,
    is_said_apart,
    is_scene,
)
from nlp.unspaced import cut_unspaced

__all__ = ["split_clauses"]

_MIN_GLUED: Final = 4
_REACH: Final = 8
_MIN_SIDE: Final = 2
_MIN_CHARS: Final = 16
_MAX_CHARS: Final = 600
_QUESTION = re.compile(r"[?؟？;][\s\"'”’)\]]*$")
_STOP = re.compile(r"[^\w\s]")
_GREEK: Final = "el"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a clause may start.

    :param at: the index of its first word.
    :param size: how many words belong to the contrast word.
    """

    at: int
    size: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    words: list[Word]
    rules: Rules
    syntax: Syntax | None = None

    def gap(self, at: int) -> str:
        """Give what stands between a word and the one before it."""
        return self.text[self.words[at - 1].end : self.words[at].start] if at else ""

    def forms(self, first: int, last: int) -> Phrase:
        return tuple(word.form for word in self.words[max(0, first) : last])


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
    waiting: dict[int, _Sentence] = {}
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
        cuts[place] = _cuts(_Sentence(sentence.text, sentence.words, sentence.rules, syntax))
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


def _read(text: str, lang: str) -> _Sentence | None:
    """Find a sentence's words; None if it holds too few opinions for what could part it."""
    opinions, rules = load_opinions(lang), load_rules(lang)
    assert opinions is not None
    needed = 0 if rules.turning else 1
    n_polarities = count_polarities(text, opinions)
    if n_polarities < 2 and not (
        n_polarities >= needed and trigger_of(lang, "strong").search(text)
    ):
        return None
    return _Sentence(text, find_words(text, opinions), rules)


def _cuts(sentence: _Sentence) -> list[int]:
    found: list[int] = []
    first = 0
    for place in _places(sentence):
        if place.at > first and _is_turn(sentence, first, place):
            first = place.at
            found.append(sentence.words[first].start)
    return found


def _places(sentence: _Sentence) -> Iterator[_Place]:
    """Find the places in order; at each the strongest kind."""
    rules, words = sentence.rules, sentence.words
    opened = _end_of_opening(sentence)
    for at, word in enumerate(words):
        if at == opened:
            yield _Place(at, 0, "opening")
        kinds = rules.starts.get(word.form, ())
        size = 0
        for kind, phrases in kinds:
            if size := _match(phrases, words, at, rules.glued):
                yield _settle(sentence, _Place(at, size, kind))
                break
        if size or not at:
            continue
        if _closes(sentence, at - 1):
            yield _Place(at, 0, "closing")
        elif _is_comma(sentence, at) or _is_glued_joiner(word, rules):
            yield _Place(at, 0, "joining")


def _settle(sentence: _Sentence, place: _Place) -> _Place:
    """Move the place of a word that stands inside its clause to the comma before it."""
    joiner = place.at - 1
    if (
        joiner > 0
        and place.kind != "joining"
        and sentence.forms(joiner, place.at)[0] in sentence.rules.joining
    ):
        return _Place(joiner, place.size + 1, place.kind)
    if place.kind != "contrast":
        return place
    form = sentence.forms(place.at, place.at + place.size)
    if form not in sentence.rules.floating or COMMA.search(sentence.gap(place.at)):
        return place
    for at in range(place.at - 1, max(0, place.at - 6), -1):
        if COMMA.search(sentence.gap(at)):
            return _Place(at, 0, "contrast")
    return _Place(place.at, place.size, "weak")


def _end_of_opening(sentence: _Sentence) -> int | None:
    """Find the first word after "although X," or, where it has no comma, "although X"."""
    rules, words = sentence.rules, sentence.words
    for start in (0, 1):
        if start < len(words) and _match(rules.opening, words, start, rules.glued):
            break
    else:
        return None
    commas = [at for at in range(start + 2, len(words)) if COMMA.search(sentence.gap(at))]
    for at in commas:
        if at > start + 2 and _is_opened(sentence, at):
            return at
    return None if commas else _end_without_comma(sentence, start + 3)


def _end_without_comma(sentence: _Sentence, first: int) -> int | None:
    """Find where a subject begins after what was said of another one: "although X is slow the Y".

    In English the parse knows it; elsewhere the word before it is one of praise or blame.
    """
    rules, words = sentence.rules, sentence.words
    places = range(first, min(len(words), first + _REACH))
    begun = [at for at in places if begins_subject(words[at], rules)]
    if rules.is_parsed:
        opened = [at for at in begun if _is_opened(sentence, at)]
        return opened[-1] if opened else None
    return next((at for at in begun if _ends_said(sentence, at - 1)), None)


def _ends_said(sentence: _Sentence, at: int) -> bool:
    word = sentence.words[at]
    if word.form in sentence.rules.degree and at:
        word = sentence.words[at - 1]
    return bool(word.polarity)


def _is_opened(sentence: _Sentence, at: int) -> bool:
    syntax = sentence.syntax
    return syntax is None or syntax.is_main_clause(sentence.words[at].start)


def _is_turn(sentence: _Sentence, first: int, place: _Place) -> bool:
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
    sentence: _Sentence, left: Sequence[Word], right: Sequence[Word], place: _Place
) -> bool:
    form = sentence.forms(place.at, place.at + place.size)
    return form in sentence.rules.turning and is_denied(left, right, sentence.rules)


def _is_turned(
    sentence: _Sentence, left: Sequence[Word], right: Sequence[Word], place: _Place
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


def _is_bare(sentence: _Sentence, right: Sequence[Word]) -> bool:
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
    is_joined = form in rules.starts or _is_glued_joiner(right[after], rules)
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


def _is_blocked(sentence: _Sentence, first: int, place: _Place) -> bool:
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


def _match(phrases: Phrases, words: Sequence[Word], at: int, glued: tuple[str, ...]) -> int:
    """Give the number of words of the phrase that starts here, 0 for none."""
    form = words[at].form
    forms = [form, *(form[len(part) :] for part in glued if form.startswith(part))]
    for start in forms:
        for phrase in phrases.get(start, ()):
            rest = tuple(word.form for word in words[at + 1 : at + len(phrase)])
            if rest == phrase[1:]:
                return len(phrase)
    return 0


def _is_comma(sentence: _Sentence, at: int) -> bool:
    left, right = sentence.words[at - 1], sentence.words[at]
    if not COMMA.search(sentence.text, left.end, right.start):
        return False
    return not (left.form[-1].isdigit() and right.form[0].isdigit())


def _closes(sentence: _Sentence, at: int) -> bool:
    rules, form = sentence.rules, sentence.words[at].form
    if rules.endings and len(form) > _MIN_SIDE and form.endswith(rules.endings):
        return True
    if form not in rules.closing:
        return False
    return any(
        sentence.forms(at + 1 - len(phrase), at + 1) == phrase for phrase in rules.closing[form]
    )


def _is_glued_joiner(word: Word, rules: Rules) -> bool:
    return bool(rules.glued) and len(word.form) >= _MIN_GLUED and word.form[0] in rules.joining
