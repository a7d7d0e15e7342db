"""Inspecting: what would be read, without writing anything."""

from pathlib import Path

import pytest

from nlp.masking import STANDARD
from pipelines.cli.show import describe_inspection
from pipelines.errors import ConfigError
from pipelines.inspect import inspect_paths
from pipelines.reading.files import find_inputs
from pipelines.recognition import read_feedback

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


def test_who_somebody_is_is_shown_to_nobody_and_a_customers_number_is(tmp_path: Path) -> None:
    (tmp_path / "crm.csv").write_text(
        "Customer,Client,Birthday,comment\nC-17,Dana Levi,1990-01-02,The delivery was late again\n"
        "C-18,Omar Said,1991-01-02,Support answered within minutes\n"
    )
    shown = []
    for customer in ("Customer", "Client"):
        pairs = [f"customer={customer}", "birth=Birthday", "text=comment"]
        (found,) = inspect_paths([str(tmp_path)], pairs)
        shown += [row[customer] for row in describe_inspection(found, STANDARD)["sample_rows"]]
        assert {row["Birthday"] for row in describe_inspection(found, STANDARD)["sample_rows"]} == {
            "<hidden>"
        }
    assert sorted(shown) == ["<hidden>", "<hidden>", "C-17", "C-18"]


ANSWERS = [f"{what} {how}" for what in ("המשלוח", "המענה", "האתר") for how in "אבגדהו"]


@pytest.mark.parametrize("name", ["מה אפשר לשפר?", "ما الذي يمكن تحسينه؟", "还有什么可以改进？"])
def test_a_question_whose_answers_repeat_is_told_with_the_map_that_reads_it(tmp_path, name):
    rows = (f"{i},{i % 7},{ANSWERS[i % 18]},{'כן' if i % 2 else 'לא'}\n" for i in range(72))
    head = f"id,Rating,{name},האם תמליצו עלינו?\n"
    (tmp_path / "survey.csv").write_text(head + "".join(rows))
    (found,) = inspect_paths([str(tmp_path)])
    (told,) = (line for line in found.problems if "asks a question" in line)
    assert f'column "{name}"' in told and "18 distinct of 72" in told
    assert told.endswith(f'read with: --map text="{name}"')
    assert not any(answer in told for answer in ANSWERS)
    (found,) = inspect_paths([str(tmp_path)], [f"text={name}"])
    assert (found.n_items, found.problems) == (72, [])


def test_the_map_that_reads_a_question_keeps_the_other_texts(tmp_path):
    reviews = (f"The {i}th delivery was late again,{ANSWERS[i % 18]}\n" for i in range(72))
    (tmp_path / "survey.csv").write_text("Review,מה אפשר לשפר?\n" + "".join(reviews))
    (found,) = inspect_paths([str(tmp_path)])
    (told,) = found.problems
    assert told.endswith('read with: --map text="Review" --map text="מה אפשר לשפר?"')
    (file,) = find_inputs([str(tmp_path / "survey.csv")]).files
    warnings: list[str] = []
    list(read_feedback(file, (), timezone="UTC", warn=warnings.append))
    assert warnings == [f"survey.csv: {told}"]


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


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (["1", "1", "2", "3", "4"], "in the sample 1 of 5 values repeat another"),
        (["5.70306E+17", "5.70307E+17", "5.70308E+17"], "a spreadsheet rounded its numbers"),
        (["a1", "a2", "a3"], ""),
        (["", "", "7"], ""),
    ],
)
def test_a_column_that_is_named_like_an_id_and_is_none_is_told(
    tmp_path: Path, ids: list[str], said: str
) -> None:
    rows = [f"{each},the staff was friendly {n}" for n, each in enumerate(ids)]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["id,comment", *rows]))
    (found,) = inspect_paths([str(path)])
    told = [problem for problem in found.problems if "named like an id" in problem]
    assert len(told) == bool(said)
    assert said in "".join(told)
