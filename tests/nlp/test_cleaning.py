import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.cleaning import normalize_text, repair_text, text_hash

CASES = Path(__file__).parents[1] / "cases" / "cleaning.jsonl"
# Pieces that take part in some rule, so that the laws meet the rules and not only random text.
PIECES = [
    "a", "oo", "hahaha", "XX", "w", "I", "http", "https://x.co", "www.", "://", "@", "user",
    "#", "_", "<br>", "</p>", "<b", "<!--", "-->",
    "&", "amp;", "lt;", "&#39;", "'", "´", "½", "²", "5", "™", "…", "...", "!", "😀",
    "🤮", "🍟", "\u200d", "\u200c", "\ufe0f", "🏽", "♀", "ـ", "َ", "ً", "ٓ", "ا", "ی", "ي", "ك",
    "می", "نمی", " ", "\n", "شود", "ها", "های", "کتاب", "ماه", "ש", "ָ", "״", "ﹰ", "ﹱ", "ﻻ",
    "\u0301", "e", "ㅋ", "Ａ", "<", ">", "EMAIL", "\u2060", "१", "्", "क", "-", "—", "",
]  # fmt: skip
MESSY = st.lists(st.one_of(st.sampled_from(PIECES), st.characters()), max_size=25).map("".join)
LANGS = st.sampled_from(["en", "ar", "fa", "he", "ur", "hi", "und"])


def cases() -> list[dict[str, str]]:
    return [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["text"])
def test_golden_texts_are_normalised_as_written_down(case: dict[str, str]) -> None:
    assert normalize_text(case["text"], case["lang"]) == case["normalised"]


@given(MESSY, LANGS)
def test_normalising_twice_changes_nothing(text: str, lang: str) -> None:
    once = normalize_text(repair_text(text), lang)
    assert normalize_text(once, lang) == once


@given(st.text(st.characters(exclude_categories=())))
def test_a_repaired_text_can_be_stored_and_repairing_twice_changes_nothing(text: str) -> None:
    repaired = repair_text(text)
    repaired.encode("utf-8")
    assert not set(repaired) & {"\x00", "\r", "\ufeff", "\x1b"}
    assert repair_text(repaired) == repaired


def test_repair_keeps_the_customers_own_words() -> None:
    text = "  Soooo  bad!!\t\u202bשָׁלוֹם\u202c \u200fمی\u200cشود 👍🏽 don’t\n\n"
    assert repair_text(text) == text
    assert repair_text("a\r\nb\rc\x0bd\x00\x07e\ud800\ufefff") == "a\nb\nc\nde\ufffdf"


def test_texts_that_look_different_and_say_the_same_share_a_hash() -> None:
    pairs = [
        ("don’t  go!!!!", "don't go!!!!!!!", "en"),
        ("می‌شود", "می شود", "fa"),
        ("جداً", "جداااا", "ar"),
        ("תודה👍🏿", "תודה👍", "he"),
    ]
    for one, other, lang in pairs:
        assert text_hash(normalize_text(one, lang)) == text_hash(normalize_text(other, lang))
    assert text_hash("a") != text_hash("b")
    assert len(text_hash("")) == 32


@pytest.mark.parametrize(
    "piece", ["a", "ha", "&amp;", "#", "@", "می ", "<b ", "http://", "🤮", "ه\u200c"]
)
def test_a_megabyte_of_one_piece_is_normalised_in_linear_time(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    once = normalize_text(text, "fa")
    assert normalize_text(once, "fa") == once
