"""Transcripts: who speaks for the company, in whatever words a tool names its speakers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.inspect import inspect_paths
from pipelines.reading import Table
from pipelines.reading.tables import BadRow, Row
from pipelines.reading.transcripts import is_labelled
from tests.pipelines.reading.test_sources import read_export

SAID = "The app does not open"
ASKED = "How can I help?"


def read_turns(folder: Path, *lines: str) -> dict[str, Any]:
    path = folder / "call.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_export(path)


@pytest.mark.parametrize(
    ("company", "customer"),
    [
        ("נציגת שירות", "לקוחה"),
        ("המוקדן", "לקוח"),
        ("موظفة خدمة العملاء", "العميل"),
        ("پشتیبانی", "مشتری"),
        ("Mitarbeiterin", "Kundin"),
        ("Оператор", "Клиент"),
        ("Help Desk", "Dana"),
        ("Agent (Dana)", "Caller"),
    ],
)
def test_turns_of_the_company_are_replies_in_any_language(
    tmp_path: Path, company: str, customer: str
) -> None:
    pair = (f"{customer}: {SAID}", f"{company}: {ASKED}")
    found = read_turns(tmp_path, *pair * 3)
    assert [item["text"] for item in found["items"]] == [SAID] * 3
    assert {item["reply"] for item in found["items"]} == {ASKED}


def test_speakers_of_two_forms_in_a_short_talk_are_still_a_transcript(tmp_path: Path) -> None:
    found = read_turns(
        tmp_path, f"נציג: {ASKED}", f"לקוח: {SAID}", "נציג: אבדוק", "לקוחה: תודה רבה לך"
    )
    assert [item["text"] for item in found["items"]] == [SAID, "תודה רבה לך"]


@pytest.mark.parametrize("n_lines", [2, 3])
def test_a_talk_of_few_lines_is_one_where_the_company_is_known(
    tmp_path: Path, n_lines: int
) -> None:
    lines = (f"Agent: Hello, {ASKED}", f"Customer: {SAID}, though I paid", "Agent: I will see")
    assert [item["text"] for item in read_turns(tmp_path, *lines[:n_lines])["items"]] == [
        f"{SAID}, though I paid"
    ]
    notes = ("Good: the price", "Bad: the delivery, it was late")
    assert not is_labelled("\n".join(notes))


def test_a_title_above_the_first_speaker_is_no_turn(tmp_path: Path) -> None:
    found = read_turns(tmp_path, "Focus group, 12 March", *(f"P1: {SAID}", f"P2: {ASKED}") * 2)
    assert found["rejected"] == [[1, "not_a_record"]]
    assert len(found["items"]) == 4


@pytest.mark.parametrize(("speaker", "n_notes"), [("Dana", 1), ("Support", 0)])
def test_it_is_told_when_nobody_is_known_to_speak_for_the_company(
    tmp_path: Path, speaker: str, n_notes: int
) -> None:
    path = tmp_path / "call.txt"
    path.write_text(f"{speaker}: {ASKED}\nRami: {SAID}\n" * 3)
    (found,) = inspect_paths([str(path)])
    notes = [each for each in found.problems if "none of the 2 speakers" in each]
    assert len(notes) == n_notes


IOS = (
    "\u200e[12/10/2026, 09:15:22] \u200eMessages and calls are end-to-end encrypted.\n"
    "[12/10/2026, 09:15:40] Dana Levi: The package never came\nand nobody answers\n"
    "[12/10/2026, 09:16:02] Support: Let me check\n"
    "[12/10/2026, 09:17:40] Dana Levi: The second time\n"
    "[12/10/2026, 09:18:01] Dana Levi: this month\n"
    "[13/10/2026, 08:01:00] Dana Levi: Still nothing?\n"
    "[13/10/2026, 08:05:00] Support: On its way\n"
)
ANDROID = (
    "12.10.26, 9:15 - ההודעות מוצפנות מקצה לקצה\n"
    "12.10.26, 9:15 - דנה לוי: החבילה לא הגיעה\n"
    "12.10.26, 9:16 - נציג שירות: בודק\n"
    "12.10.26, 9:18 - דנה לוי: זו פעם שנייה: לא מקובל\n"
)
US = "\n".join(
    f"10/{day}/26, {hour}:05\u202f{half} - {who}: word {day}"
    for day, hour, half, who in ((1, 9, "AM", "Dana"), (1, 9, "PM", "Agent"), (2, 1, "PM", "Dana"))
)


@pytest.mark.parametrize(
    ("chat", "turns", "n_bad"),
    [
        (
            IOS,
            [
                ("12/10/2026, 09:15:40", "Dana Levi", "The package never came and nobody answers"),
                ("12/10/2026, 09:17:40", "Dana Levi", "The second time this month"),
                ("13/10/2026, 08:01:00", "Dana Levi", "Still nothing?"),
            ],
            1,
        ),
        (
            ANDROID,
            [
                ("12.10.26, 9:15", "דנה לוי", "החבילה לא הגיעה"),
                ("12.10.26, 9:18", "דנה לוי", "זו פעם שנייה: לא מקובל"),
            ],
            1,
        ),
        (
            US,
            [
                ("10/1/26, 9:05\u202fAM", "Dana", "word 1"),
                ("10/2/26, 1:05\u202fPM", "Dana", "word 2"),
            ],
            0,
        ),
    ],
    ids=["ios", "android", "halves of the day"],
)
def test_what_a_customer_says_in_a_chat_has_its_day(
    open_bytes: Callable[..., Table], chat: str, turns: list[tuple[str, ...]], n_bad: int
) -> None:
    rows = list(open_bytes("chat.txt", chat).rows)
    told = [
        (row.values["date"], row.values["speaker"], row.values["utterance"])
        for row in rows
        if isinstance(row, Row)
    ]
    assert told == turns
    assert sum(isinstance(row, BadRow) for row in rows) == n_bad
