"""What a row says against itself, and what it does not."""

import pytest

from nlp.row_signs import read_row_signs

LONG = "The driver was friendly, but the parcel came two days late and nobody told me why it did"
ITEMS = ("staff", "price", "speed", "room", "food", "bath", "bed", "view", "bar", "pool")


@pytest.mark.parametrize(
    "text, question, attributes, reason",
    [
        (LONG, None, {}, None),
        (LONG, None, {"Response Type": "Survey Preview"}, "test_row"),
        (LONG, None, {"Status": "Survey Preview Spam"}, "test_row"),
        (LONG, None, {"Status": "Imported Spam"}, None),
        (LONG, None, {"Status": "IP Address"}, None),
        (LONG, None, {"Status": "2", "test": "0"}, None),
        ("This is a test", None, {}, "test_row"),
        ("בדיקה", None, {}, "test_row"),
        ("the blood test was late", None, {}, None),
        ("What can we do better?", "What can we do better", {}, "low_effort"),
        (LONG, "What can we do better?", {"Duration (in seconds)": "4"}, "bot_like"),
        (LONG, "What can we do better?", {"Duration (in seconds)": "64"}, None),
        ("too slow", None, {"duration": "5", **{f"Q5_{n}": "3" for n in range(8)}}, "bot_like"),
        ("too slow", None, {"duration": "90", **{f"Q5_{n}": "3" for n in range(8)}}, None),
        ("too slow", None, {"duration": "5", **{f"Q5_{n}": str(n) for n in range(8)}}, None),
        ("too slow", None, {"duration": "5", **{f"Q{n}": "3" for n in range(10)}}, "bot_like"),
        ("too slow", None, {"duration": "90", **{f"Q{n}": "3" for n in range(10)}}, None),
        ("too slow", None, {"duration": "5", **dict.fromkeys(ITEMS, "Agree")}, "bot_like"),
        ("too slow", None, {"duration": "60", **dict.fromkeys(ITEMS, "Agree")}, None),
        ("too slow", None, {"duration": "5", **dict.fromkeys(ITEMS, "Agree"), "x": "Poor"}, None),
        ("too slow", None, {"duration": "5", **dict.fromkeys(ITEMS, "North")}, None),
        (LONG, None, {"author_type": "Agent"}, "not_feedback"),
        (LONG, None, {"authorIsChannelOwner": "true"}, "not_feedback"),
        (LONG, None, {"author.type": "admin"}, "not_feedback"),
        (LONG, None, {"From agent": "Yes"}, "not_feedback"),
        (LONG, None, {"From agent": "No"}, None),
        *((LONG, None, {"Role": role}, None) for role in ("Owner", "Admin", "Staff", "Agent")),
        (LONG, None, {"User role": "Admin", "Is owner": "true"}, None),
        ("We are hiring! Send your CV to <EMAIL>", None, {}, "not_feedback"),
        ("דרוש נהג משלוחים, לפרטים <PHONE>", None, {}, "not_feedback"),
        ("Hi Dana, thank you for your feedback. Please contact our team", None, {}, "not_feedback"),
        ("Hello, thank you for your great service! I will order again", None, {}, None),
        ("they are hiring rude people", None, {}, None),
    ],
)
def test_rows_say_what_they_are(
    text: str, question: str | None, attributes: dict[str, str], reason: str | None
) -> None:
    found = read_row_signs(text, question, attributes)
    assert (found and found.reason) == reason


def test_in_a_survey_no_column_makes_a_respondent_the_company() -> None:
    assert read_row_signs(LONG, None, {"Author type": "Staff"}, is_survey=True) is None
