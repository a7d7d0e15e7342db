"""The page says the same in each of its languages, and says nothing that it has no words for."""

import re
from pathlib import Path
from typing import Any

import pytest

from pipelines.report import display
from pipelines.report.page import LANGUAGES

# CLDR 48, plural rules; the browser test compares them with those of Chromium.
FORMS = {
    "en": {"one", "other"},
    "he": {"one", "two", "other"},
    "ar": {"zero", "one", "two", "few", "many", "other"},
    "fa": {"one", "other"},
}
SCRIPTS = Path(display.__file__).parent / "templates" / "page"
CODED = (
    *("verdict_", "silent_", "noise_", "unassigned_", "outcome_", "part_", "dimension_"),
    *("reason_", "unit_", "why_", "unsaid_", "held_", "method_", "heard_", "rejected_"),
    *("status_", "feeling_", "mood_", "quality_", "note_", "by_", "look_", "sort_", "share_"),
    "next_",
)


def read_words(lang: str) -> dict[str, Any]:
    words: dict[str, Any] = display.read_words(f"words/{lang}.json")
    return words


def forms_of(message: Any) -> list[str]:
    return list(message.values()) if isinstance(message, dict) else [message]


def slots(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_says_everything_in_all_its_plural_forms(lang: str) -> None:
    english, words = read_words("en"), read_words(lang)
    assert words.keys() == english.keys()
    for key, message in words.items():
        known = set().union(*map(slots, forms_of(english[key])))
        if isinstance(message, dict):
            assert message.keys() == FORMS[lang], key
        assert isinstance(message, dict) == isinstance(english[key], dict), key
        # A form for one or two may spell the number out.
        assert slots(forms_of(message)[-1]) == slots(forms_of(english[key])[-1]), key
        assert all(slots(form) <= known for form in forms_of(message)), key


def test_translations_are_in_their_script() -> None:
    for lang, letters in {
        "he": "\u05d0-\u05ea",
        "ar": "\u0621-\u064a",
        "fa": "\u0621-\u06cc",
    }.items():
        own = [
            key
            for key, message in read_words(lang).items()
            if not all(re.search(f"[{letters}]", form) for form in forms_of(message))
        ]
        assert set(own) <= {
            *("comma", "some_of", "download", "q_head", "note_made_text"),
            *("outcome_nps_group", "noise_bot_like"),
        }


def test_the_page_has_words_for_all_that_its_script_says_and_no_others() -> None:
    script = "".join(path.read_text(encoding="utf-8") for path in sorted(SCRIPTS.glob("*.js")))
    template = display.read_asset("report.html")
    said = set(re.findall(r"[\"#`]([a-z][a-z0-9_]+)[\"`]", script))
    said |= set(re.findall(r"words\.([a-z_]+)", template))
    words = read_words("en").keys()
    direct = set(re.findall(r"(?:say|pieces)\(\"([a-z_0-9]+)\"", script))
    assert direct <= words
    assert {key for key in words - said if not key.startswith(CODED)} <= {
        *("noise_head",),
        *(key for key in words if key.endswith(("_heading", "_caption", "_table_empty", "_head"))),
    }
