"""Answers that a survey tool keeps as lists of questions and answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.reading import find_files, open_tables
from pipelines.reading.answers import spread_answers
from pipelines.reading.tables import Row

CASES: list[tuple[Any, Any]] = [
    ({"a": [{"question": "Why?", "answer": "Slow"}]}, {"Why?": "Slow"}),
    ({"a": [{"Question": "Why?", "Response": 3}]}, {"Why?": 3}),
    ({"a": [{"question": {"id": 7, "text": "Why  us?"}, "value": None}]}, {"Why us?": None}),
    ({"a": [{"שאלה": "למה?", "תשובה": "לאט"}]}, {"למה?": "לאט"}),
    ({"a": [{"question": "One", "answer": 1}, {"question": "Two"}]}, {"One": 1, "Two": None}),
    # What is asked twice, or called as another column, stays beside it.
    (
        {"id": 1, "a": [{"question": "id", "answer": 2}, {"question": "id", "answer": 3}]},
        {"id": 1, "a.id": 2, "a.id (1)": 3},
    ),
    ({"r": {"a": [{"question": "Why?", "answer": "Slow"}]}}, {"r": {"Why?": "Slow"}}),
    # Other lists stay as they are.
    ({"a": [{"question": "Why?"}]}, None),
    ({"a": [{"question": "Why?", "answer": 1}, {"name": "x"}]}, None),
    ({"a": [{"id": 360001, "value": "x"}]}, None),
    ({"a": [{"name": "colour", "value": "red"}]}, None),
    ({"a": [], "b": ["x"], "c": "y", "d": {"e": 1}}, None),
    ({"a": [{"question": 5, "answer": 1}]}, None),
]


@pytest.mark.parametrize(("record", "spread"), CASES, ids=lambda value: json.dumps(value)[:40])
def test_questions_become_columns(record: Any, spread: Any) -> None:
    before = json.dumps(record)
    assert spread_answers(record) == (record if spread is None else spread)
    assert json.dumps(record) == before


def test_a_file_of_answers_has_a_column_a_question(tmp_path: Path) -> None:
    why: tuple[Any, ...] = ({}, {"answer": "late"}, {"answer": ["slow", "dear"]})
    said = [
        {
            "id": n,
            "answers": [{"question": "How likely?", "answer": n}, {"question": "Why?", **each}],
        }
        for n, each in enumerate(why)
    ]
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(said))
    (table,) = open_tables(find_files([str(path)])[0])
    rows = [row.values for row in table.rows if isinstance(row, Row)]
    assert table.columns == ["id", "How likely?", "Why?"]
    assert rows[2] == {"id": "2", "How likely?": "2", "Why?": "slow; dear"}
