import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp.mentions import MAX_WORDS, Span, split_mentions, split_texts

CASES = Path(__file__).parents[1] / "cases" / "mentions.jsonl"
PIECES = [
    "good", "Dr", ".", "!", "?", "...", "…", " ", "\n", "😀", "<EMAIL>", "https://x.co/a.b",
    "XX/XX/2019", "$1.50", "שירות", "רע", "الخدمة", "؟", "؛", "غذا", "。", "好吃", "1.", "-",
    "Pros:", "word ", "e.g.", "a@b.co", ",", "\u200f", "Ok",
]  # fmt: skip
MESSY = st.lists(st.one_of(st.sampled_from(PIECES), st.characters(codec="utf-8")), max_size=40)
LANGS = st.sampled_from(["en", "he", "ar", "fa", "zh", "ja", "und"])
pytestmark = pytest.mark.model


def cases() -> list[dict[str, Any]]:
    return [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["text"])
def test_golden_texts_are_split_as_written_down(case: dict[str, Any]) -> None:
    spans = split_mentions(case["text"], case["lang"])
    assert [case["text"][span.start : span.end] for span in spans] == case["mentions"]


@settings(deadline=None)
@given(MESSY.map("".join), LANGS)
def test_mentions_are_in_order_trimmed_and_hold_every_letter(text: str, lang: str) -> None:
    spans = split_mentions(text, lang)
    bounds = [bound for span in spans for bound in span]
    assert bounds == sorted(bounds)
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)
    held = "".join(text[start:end] for start, end in spans)
    assert "".join(held.split()) == "".join(text.split())


def test_a_batch_of_mixed_languages_gives_what_single_calls_give() -> None:
    rows = cases()
    texts, langs = [row["text"] for row in rows], [row["lang"] for row in rows]
    single = [split_mentions(text, lang) for text, lang in zip(texts, langs, strict=True)]
    assert split_texts(texts, langs) == single
    assert split_texts([], []) == []


def test_texts_and_languages_must_be_equally_many() -> None:
    with pytest.raises(ValueError, match="2 texts but 1 languages"):
        split_texts(["a", "b"], ["en"])


def test_a_run_on_text_is_cut_before_it_outgrows_the_encoder() -> None:
    text = "i waited and waited but nobody came so i left and they charged me " * 20
    spans = split_mentions(text, "en")
    sizes = [len(text[start:end].split()) for start, end in spans]
    assert len(spans) > 1
    assert max(sizes) <= MAX_WORDS
    assert split_mentions("好" * 3_000, "zh")[0] == Span(0, 400)


def test_a_long_text_without_spaces_is_split_at_its_sentences() -> None:
    spans = split_mentions("味道非常好我很喜欢。" * 200, "zh")
    assert spans == [Span(at, at + 10) for at in range(0, 2_000, 10)]


@pytest.mark.parametrize(
    "piece", ["a", "(", ". ", "word ", "a.", "😀 ", "Ok. ", "http://", "!", "."]
)
def test_hostile_texts_take_linear_time(piece: str) -> None:
    split_mentions("Warm up.", "en")
    start = time.perf_counter()
    split_mentions(piece * (50_000 // len(piece)), "en")
    assert time.perf_counter() - start < 5
