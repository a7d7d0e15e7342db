import json
import time
from pathlib import Path
from typing import Any

import pytest

from nlp.clauses import split_clauses
from nlp.mentions import split_sentences, split_texts
from nlp.opinions import read_rules

CASES = Path(__file__).parents[1] / "cases" / "clauses.jsonl"
# Everyday sentences around "but": the rules were read against the `dev` half only, and the `fresh`
# ones were written when the rules stood. Some hold two opinions, some one ("small but cosy").
TURNS = CASES.with_name("turns.jsonl")
TURN_FLOOR = 0.85
pytestmark = pytest.mark.model


def cases() -> list[dict[str, Any]]:
    return [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["text"])
def test_a_sentence_with_two_opinions_gives_two_mentions(case: dict[str, Any]) -> None:
    (spans,) = split_texts([case["text"]], [case["lang"]])
    assert [case["text"][span.start : span.end] for span in spans] == case["mentions"]


@pytest.fixture(scope="module")
def turns() -> dict[tuple[str, bool], list[bool]]:
    """Whether each sentence was cut rightly, by language and whether it holds two opinions."""
    rows = [json.loads(line) for line in TURNS.read_text(encoding="utf-8").splitlines()]
    found: dict[tuple[str, bool], list[bool]] = {}
    spans = split_texts([row["text"] for row in rows], [row["lang"] for row in rows])
    for row, parts in zip(rows, spans, strict=True):
        cut = [row["text"][span.start : span.end] for span in parts]
        kind = row["lang"], len(row["mentions"]) > 1
        found.setdefault(kind, []).append(cut == row["mentions"])
    return found


@pytest.mark.parametrize("has_two", [True, False], ids=["two opinions", "one opinion"])
@pytest.mark.parametrize("lang", ["en", "he", "ar", "fa", "es", "fr", "de"])
def test_everyday_sentences_are_cut_at_a_but_where_it_parts_two_opinions(
    turns: dict[tuple[str, bool], list[bool]], lang: str, has_two: bool
) -> None:
    right = turns[lang, has_two]
    print(f"{lang}: {sum(right)} of {len(right)}")
    assert len(right) >= (7 if lang in ("es", "fr", "de") else 20)
    assert sum(right) >= TURN_FLOOR * len(right)


def test_every_language_with_rules_has_a_sentence_that_is_split() -> None:
    split = {case["lang"] for case in cases() if len(case["mentions"]) > 1}
    assert split == set(read_rules("clauses")) == set(read_rules("opinions"))


def test_the_words_of_each_list_are_written_once_and_not_on_both_sides() -> None:
    for lang, entry in read_rules("opinions").items():
        positive, negative = set(entry["positive"].split()), set(entry["negative"].split())
        assert not positive & negative, (lang, positive & negative)


def test_clauses_do_not_depend_on_what_else_is_in_the_batch() -> None:
    rows = cases()
    texts, langs = [row["text"] for row in rows], [row["lang"] for row in rows]
    together = split_clauses(texts, langs)
    backwards = split_clauses(texts[::-1], langs[::-1])[::-1]
    assert together == backwards
    alone = [split_clauses([text], [lang])[0] for text, lang in zip(texts, langs, strict=True)]
    assert together == alone


@pytest.mark.parametrize(
    "text",
    [
        "The service was friendly. We will come back!",
        "I called about my lost card",
        "The waiter was rude and the food was cold.",
        "Is the food good but the waiter rude?",
        "See https://shop.example/good-but-bad/terrible-but-great, ok",
        "",
        "😀😀😀",
    ],
)
def test_texts_that_turn_nowhere_are_split_into_sentences_only(text: str) -> None:
    assert split_texts([text], ["en"]) == split_sentences([text], ["en"])
    assert split_texts([text], ["und"]) == split_sentences([text], ["und"])


def test_offsets_in_a_longer_text_point_at_the_clauses() -> None:
    text = "  Hello there. 😀 The food was great but the waiter was rude!  Bye for now."
    (spans,) = split_texts([text], ["en"])
    assert [text[span.start : span.end] for span in spans] == [
        "Hello there. 😀",
        "The food was great",
        "but the waiter was rude!",
        "Bye for now.",
    ]


@pytest.mark.parametrize("piece", ["good but bad ", "good, bad, ", "but ", "(good but bad "])
def test_sentences_made_of_contrast_words_take_linear_time(piece: str) -> None:
    split_texts(["The food was great but the waiter was rude"], ["en"])
    start = time.perf_counter()
    split_texts([piece * (50_000 // len(piece))], ["en"])
    split_texts([piece * (50_000 // len(piece))], ["es"])
    assert time.perf_counter() - start < 10
