"""Names that stand for people whom a service does not name."""

import pytest

from pipelines.feedback_rows import RowSettings, prepare_feedback
from pipelines.nobody import is_nobody
from pipelines.reading.items import FeedbackItem

SETTINGS = RowSettings("shop", None, None, None, "US", b"k" * 32)


@pytest.mark.parametrize(
    "name",
    [
        "A Google user",
        "a google User ",
        "@anonymous",
        "u/[deleted]",
        "Amazon Customer",
        "***",
        "N/A",
        "-",
        "אנונימי",
        "مستخدم Google",
        "ناشناس",
        "Ein Google-Nutzer",
        "匿名",
    ],
)
def test_a_name_that_names_no_one_is_nobodys(name: str) -> None:
    assert is_nobody(name)


@pytest.mark.parametrize(
    "name", ["Anon Smith", "Guesty", "דנה לקוחה", "0", "🔥🔥", "user4711", "J."]
)
def test_a_name_that_may_be_somebodys_is_kept(name: str) -> None:
    assert not is_nobody(name)


def test_feedback_of_people_without_a_name_has_no_author_and_so_stays_a_voice_each() -> None:
    said = [
        FeedbackItem(text="Crashes on start", author=name, file="a.csv", row_number=1)
        for name in ("A Google user", "Dana")
    ]
    nobody, dana = (prepare_feedback(item, SETTINGS).row["author_key"] for item in said)
    assert nobody is None
    assert dana
