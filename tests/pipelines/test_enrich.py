from collections import deque

import pytest

from nlp.cleaning import normalize_text, text_hash
from pipelines.engine import LocalEngine
from pipelines.enrich import _split_new_feedback
from pipelines.runs import Run
from tests.pipelines.conftest import add_rows, read_rows
from tests.pipelines.test_link import a_feedback

pytestmark = pytest.mark.model


def test_clauses_become_mentions_with_their_target_and_their_own_text(run: Run) -> None:
    text = "The food was great but the waiter was rude. Call me on <PHONE>"
    add_rows(run.connection, "feedback", a_feedback("f1", text=text, lang="en"))
    assert [n for n, _ in _split_new_feedback(run, deque(), LocalEngine())] == [1]
    mentions = read_rows(
        run.connection, "mention", "mention_id", "char_start", "char_end", "text", "target"
    )
    assert mentions == [
        ("f1-0", 0, 18, "The food was great", "food"),
        ("f1-1", 19, 43, "but the waiter was rude.", "waiter"),
        ("f1-2", 44, 62, "Call me on <PHONE>", None),
    ]
    hashes = read_rows(run.connection, "mention", "text_hash")
    assert hashes == [(text_hash(normalize_text(row[3], "en")),) for row in mentions]
