import gzip
import json
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.masking import Masking, mask_text

CASES = Path(__file__).parents[1] / "cases" / "masking.jsonl"
SHARED = Path(__file__).parents[2].parent / "shared"
KINDS = {
    "EMAIL_ADDRESS": "EMAIL",
    "PHONE_NUMBER": "PHONE",
    "CREDIT_CARD": "CARD",
    "IBAN_CODE": "IBAN",
}
PIECES = [
    "054", "-", "1234567", " ", "+972", "(", ")", "212", "555", "0123", ".", "/", "call",
    "order", "#", "@", "dan", "walla.co.il", "4111", "1111", "GB29", "NWBK60161331926819",
    "2015", "02", "24", ":", ",", "$", "x", "\n", "<PHONE>", "<EMAIL>", "٠٥٠", "۰۹۱۲", "טלפון",
    "ו-", "card", "٫", "00", "1", "9", "\u200e", "_",
]  # fmt: skip
MESSY = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def cases() -> list[dict[str, str]]:
    return [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["text"])
def test_golden_texts_are_masked_as_written_down(case: dict[str, str]) -> None:
    assert mask_text(case["text"]).text == case["masked"]


@given(MESSY, st.sampled_from([None, "US", "IL"]))
def test_masking_twice_changes_nothing(text: str, region: str | None) -> None:
    once = mask_text(text, Masking(region))
    assert mask_text(once.text, Masking(region)).text == once.text


@given(MESSY)
def test_the_counts_are_the_placeholders_that_were_added(text: str) -> None:
    masked = mask_text(text)
    for kind in KINDS.values():
        added = masked.text.count(f"<{kind}>") - text.count(f"<{kind}>")
        assert masked.counts.get(kind, 0) == added


def test_a_region_makes_bare_national_numbers_phones() -> None:
    assert mask_text("9498777106").text == "9498777106"
    assert mask_text("9498777106", Masking("US")).text == "<PHONE>"


@pytest.mark.parametrize(
    "piece",
    ["1", "@", "a@", "1 ", "a.", "4111 ", "(", "+1", "1-", "GB29", "tel 1 ", "054-1234567 "],
)
def test_hostile_texts_take_linear_time(piece: str) -> None:
    start = time.process_time()
    mask_text(piece * (100_000 // len(piece)))
    assert time.process_time() - start < 5


def test_presidio_sentences_reach_the_measured_recall() -> None:
    path = SHARED / "data" / "pii" / "presidio_v2.en.jsonl.gz"
    if not path.exists():
        pytest.skip("../shared/data is not here: no labelled personal data to measure on")
    found: Counter[str] = Counter()
    total: Counter[str] = Counter()
    too_many = 0
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            masked = mask_text(row["text"])
            spans = [span for span in row["spans"] if span["type"] in KINDS]
            for span in spans:
                total[KINDS[span["type"]]] += 1
                hidden = row["text"][span["start"] : span["end"]] not in masked.text
                found[KINDS[span["type"]]] += hidden
            gold = Counter(KINDS[span["type"]] for span in spans)
            too_many += sum((Counter(masked.counts) - gold).values())
    recall = {kind: found[kind] / total[kind] for kind in total}
    assert recall["EMAIL"] == recall["CARD"] == recall["IBAN"] == 1.0
    assert recall["PHONE"] >= 0.85
    assert too_many <= 3
