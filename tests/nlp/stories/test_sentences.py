"""Every language says every sentence, and says it right with every number."""

import json
import re
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path
from typing import Any

import pytest

from nlp.stories.bidi import ISOLATES
from nlp.stories.languages import Language, list_languages, read_language, read_schemas
from nlp.stories.plurals import choose_category
from nlp.stories.rounding import RULES, round_value
from nlp.stories.wording import find_places, word_sentence

ROOT = Path(__file__).parents[3]
CASES = Path(__file__).parents[2] / "cases" / "stories.jsonl"
LANGUAGES = [read_language(code) for code in list_languages()]
COUNTS = (0, 1, 2, 3, 10, 11, 20, 21, 99, 100, 101, 102, 103, 111, 1_000, 1_234_567)
VALUES: dict[str, list[Any]] = {
    "day": ["2026-03-21T00:00:00+00:00"],
    "lang": ["he", "en", "tlh"],
    "text": ["Late cards", "כרטיס Visa", "بطاقة 3D"],
    "q": [0.0004, 0.0321],
    "p": [0.2],
    "share": [0.0, 0.004, 0.5, 0.996, 1.0],
    "percent": [0.4],
    "ratio": [0.25, 1.0, 2.0, 3.0, 10.0, 123.4],
    "money": [-1234.5, 12.34],
}
SINGULAR = re.compile(r"(?<![\d.,])1 (voices|mentions|sources|items|actions|themes|languages)\b")
PLURAL = re.compile(r"(?<![\d.,])(?!1 )\d+ (voice|mention|source|item|action|theme|language)\b")
# Arabic nouns behind a number, by the category of the number.
ARABIC = {
    "few": {"إشارات", "أصوات", "آراء", "موضوعات", "إجراءات", "لغات", "مصادر", "مرات"},
    "many": {"إشارة", "صوتًا", "رأيًا", "موضوعًا", "إجراءً", "لغة", "مصدرًا", "مرة"},
    "other": {"إشارة", "صوت", "رأي", "موضوع", "إجراء", "لغة", "مصدر", "مرة"},
}
HEBREW_NOUNS = ("אזכורים", "קולות", "משובים", "נושאים", "שפות", "מקורות", "פעולות")
# As sentences beside them, but for a word.
REVIEWED_ELSEWHERE = {
    *("impact_points_higher", "impact_share_lower", "impact_money_higher", "customer_better"),
    *("priority_other", "priority_segment_money", "store_size_undated", "coverage_over_heard"),
    "customer_said_undated",
}
BY_CODE = pytest.mark.parametrize("language", LANGUAGES, ids=lambda each: each.code)


def combine(name: str) -> Iterator[dict[str, Any]]:
    """Values of a sentence in many combinations, each number with each other one."""
    schema = read_schemas()[name]
    choices = [
        [n for n in COUNTS if n >= schema.least.get(slot, 0)]
        if kind == "count"
        else VALUES.get(kind, ["points", "churn_90"] if kind.startswith("word") else [-0.5, 2.0])
        for slot, kind in schema.slots.items()
    ]
    for place in range(max(map(len, choices), default=1)):
        yield dict(zip(schema.slots, (each[place % len(each)] for each in choices), strict=True))
    counts = [
        each if kind == "count" else each[:1]
        for each, kind in zip(choices, schema.slots.values(), strict=True)
    ]
    for values in islice(product(*counts), 48):
        yield dict(zip(schema.slots, values, strict=True))


def combine_all() -> Iterator[tuple[str, dict[str, Any]]]:
    return ((name, values) for name in sorted(read_schemas()) for values in combine(name))


@BY_CODE
def test_a_language_has_every_sentence_with_every_place(language: Language) -> None:
    assert language.sentences.keys() == read_schemas().keys()
    for name, given in language.sentences.items():
        schema = read_schemas()[name]
        forms = {"other": given} if isinstance(given, str) else given
        wanted = set(schema.slots) - {schema.by}
        for category, text in forms.items():
            slots = {slot for slot, _ in find_places(text)}
            assert wanted <= slots <= set(schema.slots), (name, category)
        if len(forms) > 1:
            assert_complete(language, forms, schema.least.get(str(schema.by), 0), name)
            assert schema.by


@BY_CODE
def test_a_language_counts_everything_in_every_form(language: Language) -> None:
    places = [
        (slot, phrase, read_schemas()[name].slots[slot])
        for name, given in language.sentences.items()
        for text in ([given] if isinstance(given, str) else given.values())
        for slot, phrase in find_places(text)
        if phrase
    ]
    assert {phrase for _, phrase, _ in places} == language.phrases.keys()
    for _, phrase, kind in places:
        assert kind in ("count", "ratio")
        assert_complete(language, language.phrases[phrase], 0, phrase)


