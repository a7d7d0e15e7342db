import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.cleaning import normalize_text, repair_text
from nlp.languages import detect_language
from nlp.noise import NOISE_THRESHOLD, Noise, score_noise

CASES = Path(__file__).parents[1] / "cases" / "noise.jsonl"
SHARED = Path(__file__).parents[2].parent / "shared"
SOUND_SETS = [
    "themes/banking77_test.en",
    "sentiment/airline.en",
    "sentiment/hebrew.he",
    "sentiment/snappfood_dev.fa",
    "themes/cfpb.en",
    "sentiment/afrisenti_ary_dev",
]


def score(text: str) -> Noise:
    lang = detect_language(text).code
    return score_noise(text, normalize_text(repair_text(text), lang), lang)


def cases() -> list[dict[str, Any]]:
    return [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("case", cases(), ids=lambda case: repr(case["text"]))
def test_golden_texts_get_their_reason(case: dict[str, Any]) -> None:
    assert score(case["text"]).reason == case["reason"]


@given(st.text())
def test_a_reason_is_given_exactly_from_the_threshold_on(text: str) -> None:
    noise = score(text)
    assert 0.0 <= noise.score <= 1.0
    assert (noise.reason is not None) == (noise.score >= NOISE_THRESHOLD)


@pytest.mark.parametrize("name", SOUND_SETS)
def test_at_most_one_row_in_a_hundred_of_a_sound_set_is_noise(name: str) -> None:
    path = SHARED / "data" / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip("../shared/data is not here: no sound rows to measure on")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line, _ in zip(lines, range(500), strict=False)]
    assert sum(score(text).reason is not None for text in texts) <= len(texts) / 100
