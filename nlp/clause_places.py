"""Places where a clause may start: contrast words, commas, "and", and where "although X" ends.

Which of them part two opinions is decided in `nlp.clauses`; words are in `data/mentions`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from nlp.contrast import COMMA, Kind, Phrase, Phrases, Rules
from nlp.opinions import Word
from nlp.syntax import Syntax
from nlp.turning import begins_subject

__all__ = ["Place", "Sentence", "find_places", "is_glued_joiner"]

_MIN_GLUED: Final = 4
_MIN_ENDING: Final = 2
_OPENED_WITHIN: Final = 8


@dataclass(frozen=True, slots=True)
class Place:
    """Where a clause may start.

    :param at: the index of its first word.
    :param size: how many words belong to the contrast word.
    """

    at: int
    size: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as the rules see it.

    :param syntax: its parse, in English once it is known.
    """

    text: str
    words: list[Word]
    rules: Rules
    syntax: Syntax | None = None

    def gap(self, at: int) -> str:
        """Give what stands between a word and the one before it."""
        return self.text[self.words[at - 1].end : self.words[at].start] if at else ""

    def forms(self, first: int, last: int) -> Phrase:
        """Give the folded forms of some words."""
        return tuple(word.form for word in self.words[max(0, first) : last])


def find_places(sentence: Sentence) -> Iterator[Place]:
    """Find the places in order; at each the strongest kind."""
    rules, words = sentence.rules, sentence.words
    opened = _end_of_opening(sentence)
    for at, word in enumerate(words):
        if at == opened:
            yield Place(at, 0, "opening")
        kinds = rules.starts.get(word.form, ())
        size = 0
        for kind, phrases in kinds:
            if size := _match(phrases, words, at, rules.glued):
                yield _settle(sentence, Place(at, size, kind))
                break
        if size or not at:
            continue
        if _closes(sentence, at - 1):
            yield Place(at, 0, "closing")
        elif _is_comma(sentence, at) or is_glued_joiner(word, rules):
            yield Place(at, 0, "joining")


def _settle(sentence: Sentence, place: Place) -> Place:
    """Move the place of a word that stands inside its clause to the comma before it."""
    joiner = place.at - 1
    if (
        joiner > 0
        and place.kind != "joining"
        and sentence.forms(joiner, place.at)[0] in sentence.rules.joining
    ):
        return Place(joiner, place.size + 1, place.kind)
    if place.kind != "contrast":
        return place
    form = sentence.forms(place.at, place.at + place.size)
    if form not in sentence.rules.floating or COMMA.search(sentence.gap(place.at)):
        return place
    for at in range(place.at - 1, max(0, place.at - 6), -1):
        if COMMA.search(sentence.gap(at)):
            return Place(at, 0, "contrast")
    return Place(place.at, place.size, "weak")


def _end_of_opening(sentence: Sentence) -> int | None:
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


def _end_without_comma(sentence: Sentence, first: int) -> int | None:
    """Find where a subject begins after what was said of another one: "although X is slow the Y".

    In English the parse knows it; elsewhere the word before it is one of praise or blame.
    """
    rules, words = sentence.rules, sentence.words
    places = range(first, min(len(words), first + _OPENED_WITHIN))
    begun = [at for at in places if begins_subject(words[at], rules)]
    if rules.is_parsed:
        # Before the parse any will do: it has the sentence parsed.
        opened = [at for at in begun if _is_opened(sentence, at)][:: -1 if sentence.syntax else 1]
        return opened[0] if opened else None
    return next((at for at in begun if _ends_said(sentence, at - 1)), None)


def _ends_said(sentence: Sentence, at: int) -> bool:
    word = sentence.words[at]
    if word.form in sentence.rules.degree and at:
        word = sentence.words[at - 1]
    return bool(word.polarity)


def _is_opened(sentence: Sentence, at: int) -> bool:
    syntax = sentence.syntax
    return syntax is None or syntax.is_main_clause(sentence.words[at].start)


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


def _is_comma(sentence: Sentence, at: int) -> bool:
    left, right = sentence.words[at - 1], sentence.words[at]
    if not COMMA.search(sentence.text, left.end, right.start):
        return False
    return not (left.form[-1].isdigit() and right.form[0].isdigit())


def _closes(sentence: Sentence, at: int) -> bool:
    rules, form = sentence.rules, sentence.words[at].form
    if rules.endings and len(form) > _MIN_ENDING and form.endswith(rules.endings):
        return True
    if form not in rules.closing:
        return False
    return any(
        sentence.forms(at + 1 - len(phrase), at + 1) == phrase for phrase in rules.closing[form]
    )


def is_glued_joiner(word: Word, rules: Rules) -> bool:
    """Say whether "and" is written on a word."""
    return bool(rules.glued) and len(word.form) >= _MIN_GLUED and word.form[0] in rules.joining
