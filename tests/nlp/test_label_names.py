"""What labels mean, in people's words and numbers."""

import re
import tomllib
from importlib.resources import files

import pytest

from nlp.label_names import find_scale, fold_number, language_names, read_language
from nlp.sentiment import LABELS


@pytest.mark.parametrize(
    ("values", "meanings"),
    [
        (["-1", "0", "1"], ["negative", "neutral", "positive"]),
        (["-1.0", "1,0"], ["negative", "positive"]),
        (["0", "1"], ["negative", "positive"]),
        (["0", "1", "2"], ["negative", "neutral", "positive"]),
        (["0", "4"], ["negative", "positive"]),
        (["1", "2", "3", "4.0", "5"], ["negative", "negative", "neutral", "positive", "positive"]),
    ],
)
def test_a_column_of_numbers_is_read_as_a_whole(values: list[str], meanings: list[str]) -> None:
    scale = find_scale(values)
    assert scale is not None
    assert [scale.meanings[fold_number(value)] for value in values] == meanings
    assert bool(scale.note) == ("-1" not in values and "-1.0" not in values)


@pytest.mark.parametrize(
    "values", [[], ["1"], ["1", "2"], ["1", "2", "3"], ["0", "10"], ["0", "bad"], ["6", "5"]]
)
def test_numbers_that_may_mean_several_things_are_not_guessed(values: list[str]) -> None:
    assert find_scale(values) is None


def test_every_scale_names_known_sentiments() -> None:
    text = (files("nlp") / "data/sentiment/scales.toml").read_text(encoding="utf-8")
    for scale in tomllib.loads(text)["scales"]:
        assert set(scale["values"].values()) <= set(LABELS)
        assert set(scale.get("needs", ())) | set(scale.get("needs_one", ())) <= set(scale["values"])


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("en", "en"),
        ("EN-us", "en"),
        ("zh_Hans", "zh"),
        ("Hebrew", "he"),
        ("iw", "he"),
        ("heb", "he"),
        ("Farsi", "fa"),
        ("Haitian-Creole", "ht"),
        ("und", "und"),
        ("in love", None),
        ("klingon", None),
        ("", None),
    ],
)
def test_a_language_is_known_by_code_tag_and_english_name(name: str, code: str | None) -> None:
    assert read_language(name) == code


def test_no_name_stands_for_two_languages() -> None:
    text = (files("nlp") / "data/languages/names.toml").read_text(encoding="utf-8")
    listed = [name for code, names in tomllib.loads(text).items() for name in (code, *names)]
    assert len(listed) == len(set(listed)) == len(language_names())
    assert all(re.fullmatch("[a-zå ]+", name) for name in listed)
