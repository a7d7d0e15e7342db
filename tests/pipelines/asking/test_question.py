"""What a question says of languages and times becomes filters; the rest is searched for."""

from datetime import date

import pytest

from pipelines.asking.question import Question, read_literally, read_question
from pipelines.asking.times import Days

TODAY = date(2026, 11, 12)
OCTOBER = Days(date(2026, 10, 1), date(2026, 11, 1))
THIRTY = Days(date(2026, 10, 14), date(2026, 11, 13))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("late refunds in Hebrew last month", Question("late refunds", ("he",), OCTOBER)),
        ("החזרים שמתעכבים בעברית בחודש שעבר", Question("החזרים שמתעכבים", ("he",), OCTOBER)),
        ("استرداد متأخر بالعبرية الشهر الماضي", Question("استرداد متأخر", ("he",), OCTOBER)),
        ("بازپرداخت دیر به زبان عبری در ماه گذشته", Question("بازپرداخت دیر", ("he",), OCTOBER)),
        ("the last 30 days: late courier", Question("late courier", (), THIRTY)),
        ("החזר כספי ב-30 הימים האחרונים", Question("החזר כספי", (), THIRTY)),
        ("المبالغ خلال آخر 30 يوما باللغة العربية", Question("المبالغ", ("ar",), THIRTY)),
        ("تحویل دیر در ۳۰ روز گذشته", Question("تحویل دیر", (), THIRTY)),
        (
            "crash in Hebrew or Arabic since June",
            Question("crash", ("he", "ar"), Days(date(2026, 6, 1))),
        ),
        (
            "משלוחים באוקטובר 2025",
            Question("משלוחים", (), Days(date(2025, 10, 1), date(2025, 11, 1))),
        ),
        ("price before October", Question("price", (), Days(None, date(2026, 10, 1)))),
        ("price Q3 2026", Question("price", (), Days(date(2026, 7, 1), date(2026, 10, 1)))),
        ("login since 2026-03-01", Question("login", (), Days(date(2026, 3, 1)))),
        (
            "login from March to May",
            Question("login", (), Days(date(2026, 3, 1), date(2026, 6, 1))),
        ),
        ("slow this week", Question("slow", (), Days(date(2026, 11, 9), date(2026, 11, 16)))),
        # Words that are none of these.
        ("food in Turkish airlines", Question("food in Turkish airlines")),
        ("refunds not in English", Question("refunds not in English")),
        ("החזרים לא בעברית", Question("החזרים לא בעברית")),
        ("المبالغ ليس بالعربية", Question("المبالغ ليس بالعربية")),
        ("بازپرداخت نه به زبان فارسی", Question("بازپرداخت نه به زبان فارسی")),
        ("may I get a refund", Question("may I get a refund")),
        ("refund last 99999 days", Question("refund last 99999 days")),
        ("the last update broke it", Question("the last update broke it")),
        ('where is "order A-1234"', Question("where is order A-1234", exact=("order A-1234",))),
        ('בצה"ל אמרו לא', Question('בצה"ל אמרו לא')),
    ],
)
def test_a_question_is_understood(asked: str, expected: Question) -> None:
    assert read_question(asked, TODAY) == expected


def test_every_word_can_be_taken_as_it_is() -> None:
    assert read_literally(" refunds  in Hebrew last month ") == Question(
        "refunds in Hebrew last month"
    )


def test_the_last_day_of_a_month_is_counted_back_to_one_that_there_is() -> None:
    found = read_question("late last 1 months", date(2026, 3, 31))
    assert found.days == Days(date(2026, 3, 1), date(2026, 4, 1))
