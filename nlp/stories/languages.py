"""The languages that stories are told in: one data file each (``nlp/data/stories``)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

DEFAULT: Final = "en"
# Not a language: which sentences there are, and what stands in each.
_SCHEMA = "sentences"
Forms = Mapping[str, str]


@dataclass(frozen=True)
class Language:
    """How a language writes numbers and days, and its sentences.

    :param direction: ltr or rtl.
    :param numbers: in which direction numbers with their signs are written, ltr or rtl.
    :param digits: from nought to nine.
    :param percent: with ``{n}`` for the number.
    :param calendar: gregorian or persian.
    :param day: a day, of ``{d}``, ``{month}`` and ``{y}``.
    :param plurals: rules by category, see :mod:`nlp.stories.plurals`.
    :param phrases: what is counted, by category; ``=1`` for just this number comes first.
    :param sentences: each a text, or texts by the category of one of its numbers.
    :param words: what codes of the tables are called, by kind and code.
    :param languages: names of languages by code.
    :param claims: words that claim something, see :mod:`nlp.stories.checking`.
    """

    code: str
    name: str
    direction: str
    numbers: str
    digits: str
    group: str
    decimal: str
    minus: str
    percent: str
    calendar: str
    day: str
    months: tuple[str, ...]
    plurals: Forms
    phrases: Mapping[str, Forms]
    sentences: Mapping[str, str | Forms]
    words: Mapping[str, Mapping[str, str]]
    languages: Mapping[str, str]
    claims: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_right_to_left(self) -> bool:
        """Whether it is written from right to left."""
        return self.direction == "rtl"


@dataclass(frozen=True)
class Schema:
    """What stands in a sentence.

    :param topic: news, cost, who or quote. Sentences of one topic that follow each other are a
        paragraph.
    :param slots: by name, the kind of value: a rule of :mod:`nlp.stories.rounding`, or day, text,
        lang or ``word:`` and a kind of words.
    :param by: the slot whose number chooses the form.
    :param least: of counts, the least for which the sentence is meant, where that is not 0.
    """

    topic: str
    slots: Mapping[str, str]
    by: str | None
    least: Mapping[str, int]


def name_language(code: str) -> str:
    """The code of a language without its country: ``he`` for ``he_IL`` and for Java's ``iw``."""
    own = code.replace("_", "-").split("-")[0].lower()
    return {"iw": "he", "prs": "fa"}.get(own, own)


def choose_language(code: str) -> str:
    """The language that a reader of another one gets: their own where there is one, else English.

    :param code: as ``he`` or ``fa-IR``.
    """
    own = name_language(code)
    return own if own in list_languages() else DEFAULT


@cache
def list_languages() -> tuple[str, ...]:
    """The codes of all languages that stories are told in."""
    names = (each.name for each in (files("nlp") / "data" / "stories").iterdir())
    found = (name.removesuffix(".toml") for name in names if name.endswith(".toml"))
    return tuple(sorted(code for code in found if code != _SCHEMA))


@cache
def read_language(code: str) -> Language:
    """Read the file of a language."""
    values = _read(code)
    return Language(code=code, **{**values, "months": tuple(values["months"])})


@cache
def read_schemas() -> Mapping[str, Schema]:
    """Every sentence that there is, by name."""
    return {name: _read_schema(dict(given)) for name, given in _read(_SCHEMA).items()}


def _read_schema(given: dict[str, str]) -> Schema:
    topic, by = given.pop("topic"), given.pop("by", None)
    slots, least = {}, {}
    for slot, kind in given.items():
        slots[slot], _, low = kind.partition(">=")
        if low:
            least[slot] = int(low)
    return Schema(topic, slots, by, least)


def _read(name: str) -> dict[str, Any]:
    path = files("nlp") / "data" / "stories" / f"{name}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))