def assert_complete(language: Language, forms: Any, least: int, name: str) -> None:
    """Each category that a count can have has its form, and no form is for nothing."""
    needed = {choose_category(str(n), language.plurals) for n in range(least, 220)}
    exact = {form for form in forms if form.startswith("=")}
    said = forms.keys() - exact
    if not needed <= said:
        left = {str(n) for n in range(least, 220)} - {form[1:] for form in exact}
        needed = {choose_category(n, language.plurals) for n in left}
    assert needed <= said, name
    assert said <= {*language.plurals, "other"}, name


def test_languages_know_the_same_words_of_tables() -> None:
    for language in LANGUAGES:
        for kind, words in read_language("en").words.items():
            assert language.words[kind].keys() == words.keys(), (language.code, kind)
        assert {"en", "he", "ar", "fa", "und"} <= language.languages.keys()


@BY_CODE
def test_a_sentence_is_whole_with_whatever_numbers(language: Language) -> None:
    for name, values in combine_all():
        text = word_sentence(name, values, language)
        assert not re.search(r"[{}]|  | [.,;:،؛](?!\d)", text), text
        assert text[-1] == (")" if name.startswith("quote") else "."), text
        assert_balanced(text)
        if language.is_right_to_left:
            # Every digit is held by an isolate: nothing beside it can move it.
            assert not re.search(r"\d", strip_isolates(text)), text


def strip_isolates(text: str) -> str:
    """What stands outside of all isolates."""
    while (inner := re.sub(r"[\u2066-\u2068][^\u2066-\u2069]*\u2069", "", text)) != text:
        text = inner
    return text


def assert_balanced(text: str) -> None:
    depth = 0
    for letter in text:
        if letter in ISOLATES:
            depth += -1 if letter == "\u2069" else 1
        assert depth >= 0
    assert depth == 0


def test_what_is_counted_agrees_with_its_number() -> None:
    for name, values in combine_all():
        english = word_sentence(name, values, read_language("en"))
        assert not SINGULAR.search(english), english
        assert not PLURAL.search(english), english
        check_arabic(word_sentence(name, values, read_language("ar")))
        hebrew = word_sentence(name, values, read_language("he"))
        for noun in HEBREW_NOUNS:
            assert f"\u20661\u2069 {noun}" not in hebrew, hebrew
            assert f"\u20662\u2069 {noun}" not in hebrew, hebrew


def check_arabic(text: str) -> None:
    language = read_language("ar")
    found = re.findall(r"\u2067([\d٫٬]+)\u2069 ([^\s،؛.:)]+)", text)
    for written, noun in found:
        shown = written.translate({ord(sign): str(n) for n, sign in enumerate(language.digits)})
        shown = shown.replace("٬", "").replace("٫", ".")
        category = choose_category(shown, language.plurals)
        if noun in set().union(*ARABIC.values()) and category in ARABIC:
            assert noun in ARABIC[category], text


def test_sentences_read_as_their_editor_wants_them() -> None:
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    assert {case["sentence"] for case in cases} == set(read_schemas()) - REVIEWED_ELSEWHERE
    for case in cases:
        for code, text in case["texts"].items():
            assert word_sentence(case["sentence"], case["values"], read_language(code)) == text


def test_a_name_cannot_break_out_of_its_place() -> None:
    for language in LANGUAGES:
        text = word_sentence("theme_silent", {"name": "{name} {n:voices} \\1"}, language)
        assert "{name} {n:voices} \\1" in text


@pytest.mark.parametrize(
    ("rule", "value", "shown"),
    [
        ("share", 0.004, "<1%"),
        ("share", 0.996, ">99%"),
        ("share", 0.005 + 0.1, "11%"),
        ("share", 1.0, "100%"),
        ("q", 0.00099, "<0.001"),
        ("q", 0.05, "0.050"),
        ("ratio", 0.05, "0.05"),
        ("ratio", 9.96, "10.0"),
        ("ratio", 12.5, "12"),
        ("signed", -0.001, "0.00"),
        ("signed", -0.42, "-0.42"),
        ("size", -0.42, "0.42"),
        ("signed_points", -0.042, "-4.2"),
        ("decimal", 3.0, "3"),
        ("decimal", 5.26, "5.3"),
        ("about", 12.6, "13"),
        ("money", 99.999, "100.00"),
        ("money", -1234.5, "-1234"),
        ("money_size", -1234.5, "1234"),
        ("count", 7, "7"),
    ],
)
def test_numbers_are_rounded_by_their_rule(rule: str, value: float, shown: str) -> None:
    assert round_value(rule, value) == shown


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_not_told(value: float) -> None:
    for rule in RULES:
        with pytest.raises(ValueError, match="cannot be told"):
            round_value(rule, value)


def test_a_count_is_whole_and_not_negative() -> None:
    for value in (-1, 2.5):
        with pytest.raises(ValueError, match="is no count"):
            round_value("count", value)
