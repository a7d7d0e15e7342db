"""Questions of surveys that ask for a rating, in the words of their forms."""

import csv
import json
from pathlib import Path

import pytest

from pipelines.inspect import inspect_paths
from pipelines.reading import recognise_roles
from pipelines.reading.numbers import infer_rating_max

CASES = Path(__file__).parents[2] / "cases" / "rating_questions.jsonl"
QUESTIONS = [json.loads(line)["question"] for line in CASES.read_text("utf-8").splitlines()]
OPINIONS = [
    "The delivery was three days late and nobody answered my calls",
    "Great service, the staff was friendly and the food was hot",
    "I want my money back, the app keeps crashing on login",
    "Nothing special but it does what it promises for the price",
]
OPEN = "What can we do better?"


def recognise(cells):
    n = len(next(iter(cells.values())))
    rows = [
        {"id": f"r{i}", **{name: own[i] for name, own in cells.items()}, OPEN: OPINIONS[i % 4]}
        for i in range(n)
    ]
    return recognise_roles(list(rows[0]), rows)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("values", ["2 9 4 10 0 7", "2 5 4 1 5 3"])
def test_a_question_for_a_rating_holds_the_rating(question, values):
    mapping = recognise({question: values.split()})
    assert mapping.columns == {"id": "id", "rating": question}
    assert mapping.texts == (OPEN,)


@pytest.mark.parametrize(
    "question",
    [
        "How many times did you visit us?",
        "How old are you?",
        "Recommended price",
        "Number of recommended articles",
        "How many people live in your home?",
        "כמה פעמים ביקרת אצלנו?",
        "كم مرة زرتنا؟",
        "چند بار به ما سر زدید؟",
        "قيمة الطلب",
        "Wie oft waren Sie bei uns?",
    ],
)
def test_a_question_for_a_number_is_no_rating(question):
    assert "rating" not in recognise({question: ["2", "5", "4", "1", "5", "3"]}).columns


def test_a_yes_and_a_no_are_no_rating():
    mapping = recognise({"Would you recommend us?": ["1", "0"] * 10})
    assert "rating" not in mapping.columns
    assert "product" not in mapping.columns


def test_of_several_ratings_the_recommendation_counts_then_that_of_all():
    staff, room = "How satisfied are you with the staff?", "How satisfied are you with the room?"
    overall, recommend = "Overall, how satisfied are you?", "באיזו מידה תמליצו עלינו?"
    marks = ["2", "5", "4", "1", "5", "3"]
    three = {staff: marks, room: marks, overall: marks}
    assert recognise(three).columns["rating"] == overall
    assert recognise({**three, recommend: marks}).columns["rating"] == recommend
    assert "rating" not in recognise({staff: marks, room: marks}).columns


def test_that_no_rating_was_taken_is_told(tmp_path):
    asked = [f"How satisfied are you with the {each}?" for each in ("staff", "room", "food", "bar")]
    path = tmp_path / "hotel.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", *asked, OPEN])
        for i in range(8):
            marks = [i % 5 + 1, i % 4 + 1, i % 3 + 1, i % 5 + 1]
            writer.writerow([f"r{i}", *marks, f"{OPINIONS[i % 4]} {i}"])
    (found,) = inspect_paths([str(path)])
    told = (
        f'4 columns hold ratings of one thing each ("{asked[0]}", "{asked[1]}", "{asked[2]}" and 1 '
        "more): none is taken for the rating of all, and they are kept as attributes. Say which "
        f'with --map rating="{asked[0]}"'
    )
    assert told in found.problems


@pytest.mark.parametrize(
    "question", ["באיזו סבירות תמליץ עלינו?", "هل توصي بنا؟", "ما را پیشنهاد می‌کنید؟", "NPS"]
)
def test_low_answers_alone_make_no_scale_of_five_where_it_is_asked_who_recommends(question):
    assert infer_rating_max(["2", "4", "0"], question) == 10
