"""Why nothing is said: in words for every code, in every language of the page."""

import re
from pathlib import Path

import pytest

import pipelines.impact
from pipelines.impact.notes import MEANINGS, Note, word_note
from pipelines.report import display
from pipelines.report.page import LANGUAGES


def test_every_code_that_is_given_has_a_meaning_and_no_other_has() -> None:
    folder = Path(pipelines.impact.__file__).parent
    code = "".join(path.read_text() for path in folder.glob("*.py") if path.stem != "notes")
    given = set(re.findall(r"\"([a-z]+(?:_[a-z]+)+)\"", code))
    assert MEANINGS.keys() <= given
    assert set(re.findall(r"Note\(\s*\"(\w+)\"", code)) <= MEANINGS.keys()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_words_every_note_with_what_it_names(lang: str) -> None:
    words = display.read_words(f"words/{lang}.json")
    said = {key.removeprefix("unsaid_"): text for key, text in words.items() if "unsaid_" in key}
    assert said.keys() == MEANINGS.keys()
    for code, text in said.items():
        named = set(re.findall(r"\{(\w+)\}", MEANINGS[code]))
        # Which outcome it is stands before the note there.
        assert set(re.findall(r"\{(\w+)\}", text)) | {"outcome"} == named | {"outcome"}, code


def test_a_note_names_numbers_and_themes() -> None:
    assert str(Note("days_open", {"n": 1200, "days": 90, "needed": 20})).startswith(
        "only 1,200 moments are 90 days old"
    )
    named = {"themes": ["t1", "t2"], "effect": 0.51234, "low": -0.1, "high": 1.0}
    assert str(Note("as_themes_together", named)) == (
        "it cannot be told apart from t1, t2; together +0.512 (-0.1 to +1)"
    )
    assert word_note("of a later version") == "of a later version"
