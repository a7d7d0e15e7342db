"""Sentences out of values: what a language says, with its numbers, days, plurals and direction."""

import re
from collections.abc import Mapping
from typing import Any, Final

from nlp.stories.bidi import has_right_to_left, is_right_to_left, isolate
from nlp.stories.days import read_day, to_persian
from nlp.stories.languages import Forms, Language, read_schemas
from nlp.stories.plurals import OTHER, choose_category
from nlp.stories.rounding import RULES, round_value

_PLACE: Final = re.compile(r"\{(\w+)(?::(\w+))?\}")
_PROBABILITIES: Final = ("q", "p")
_NUMBER = re.compile(r"([<>]?)(-?)(\d+)(?:\.(\d+))?(%?)")


def word_sentence(name: str, values: Mapping[str, Any], language: Language) -> str:
    """Word a sentence.

    :param values: by slot: numbers, texts, codes, and days in ISO 8601.
    :raises KeyError: for an unknown sentence, and for a value that is missing.
    :raises ValueError: for a value that is none of its kind.
    """
    schema = read_schemas()[name]
    given = language.sentences[name]
    if not isinstance(given, str):
        given = choose_form(given, round_value("count", values[str(schema.by)]), language)

    def fill(place: re.Match[str]) -> str:
        slot, phrase = place[1], place[2]
        if phrase is None:
            return word_value(schema.slots[slot], values[slot], language)
        return _count_things(phrase, schema.slots[slot], values[slot], language)

    return _PLACE.sub(fill, given)


def find_places(text: str) -> list[tuple[str, str | None]]:
    """The slots of a text, each with the phrase that counts it, if one does."""
    return [(slot, phrase or None) for slot, phrase in _PLACE.findall(text)]


def choose_form(forms: Forms, shown: str, language: Language) -> str:
    """The form for a number: that of just this number, else that of its category."""
    exact = forms.get(f"={shown}")
    return exact or forms.get(choose_category(shown, language.plurals)) or forms[OTHER]


def word_value(kind: str, value: Any, language: Language) -> str:
    """Write a value, so that it turns nothing around it and nothing turns it."""
    if kind in RULES:
        # A probability begins with a Latin letter.
        is_right = language.numbers == "rtl" and kind not in _PROBABILITIES
        return _hold(_word_number(kind, value, language), language, is_right=is_right)
    if kind == "day":
        day = _word_day(value, language)
        return _hold(day, language, is_right=is_right_to_left(day))
    text = _find_word(kind, str(value), language)
    if text is not None and is_right_to_left(text) == language.is_right_to_left:
        return text
    text = text or str(value)
    return _hold(text, language, is_right=is_right_to_left(text))


def write_number(shown: str, language: Language) -> str:
    """A rounded number with the language's digits and signs."""
    found = _NUMBER.fullmatch(shown)
    if found is None:
        raise ValueError(f"{shown!r} is no number")
    bound, minus, whole, decimals, percent = found.groups()
    written = f"{int(whole):,}".replace(",", language.group)
    if decimals:
        written += language.decimal + decimals
    written = written.translate({ord(str(n)): sign for n, sign in enumerate(language.digits)})
    if percent:
        written = language.percent.replace("{n}", written)
    return bound + (language.minus if minus else "") + written


def _word_number(rule: str, value: float, language: Language) -> str:
    shown = round_value(rule, value)
    written = write_number(shown, language)
    if rule not in _PROBABILITIES:
        return written
    return f"{rule} {written[0]} {written[1:]}" if shown[0] in "<>" else f"{rule} = {written}"


def _count_things(phrase: str, rule: str, value: float, language: Language) -> str:
    shown = round_value(rule, value)
    form = choose_form(language.phrases[phrase], shown, language)
    return form.replace("{n}", word_value(rule, value, language))


def _word_day(moment: str, language: Language) -> str:
    day: tuple[int, int, int] | None = read_day(moment)
    if language.calendar == "persian" and day:
        day = to_persian(*day)
    if day is None:
        return moment[:10]
    year, month, number = day
    # No separator stands within a year.
    digits = {ord(str(n)): sign for n, sign in enumerate(language.digits)}
    written = {"d": str(number).translate(digits), "y": str(year).translate(digits)}
    return language.day.format(month=language.months[month - 1], **written)


def _find_word(kind: str, code: str, language: Language) -> str | None:
    """What a code is called; None where that is not known, and for texts of people.

    Of a code as ``churn_90`` the beginning is looked up where the whole is not known.
    """
    if kind == "lang":
        return language.languages.get(code.lower())
    if not kind.startswith("word:"):
        return None
    words = language.words[kind.removeprefix("word:")]
    while code and code not in words:
        code = code.rpartition("_")[0]
    return words.get(code)


def _hold(text: str, language: Language, *, is_right: bool) -> str:
    """Isolate a value; among words from left to right only what could turn them."""
    if not language.is_right_to_left and not has_right_to_left(text):
        return text
    return isolate(text, is_right=is_right)
