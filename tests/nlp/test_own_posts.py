"""A company's own posts are known by several signs together; a polite customer counts."""

import json
from pathlib import Path

import pytest

from nlp.own_posts import is_own_post

PATH = Path(__file__).parents[1] / "cases" / "own_posts.jsonl"
CASES = [json.loads(line) for line in PATH.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case["text"][:60]))
def test_only_a_company_speaking_for_itself_is_set_aside(case: dict[str, object]) -> None:
    assert is_own_post(str(case["text"])) == case["is_own"]
