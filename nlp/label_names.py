"""What a label means that people or models wrote: a sentiment or a language, in their words."""

import json
import re
import tomllib
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

# A language tag with a script or a country: en-US, zh_Hans.
_TAG: Final = re.compile(r"([a-z]{2,3})([-_][a-z0-9]{2,8})+")
_MINUS: Final = "\N{MINUS SIGN}"


class Scale(NamedTuple):
    """Numbers that stand for sentiments.

    :param meanings: sentiment by number, as `fold_number` writes it.
    :param note: what a person should know who reads the scores; empty where nothing is doubtful.
    """

    meanings: Mapping[str, str]
    note: str


def fold_label(name: str) -> str:
    """Return the name of a label without case and with one kind of word break."""
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split()).rstrip(".")


@cache
def sentiment_names() -> dict[str, str]:
    """Return the sentiment that each known label names, by folded label."""
    names: dict[str, str] = json.loads(_data("sentiment/label_names.json"))
    return names


@cache
def language_names() -> dict[str, str]:
    """Return the language code that each known code and name stands for, by folded name."""
    found: dict[str, str] = {}
    for code, names in tomllib.loads(_data("languages/names.toml")).items():
        found |= dict.fromkeys((code, *(fold_label(name) for name in names)), code)
    return found


def read_language(name: str) -> str | None:
    """Return the code of a language by its code or English name; `en-US` and `zh_Hans` are known.

    :returns: ISO 639-1 (639-3 where there is none) or `und`; None for what is no language.
    """
    names = language_names()
    tag = _TAG.fullmatch(name.strip().lower())
    return names.get(fold_label(name)) or (names.get(tag[1]) if tag else None)


def find_scale(values: Collection[str]) -> Scale | None:
    """Find the scale that a column of numbers is written in.

    :param values: the distinct labels of the column.
    :returns: None where one is no number, or no scale fits them all.
    """
    folded = {fold_number(value) or value for value in values}
    for scale in _scales():
        meanings: dict[str, str] = scale["values"]
        has_all = folded >= set(scale.get("needs", ()))
        one_of = set(scale.get("needs_one", ()))
        if folded and folded <= set(meanings) and has_all and (not one_of or folded & one_of):
            return Scale(meanings, scale.get("note", ""))
    return None


def fold_number(value: str) -> str | None:
    """Write a number as briefly as it goes, `4` for `4.0`; None for what is no number."""
    try:
        return f"{float(value.strip().replace(',', '.').replace(_MINUS, '-')):g}"
    except ValueError:
        return None


def _scales() -> list[dict[str, Any]]:
    scales: list[dict[str, Any]] = tomllib.loads(_data("sentiment/scales.toml"))["scales"]
    return scales


def _data(name: str) -> str:
    return (files("nlp") / "data" / name).read_text(encoding="utf-8")
