"""Clauses with a polarity of their own: where a sentence turns from one opinion to another.

Contrast words and commas are candidates (`data/mentions/clauses.toml`); opinion words on the two
sides decide (`data/mentions/opinions.toml`), in English together with a parse of the candidates.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from nlp.opinions import Opinions, Word, find_words, fold_word, load_opinions, read_rules
from nlp.syntax import Syntax, parse_english

__all__ = ["split_clauses"]

Phrase = tuple[str, ...]
Phrases = dict[str, list[Phrase]]

_PARSED: Final = "en"
_MIN_WORDS: Final = 3
_MIN_SIDE: Final = 2
_MIN_CHARS: Final = 16
_MAX_CHARS: Final = 600
_QUESTION = re.compile(r"[?؟？;][\s\"'”’)\]]*$")
_COMMA = re.compile(r"[,،、，;؛:–—]|\s-+\s")
_GREEK: Final = "el"


@dataclass(frozen=True, slots=True)
class _Rules:
    """The rules of a language; phrases by their first word, the longest first."""

    contrast: Phrases
    weak: Phrases
    opening: Phrases
    closing: Phrases
    joining: Phrases
    floating: frozenset[Phrase]
    pairs: tuple[Phrase, ...]
    not_after: tuple[Phrase, ...]
    not_before: tuple[Phrase, ...]
    endings: tuple[str, ...]
    glued: tuple[str, ...]
    min_words: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a clause may start.

    :param at: the index of its first word.
    :param size: how many words belong to the contrast word.
    """

    at: int
    size: int
    kind: Literal["contrast", "weak", "opening", "closing", "joining"]


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    words: list[Word]
    rules: _Rules
    syntax: Syntax | None = None

    def gap(self, at: int) -> str:
        """Give what stands between a word and the one before it."""
        return self.text[self.words[at - 1].end : self.words[at].start] if at else ""

    def forms(self, first: int, last: int) -> Phrase:
        return tuple(word.form for word in self.words[max(0, first) : last])


def split_clauses(sentences: Sequence[str], langs: Sequence[str]) -> list[list[int]]:
    """Find where new clauses start inside sentences; most have no such place.

    :returns: for each sentence, offsets into it, in order.
    """
    cuts: list[list[int]] = [[] for _ in sentences]
    waiting: dict[int, _Sentence] = {}
    for place, (text, lang) in enumerate(zip(sentences, langs, strict=True)):
        if _is_plain(text, lang):
            continue
        if lang in _unspaced():
            cuts[place] = _unspaced_cuts(text, lang)
            continue
        sentence = _read(text, lang)
        found = _cuts(sentence)
        if found and lang == _PARSED:
            waiting[place] = sentence
        else:
            cuts[place] = found
    parses = parse_english([sentence.text for sentence in waiting.values()])
    for (place, sentence), syntax in zip(waiting.items(), parses, strict=True):
        cuts[place] = _cuts(
            _Sentence(sentence.text, sentence.words, sentence.rules, syntax)
        )
    return cuts


def _is_plain(text: str, lang: str) -> bool:
    """Say at little cost that a sentence cannot be split: it has no word that could part it."""
    if lang not in read_rules("clauses") or len(text) > _MAX_CHARS:
        return True
    if len(text) < _MIN_CHARS and lang not in _unspaced():
        return True
    if not _trigger(lang).search(text):
        return True
    end = _QUESTION.search(text)
    return bool(end) and (end[0][0] != ";" or lang == _GREEK)


def _read(text: str, lang: str) -> _Sentence:
    opinions = load_opinions(lang)
    assert opinions is not None
    return _Sentence(text, find_words(text, opinions), _rules(lang))


def _cuts(sentence: _Sentence) -> list[int]:
    if not any(word.polarity for word in sentence.words):
        return []
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
    for at in range(len(words)):
        gap = sentence.gap(at)
        if at == opened:
            yield _Place(at, 0, "opening")
        if size := _match(rules.contrast, words, at, rules.glued):
            yield _settle(sentence, _Place(at, size, "contrast"))
        elif size := _match(rules.weak, words, at, rules.glued):
            yield _Place(at, size, "weak")
        elif at and _closes(sentence, at - 1):
            yield _Place(at, 0, "closing")
        elif at and (size := _match(rules.joining, words, at, ())):
            yield _Place(at, size, "joining")
        elif at and (_COMMA.search(gap) or _is_glued_joiner(words[at], rules)):
            yield _Place(at, 0, "joining")


