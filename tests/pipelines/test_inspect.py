"""Inspecting: what would be read, without writing anything."""

import pytest

from pipelines.errors import ConfigError
from pipelines.inspect import inspect_paths

DATA = (
    "id,date,comment,score\n"
    "1,2024-03-01,The delivery was late again,2\n"
    "2,nope,Support answered within minutes,5\n"
    "3,2024-03-03,,4\n"
    "4,2024-03-04,a,b,c\n"
)


def test_it_shows_layout_roles_samples_and_problems(tmp_path):
    (tmp_path / "reviews.csv").write_text(DATA)
    (found,) = inspect_paths([str(tmp_path)])
    assert (found.file, found.kind, found.format, found.encoding, found.delimiter) == (
        *("reviews.csv", "feedback", "csv", "utf-8", ","),
    )
    assert [(column.name, column.role) for column in found.columns] == [
        ("id", "id"),
        ("date", "at"),
        ("comment", "text"),
        ("score", "rating"),
    ]
    assert all(column.why for column in found.columns)
    assert (found.n_rows, found.n_items) == (4, 2)
    assert found.rejected == {"no_text": 1, "too_many_cells": 1}
    assert len(found.sample_rows) == 3
    assert any("1 of 4 rows have a date that cannot be read" in line for line in found.problems)
    assert not any("delivery" in line for line in found.problems)


def test_a_map_is_obeyed_and_a_wrong_one_is_explained(tmp_path):
    (tmp_path / "reviews.csv").write_text(DATA)
    (found,) = inspect_paths([str(tmp_path)], ["text=id", "id="])
    assert next(column.role for column in found.columns if column.name == "id") == "text"
    with pytest.raises(ConfigError, match="did you mean 'comment'"):
        inspect_paths([str(tmp_path)], ["text=coment"])


def test_a_table_without_feedback_says_how_to_name_it(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n3,4\n")
    (found,) = inspect_paths([str(tmp_path)])
    assert found.kind == "unknown"
    assert "no column holds feedback; name it with --map text=COLUMN" in found.problems
    assert found.rejected == {"no_text": 2}
