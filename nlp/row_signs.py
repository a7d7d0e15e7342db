"""What a row says beside its text: previews of surveys, respondents who did not read, own posts.

Names of columns, values and limits are data (`data/noise/rows.toml`).
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from nlp.noise import Noise, fold_answer
from nlp.own_posts import is_own_post

__all__ = ["read_row_signs"]

_SCORE: Final = 0.9
_BETWEEN = re.compile(r"[\W_]+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
# Items of one grid: Q5_1, Q5_2 ..., a question's number and its item's; or Q1, Q2 ...
_ITEM = re.compile(r"(.+?)[_. \[(]+\d+[\])]?|([^\W\d_]{1,12})\d+")


def read_row_signs(
    text: str, question: str | None, attributes: Mapping[str, str], *, is_survey: bool = False
) -> Noise | None:
    """Judge a row by what it says about itself; None where it says nothing against itself.

    :param text: as stored.
    :param question: what was asked; an answer that repeats it is none.
    :param attributes: values of the remaining columns by their names.
    :param is_survey: whether only respondents write here: then no column makes one the company.
    """
    folded = {fold_name(name): value for name, value in attributes.items()}
    if _is_test(text, folded):
        return Noise(_SCORE, "test_row")
    if question and len(question) > 3 and fold_answer(text) == fold_answer(question):
        return Noise(_SCORE, "low_effort")
    if _is_bot_like(text, folded, attributes):
        return Noise(_SCORE, "bot_like")
    if (not is_survey and _is_by_company(folded)) or is_own_post(text):
        return Noise(_SCORE, "not_feedback")
    return None


def fold_name(name: str) -> str:
    """A name or value without case, spaces and punctuation."""
    return _BETWEEN.sub("", name.casefold())


def _is_test(text: str, folded: Mapping[str, str]) -> bool:
    rules = _rules()["test_row"]
    if len(text) <= 60 and fold_answer(text) in _test_texts():
        return True
    for column, value in _named(rules["columns"], folded):
        is_word = value in rules["values"] and not value.isdigit()
        is_known = is_word and value not in ("true", "yes")
        if is_known or (column in rules["numbered"] and (is_word or value == "1")):
            return True
    return False


def _is_bot_like(text: str, folded: Mapping[str, str], attributes: Mapping[str, str]) -> bool:
    rules = _rules()["bot_like"]
    told = next((folded[name] for name in rules["durations"] if name in folded), "").strip()
    if not _NUMBER.fullmatch(told):
        return False
    seconds = float(told)
    if len(text) >= rules["min_chars"] and len(text) > seconds * rules["max_chars_a_second"]:
        return True
    n_same = _count_straight(attributes)
    return bool(n_same >= rules["min_grid"] and seconds < n_same * rules["min_seconds_an_item"])


def _count_straight(attributes: Mapping[str, str]) -> int:
    """Items of the largest grid that was answered with one number or one step in words alone."""
    grids: dict[str, list[str]] = defaultdict(list)
    for name, value in attributes.items():
        if (item := _ITEM.fullmatch(name)) and _NUMBER.fullmatch(value.strip()):
            grids[item[1] or item[2]].append(value.strip())
        elif fold_answer(value) in _steps():
            # Items in words have no name in common; their answers tell that they are of a scale.
            grids[""].append(fold_answer(value))
    return max((len(grid) for grid in grids.values() if len(set(grid)) == 1), default=0)


def _is_by_company(folded: Mapping[str, str]) -> bool:
    """Whether a column that names the kind of author names no customer."""
    rules = _rules()["not_feedback"]
    for column, value in _named(rules["columns"], folded):
        if value in rules["values"] and (value not in rules["flagged"] or column in rules["flags"]):
            return True
    return False


def _named(columns: Iterable[str], folded: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The folded values of those columns that a row has."""
    return ((column, fold_name(folded[column])) for column in columns if column in folded)


@cache
def _rules() -> dict[str, Any]:
    path = files("nlp") / "data" / "noise" / "rows.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def _steps() -> frozenset[str]:
    return frozenset(map(fold_answer, _rules()["bot_like"]["steps"].splitlines())) - {""}


@cache
def _test_texts() -> frozenset[str]:
    return frozenset(map(fold_answer, _rules()["test_row"]["texts"].splitlines())) - {""}