def _settle(sentence: _Sentence, place: _Place) -> _Place:
    """Move the place of a word that stands inside its clause to the comma before it."""
    form = sentence.forms(place.at, place.at + place.size)
    if form not in sentence.rules.floating or _COMMA.search(sentence.gap(place.at)):
        return place
    for at in range(place.at - 1, max(0, place.at - 6), -1):
        if _COMMA.search(sentence.gap(at)):
            return _Place(at, 0, "contrast")
    return _Place(place.at, place.size, "weak")


def _end_of_opening(sentence: _Sentence) -> int | None:
    """Find the first word after "although X,"."""
    rules, words = sentence.rules, sentence.words
    for start in (0, 1):
        if start < len(words) and _match(rules.opening, words, start, rules.glued):
            break
    else:
        return None
    for at in range(start + 3, len(words)):
        if _COMMA.search(sentence.gap(at)) and _is_opened(sentence, at):
            return at
    return None


def _is_opened(sentence: _Sentence, at: int) -> bool:
    if sentence.syntax is not None:
        return sentence.syntax.is_main_clause(sentence.words[at].start)
    return any(word.polarity for word in sentence.words[:at])


def _is_turn(sentence: _Sentence, first: int, place: _Place) -> bool:
    """Say whether the words before and after a place hold two opinions."""
    rules, words = sentence.rules, sentence.words
    left, right = words[first : place.at], words[place.at + place.size :]
    if min(len(left), len(right)) < _MIN_SIDE or _is_blocked(sentence, first, place):
        return False
    polarities = [{word.polarity for word in side if word.polarity} for side in (left, right)]
    syntax = sentence.syntax
    cut, end = words[place.at].start, len(sentence.text)
    spans = (words[first].start, cut), (right[0].start, end)
    if not all(polarities):
        return (
            any(polarities)
            and place.kind not in ("weak", "joining")
            and min(len(left), len(right)) >= rules.min_words
            and (syntax is None or all(syntax.has_subject(*span) for span in spans))
        )
    if place.kind == "joining":
        is_opposite = len(polarities[0] | polarities[1]) == 2 and all(
            len(side) == 1 for side in polarities
        )
        if syntax is None and sentence.rules is _rules(_PARSED):
            return True
        is_own = syntax is not None and syntax.has_own_subject(*spans[0], *spans[1])
        return is_own or (is_opposite and _is_clause(syntax, spans))
    return _is_clause(syntax, spans) and (syntax is None or not syntax.is_inside(cut))


def _is_clause(syntax: Syntax | None, spans: tuple[tuple[int, int], ...]) -> bool:
    return syntax is None or all(syntax.is_clause(*span) for span in spans)


def _is_blocked(sentence: _Sentence, first: int, place: _Place) -> bool:
    """Say whether the words around take the contrast word's meaning, or a bracket is open."""
    rules, words = sentence.rules, sentence.words
    part = sentence.text[words[first].start : words[place.at].start]
    if part.count("(") > part.count(")") or part.count('"') % 2 or part.count("“") > part.count("”"):
        return True
    if not place.size or place.kind == "joining":
        return False
    before = sentence.forms(first, place.at)
    if any(_holds(before, phrase) for phrase in rules.pairs):
        return True
    if sentence.gap(place.at).isspace() and any(
        before[-len(phrase) :] == phrase for phrase in rules.not_after
    ):
        return True
    after = sentence.forms(place.at + place.size, len(words))
    has_opinion = any(word.polarity for word in words[place.at + place.size :])
    return not has_opinion and any(after[: len(phrase)] == phrase for phrase in rules.not_before)


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


