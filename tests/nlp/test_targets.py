import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp.targets import find_target

CASES = Path(__file__).parents[1] / "cases" / "targets.jsonl"
PIECES = [
    "the", "battery", "life", "is", "great", "<EMAIL>", "<PHONE>", "XXXX", "https://x.co/screen",
    "@united", "#fail", " ", ", ", "waiter", "was", "rude", "השירות", "מצוין", "الخدمة", "سيئة",
    "42", "n't", "房间", "很", "料理は", "อาหาร", "Đồ ăn", "it's", "İyi", "Das", "Essen", "😀",
]  # fmt: skip
MESSY = st.lists(st.one_of(st.sampled_from(PIECES), st.characters(codec="utf-8")), max_size=30)
LANGS = st.sampled_from(["en", "he", "ar", "es", "de", "tr", "vi", "zh", "ja", "th", "und"])
pytestmark = pytest.mark.model


def cases() -> list[dict[str, Any]]:
    return [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["text"])
def test_the_target_is_what_the_mention_is_about(case: dict[str, Any]) -> None:
    assert find_target(case["text"], case["lang"]) == case["target"]


@settings(deadline=None)
@given(
    st.one_of(MESSY.map("".join), MESSY.map(" ".join)),
    LANGS,
)
def test_a_target_is_a_part_of_the_text_in_lower_case(text: str, lang: str) -> None:
    target = find_target(text, lang)
    # One letter is a word in Chinese and Japanese: 菜.
    shortest = r"\w" if lang in ("zh", "ja") else r"\w\w"
    assert target is None or (target in text.lower() and re.search(shortest, target))


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join), LANGS)
def test_placeholders_links_and_handles_are_never_a_target(text: str, lang: str) -> None:
    target = find_target(text, lang) or ""
    assert not re.search(r"email|phone|xxxx|united|https|screen|fail", target)


@pytest.mark.parametrize(
    "piece", ["a", "the battery ", "battery of ", "房间的", "<", "@", "'", "https://"]
)
def test_targets_of_hostile_texts_take_linear_time(piece: str) -> None:
    langs = ["en", "zh", "ja", "th", "vi"]
    for lang in langs:
        find_target("warm up", lang)
    start = time.perf_counter()
    for lang in langs:
        find_target(piece * (50_000 // len(piece)), lang)
    assert time.perf_counter() - start < 1
