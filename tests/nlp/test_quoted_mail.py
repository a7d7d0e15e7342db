"""Older mail that a text carries along is told from what its sender wrote."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.quoted_mail import split_quoted

CASES = Path(__file__).parents[1] / "cases" / "quoted_mail.jsonl"
LINES = [
    "Hello",
    "> Hello",
    "On 2 May at 10:00, S <s@a.com> wrote:",
    "Thanks. On 2 May S wrote:",
    "",
]


@pytest.mark.parametrize("line", CASES.read_text(encoding="utf-8").split("\n")[:-1])
def test_only_the_older_mail_is_left_out(line: str) -> None:
    case = json.loads(line)
    own, quoted = split_quoted(case["text"])
    assert own == (case["own"] or case["text"])
    assert bool(quoted) == (case["own"] is not None)


@given(st.lists(st.sampled_from(LINES), max_size=8))
def test_no_word_is_lost(lines: list[str]) -> None:
    text = "\n".join(lines)
    own, quoted = split_quoted(text)
    assert sorted(f"{own}\n{quoted}".split()) == sorted(text.split())
    assert own.strip() or not text.strip()