def _closes(sentence: _Sentence, at: int) -> bool:
    rules, form = sentence.rules, sentence.words[at].form
    if rules.endings and len(form) > _MIN_SIDE and form.endswith(rules.endings):
        return True
    if form not in rules.closing:
        return False
    return any(
        sentence.forms(at + 1 - len(phrase), at + 1) == phrase for phrase in rules.closing[form]
    )


def _is_glued_joiner(word: Word, rules: _Rules) -> bool:
    return bool(rules.glued) and len(word.form) > _MIN_WORDS and word.form[0] in rules.joining


@cache
def _rules(lang: str) -> _Rules:
    entry = read_rules("clauses")[lang]
    closing = entry.get("closing", [])
    endings = [item for item in closing if item.startswith("-")]
    return _Rules(
        contrast=_by_first(entry["contrast"]),
        weak=_by_first(entry.get("weak", [])),
        opening=_by_first(entry.get("opening", [])),
        closing=_by_last([item for item in closing if item not in endings]),
        joining=_by_first(entry.get("joining", [])),
        floating=frozenset(map(_phrase, entry.get("floating", []))),
        pairs=tuple(map(_phrase, entry.get("pairs", []))),
        not_after=tuple(map(_phrase, entry.get("not_after", []))),
        not_before=tuple(map(_phrase, entry.get("not_before", []))),
        endings=tuple(item[1:] for item in endings),
        glued=tuple(entry.get("glued", [])),
        min_words=entry.get("min_words", _MIN_WORDS),
    )


def _phrase(text: str) -> Phrase:
    return tuple(fold_word(word) for word in text.split())


def _by_first(phrases: Sequence[str]) -> Phrases:
    found: Phrases = {}
    for phrase in sorted(map(_phrase, phrases), key=len, reverse=True):
        found.setdefault(phrase[0], []).append(phrase)
    return found


def _by_last(phrases: Sequence[str]) -> Phrases:
    found: Phrases = {}
    for phrase in map(_phrase, phrases):
        found.setdefault(phrase[-1], []).append(phrase)
    return found


@cache
def _trigger(lang: str) -> re.Pattern[str]:
    """Match what every sentence that is split has: a comma, "and" or a contrast word."""
    entry = read_rules("clauses")[lang]
    names = ("contrast", "weak", "closing", "joining")
    words = {item.removeprefix("-") for name in names for item in entry.get(name, [])}
    if lang in _unspaced() or lang in ("he", "ar", "ko"):
        return re.compile("|".join([_COMMA.pattern, *map(re.escape, sorted(words))]))
    starts = sorted({word.split()[0] for word in words})
    return re.compile(
        _COMMA.pattern + r"|\b(?:" + "|".join(map(re.escape, starts)) + ")", re.IGNORECASE
    )


@cache
def _unspaced() -> frozenset[str]:
    return frozenset(
        lang for lang, entry in read_rules("opinions").items() if entry.get("unspaced")
    )


def _unspaced_cuts(text: str, lang: str) -> list[int]:
    """Find the cuts in a script without spaces, by its contrast words and the characters around."""
    entry = read_rules("clauses")[lang]
    opinions = load_opinions(lang)
    assert opinions is not None
    words = find_words(text, opinions)
    found: list[int] = []
    first = 0
    for cut, start in _unspaced_places(text, lang):
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


def _unspaced_places(text: str, lang: str) -> Iterator[tuple[int, int]]:
    """Yield where a clause may start and where its contrast word ends."""
    entry = read_rules("clauses")[lang]
    closing = entry.get("closing", [])
    not_after, not_before = (tuple(entry.get(name, ())) for name in ("not_after", "not_before"))
    for match in _unspaced_marks(lang).finditer(text):
        if match[0] in closing:
            yield match.end(), match.end()
        elif not (
            text[: match.start()].endswith(not_after) or text[match.end() :].startswith(not_before)
        ):
            yield match.start(), match.end()


@cache
def _unspaced_marks(lang: str) -> re.Pattern[str]:
    entry = read_rules("clauses")[lang]
    marks = {*entry["contrast"], *entry.get("closing", [])}
    return re.compile("|".join(map(re.escape, sorted(marks, key=lambda m: (-len(m), m)))))
