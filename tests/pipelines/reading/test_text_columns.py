"""Texts that stand in several columns of one name."""

import pytest

from pipelines.reading import recognise_roles

SAID = ("the courier never came", "support was rude to me", "שירות איטי מאוד", "gern wieder hier")
# Columns, how many of them each row fills, and those that are feedback.
CASES = [
    (("Score", "Comment", "Comment (2)"), 2, ("Comment", "Comment (2)")),
    (("Comment", "Comment.1", "Comment.2"), 3, ("Comment", "Comment.1", "Comment.2")),
    (("comment 1", "comment 2"), 2, ("comment 1", "comment 2")),
    (("תגובה", "תגובה (2)"), 2, ("תגובה", "תגובה (2)")),
    (("comment_en", "comment_he", "comment_ar"), 1, ("comment_en", "comment_he", "comment_ar")),
    (("Comment (English)", "Comment (Hebrew)"), 1, ("Comment (English)", "Comment (Hebrew)")),
    (("comment", "comment_de"), 1, ("comment", "comment_de")),
    # One is the other's translation.
    (("comment", "comment_en"), 2, ("comment",)),
    (("review_fr", "review_en"), 2, ("review_en",)),
    # Of other names the best is the one.
    (("comment", "remarks"), 2, ("comment",)),
]


@pytest.mark.parametrize(("columns", "n_filled", "texts"), CASES, ids=lambda value: str(value))
def test_columns_of_one_name_are_all_read_unless_they_say_the_same(columns, n_filled, texts):
    rows = []
    for number in range(60):
        said = f"{SAID[number % 4]} {SAID[number // 4 % 4]} {SAID[number // 16]}"
        row = {"id": f"r{number}"}
        for place, column in enumerate(columns):
            is_filled = n_filled == len(columns) or place == number % len(columns)
            row[column] = (f"{said} {place}x" if is_filled else "") if column != "Score" else "3"
        rows.append(row)
    assert recognise_roles([*rows[0]], rows).texts == texts
