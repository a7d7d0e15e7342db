"""How single values are written on the page: numbers, dates, languages, and customers' words."""

import json
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

from nlp.stories.languages import read_language

# Explicit bidirectional formatting (Unicode Standard Annex 9): what opens, and what closes it.
EMBEDDINGS = "\u202a\u202b"
OVERRIDES = "\u202d\u202e"
ISOLATES = "\u2066\u2067\u2068"
POP_EMBEDDING = "\u202c"
POP_ISOLATE = "\u2069"
CONTROLS = re.compile(f"[{EMBEDDINGS}{OVERRIDES}{ISOLATES}{POP_EMBEDDING}{POP_ISOLATE}]")
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
SURROGATE = re.compile(r"[\ud800-\udfff]")
MAX_CODE_LENGTH = 80
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
LANG_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


@cache
def read_asset(name: str) -> str:
    """Read a file of `templates/`, also from inside a zip."""
    asset = resources.files("pipelines.report").joinpath("templates", name)
    return asset.read_text(encoding="utf-8")


@cache
def read_words(name: str) -> Any:
    """Read a JSON file of `templates/`."""
    return json.loads(read_asset(name))


def show_number(number: int) -> str:
    """Write a count with thousands separators."""
    return f"{number:,}"


def show_score(score: float | None) -> str:
    """Write a sentiment score with its sign."""
    return "–" if score is None else f"{score:+.2f}".replace("-", "−")


def show_date(at: datetime | None) -> str:
    """Write a day; month names are English whatever the locale."""
    return "–" if at is None else f"{at.day} {_month(at)} {at.year}"


def show_dates(first: datetime | None, last: datetime | None) -> str:
    """Write a range of days as shortly as it can be said."""
    if first is None or last is None:
        return "no dates"
    if first.date() == last.date():
        return show_date(last)
    if first.year != last.year:
        return f"{show_date(first)} – {show_date(last)}"
    if first.month != last.month:
        return f"{first.day} {_month(first)} – {show_date(last)}"
    return f"{first.day}–{show_date(last)}"


def show_code(code: str) -> str:
    """Write a code of the tables as words: `low_effort` is Low effort."""
    words = disarm_text(code, MAX_CODE_LENGTH).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def language_name(code: str | None) -> str:
    """English name of a language; the code itself where it is not known."""
    code = code or "und"
    return read_language("en").languages.get(code.lower()) or disarm_text(code, MAX_CODE_LENGTH)


def language_names(codes: Iterable[str]) -> str:
    """Name a few languages in one line."""
    return ", ".join(language_name(code) for code in codes)


def language_tag(code: str | None) -> str:
    """The value of a `lang` attribute; empty, which means unknown, for anything but a tag."""
    known = code is not None and code != "und" and LANG_TAG.fullmatch(code)
    return code if known and code else ""


def direction_of(text: str, lang: str | None) -> str:
    """The value of a `dir` attribute.

    `auto` looks at the first letter only, and so gets a Hebrew sentence wrong that begins with
    a brand name in Latin letters: the language decides where the text has a letter of its script.
    """
    right_to_left: list[str] = read_words("languages.json")["right_to_left"]
    if (lang or "").split("-")[0].lower() in right_to_left and any(
        unicodedata.bidirectional(letter) in {"R", "AL"} for letter in text
    ):
        return "rtl"
    return "auto"


def disarm_text(text: str, limit: int | None = None) -> str:
    """Make any text safe to stand among others, as plain as a reader would have it.

    Overrides, which only ever disguise, are left out; embeddings and isolates are closed where
    they were opened, so that none reaches beyond this text; unprintable characters are shown as
    U+FFFD. The letters and their order are untouched.

    :param text: what somebody wrote.
    :param limit: the number of characters to cut it at, between words where there are any.
    """
    if limit is not None and len(text) > limit:
        text = _cut(text, limit)
    text = SURROGATE.sub("\ufffd", UNPRINTABLE.sub("\ufffd", text))
    return _balance_controls(text) if CONTROLS.search(text) else text


def _month(at: datetime) -> str:
    return MONTHS[at.month - 1]


def _cut(text: str, limit: int) -> str:
    whole_words = text[:limit].rsplit(None, 1)[0]
    kept = whole_words if len(whole_words) > limit // 2 else text[:limit]
    return f"{kept.rstrip()}…"


def _balance_controls(text: str) -> str:
    """Drop overrides and closers of nothing; close what is left open at the end."""
    shown: list[str] = []
    closers: list[str] = []
    for letter in text:
        if letter in OVERRIDES:
            continue
        if letter in EMBEDDINGS or letter in ISOLATES:
            closers.append(POP_EMBEDDING if letter in EMBEDDINGS else POP_ISOLATE)
        elif letter in {POP_EMBEDDING, POP_ISOLATE}:
            if not closers or closers[-1] != letter:
                continue
            closers.pop()
        shown.append(letter)
    return "".join(shown) + "".join(reversed(closers))
