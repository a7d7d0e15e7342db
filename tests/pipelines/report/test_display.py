"""How single values are written."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.report.display import (
    direction_of,
    disarm_text,
    language_name,
    language_tag,
    show_dates,
    show_number,
    show_score,
)
from pipelines.shares import show_share

CONTROLS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
bidi_texts = st.text(alphabet=st.sampled_from("aא " + CONTROLS))


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (1, 2, "50%"),
        (1, 8, "13%"),
        (0, 5, "0%"),
        (1, 999, "<1%"),
        (998, 999, ">99%"),
        (3, 3, "100%"),
        (0, 0, "–"),
        (0.145, 1, "15%"),
        (29, 200, "15%"),
        (0.14500000000000002, 1, "15%"),
        (None, 1, "–"),
    ],
)
def test_a_share_is_never_rounded_to_nothing_or_all(
    part: float | None, whole: float, shown: str
) -> None:
    assert show_share(part, whole) == shown


def test_numbers_have_thousands_separators_and_a_real_minus() -> None:
    assert show_number(1234567) == "1,234,567"
    assert show_score(-0.5) == "−0.50"
    assert show_score(None) == "–"


def test_a_range_of_dates_says_each_part_once() -> None:
    def day(*parts: int) -> datetime:
        return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]

    assert show_dates(day(2026, 1, 3), day(2026, 1, 9)) == "3–9 Jan 2026"
    assert show_dates(day(2026, 1, 3), day(2026, 2, 9)) == "3 Jan – 9 Feb 2026"
    assert show_dates(day(2025, 1, 3), day(2026, 1, 3)) == "3 Jan 2025 – 3 Jan 2026"
    assert show_dates(day(2026, 1, 3), day(2026, 1, 3)) == "3 Jan 2026"
    assert show_dates(None, None) == "no dates"


def test_a_hebrew_text_that_begins_in_latin_letters_is_right_to_left() -> None:
    assert direction_of("iPhone שלי נשבר", "he") == "rtl"
    assert direction_of("mashehu barur", "he") == "auto"
    assert direction_of("שלום", None) == "auto"


def test_a_code_that_is_no_language_tag_becomes_unknown() -> None:
    assert language_tag("fa") == "fa"
    assert language_tag("und") == language_tag(None) == language_tag('"><b>') == ""
    assert language_name("fa") == "Persian"
    assert language_name("tlh") == "tlh"


def test_overrides_go_and_what_is_left_open_is_closed() -> None:
    assert disarm_text("a\u202egnp.exe") == "agnp.exe"
    assert disarm_text("a\u2067b") == "a\u2067b\u2069"
    assert disarm_text("a\u2069b\u202c") == "ab"
    assert disarm_text("a\u202bb\u202c") == "a\u202bb\u202c"


@given(bidi_texts)
def test_disarming_leaves_every_letter_and_is_done_once(text: str) -> None:
    shown = disarm_text(text)
    assert disarm_text(shown) == shown
    assert [c for c in shown if c not in CONTROLS] == [c for c in text if c not in CONTROLS]
    assert not set(shown) & {"\u202d", "\u202e"}


@given(st.text())
def test_any_text_can_be_written_and_ordinary_text_is_unchanged(text: str) -> None:
    shown = disarm_text(text)
    shown.encode()
    if text.isprintable() and not set(text) & set(CONTROLS):
        assert shown == text
        assert len(disarm_text(text, 20)) <= 21


def test_a_long_text_is_cut_between_words() -> None:
    assert disarm_text("one two three four", 12) == "one two…"
    assert disarm_text("x" * 50, 10) == "x" * 10 + "…"
