"""Numbers, days and plurals are written as CLDR says; days in the Persian calendar as Iran's."""

import json
from pathlib import Path
from typing import Any

import pytest

from nlp.stories.days import to_persian
from nlp.stories.languages import choose_language, list_languages, read_language
from nlp.stories.plurals import choose_category
from nlp.stories.wording import word_value, write_number

CASES = Path(__file__).parents[2] / "cases" / "cldr.jsonl"
GOLDEN = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
CONTROLS = dict.fromkeys((*range(0x2066, 0x206A), 0x200E, 0x200F))


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda row: row["lang"])
def test_plurals_numbers_and_days_are_those_of_cldr(golden: dict[str, Any]) -> None:
    language = read_language(golden["lang"])
    for category, shown in golden["plurals"].items():
        assert {choose_category(each, language.plurals) for each in shown} == {category}
    for shown, written in golden["numbers"]:
        assert write_number(shown, language) == written
    for day, written in golden["days"]:
        assert word_value("day", day, language).translate(CONTROLS) == written


def test_the_golden_numbers_are_of_every_language() -> None:
    assert [row["lang"] for row in GOLDEN] == ["en", "he", "ar", "fa"]
    assert set(list_languages()) == {row["lang"] for row in GOLDEN}


def test_a_rule_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="is no relation"):
        choose_category("1", {"one": "n is 1"})


@pytest.mark.parametrize(
    ("asked", "given"),
    [("fa-IR", "fa"), ("HE", "he"), ("iw", "he"), ("prs", "fa"), ("ar_EG", "ar"), ("de", "en")],
)
def test_a_reader_gets_their_language_or_else_english(asked: str, given: str) -> None:
    assert choose_language(asked) == given


def test_days_out_of_the_known_cycles_are_written_as_they_are_stored() -> None:
    assert to_persian(1, 1, 1) is None
    assert to_persian(9999, 12, 31) is None
    written = word_value("day", "1700-05-06T00:00:00+00:00", read_language("fa"))
    assert written.translate(CONTROLS) == "1700-05-06"


def test_a_year_of_the_persian_calendar_is_its_days_in_order() -> None:
    from datetime import date, timedelta

    days = [date(2024, 3, 20) + timedelta(days=n) for n in range(366 + 365)]
    found = [to_persian(day.year, day.month, day.day) for day in days]
    lengths = {1403: 30, 1404: 29}
    wanted = [
        (year, month, day)
        for year, last in lengths.items()
        for month in range(1, 13)
        for day in range(1, (31 if month < 7 else 30 if month < 12 else last) + 1)
    ]
    assert found == wanted
