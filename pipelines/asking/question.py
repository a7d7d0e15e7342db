"""A question in words: what of it are filters, and what is left to search for."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from nlp.label_names import language_names
from pipelines.asking.times import (
    MAX_YEAR,
    MIN_YEAR,
    Days,
    count_back,
    give_month,
    give_quarter,
    give_year,
    name_span,
)
from pipelines.resources import load_config

_YEAR = r"(?:19[7-9]\d|20\d\d)"
_SAME = str.maketrans("يىكأإآةٱـ\u200c\u00a0", "ییکاااها\u200b  ")
_QUOTED = re.compile(
    r"(?<!\w)(?:\"([^\"]{2,80})\"|“([^”]{2,80})”|„([^”“]{2,80})[”“]|«([^»]{2,80})»)"
)
# Not the mark within a Hebrew acronym.
_MARKS = re.compile(r"(?<!\w)[\"“„«]|[\"”“»](?!\w)")
_EDGES = " \t,;:.?!؟،؛-–—"


_ANY = Days()


@dataclass(frozen=True)
class Question:
    """What a question comes to.

    :param text: what to search for.
    :param langs: only these languages; empty for any.
    :param days: only these days.
    :param exact: words in quotation marks, which must stand in the text.
    """

    text: str
    langs: tuple[str, ...] = ()
    days: Days = _ANY
    exact: tuple[str, ...] = ()


# What a word before a time makes of its days.
_BOUNDS: dict[str, Callable[[Days], Days]] = {
    "since": lambda days: Days(days.first, None),
    "until": lambda days: Days(None, days.after),
    "before": lambda days: Days(None, days.first),
    "after": lambda days: Days(days.after, None),
}


class _Found(NamedTuple):
    start: int
    end: int
    days: Days
    bound: str


def read_question(asked: str, today: date) -> Question:
    """Take the languages and times that a question names in words for filters.

    :param today: the day from which times are counted.
    """
    asked = " ".join(asked.split())
    exact = tuple(next(filter(None, match.groups())) for match in _QUOTED.finditer(asked))
    hidden = _hide(asked, [match.span() for match in _QUOTED.finditer(asked)])
    times = _find_times(hidden.translate(_SAME), today)
    spans = [(found.start, found.end) for found in times]
    days = _join(times)
    langs, places = _find_languages(_hide(hidden, spans, "\n").translate(_SAME))
    left = _hide(asked, [*spans, *places])
    text = " ".join(_MARKS.sub(" ", left).split()).strip(_EDGES)
    return Question(text, langs, days, exact)


def read_literally(asked: str) -> Question:
    """Take every word of a question for what to search for."""
    return replace(Question(""), text=" ".join(asked.split()))


def _hide(text: str, spans: Iterable[tuple[int, int]], with_: str = " ") -> str:
    """Keep the place of every other letter."""
    letters = list(text)
    for start, end in spans:
        letters[start:end] = with_ * (end - start)
    return "".join(letters)


def _find_times(text: str, today: date) -> list[_Found]:
    """Times that do not overlap; of two the longer one counts."""
    found: list[_Found] = []
    for form in _time_forms():
        for match in form.pattern.finditer(text):
            try:
                days = _read_days(form, match, today)
            except (OverflowError, ValueError):
                continue  # no such day: words like any other
            bound = next((key for key in _BOUNDS if match.groupdict().get(key)), "")
            found.append(_Found(*match.span(), days, bound))
    chosen: list[_Found] = []
    for each in sorted(found, key=lambda one: (one.start - one.end, one.start)):
        if all(each.end <= other.start or other.end <= each.start for other in chosen):
            chosen.append(each)
    return sorted(chosen, key=lambda one: one.start)


def _join(times: Sequence[_Found]) -> Days:
    """The days of all: "October to December" is since the one and until the other."""
    days = Days()
    for place, found in enumerate(times):
        behind = times[place + 1] if place + 1 < len(times) else None
        is_begun = behind is not None and behind.bound == "until" and behind.start - found.end <= 1
        bound = found.bound or ("since" if is_begun else "")
        days = days.meet(_BOUNDS[bound](found.days) if bound else found.days)
    return days


class _Form(NamedTuple):
    """A way to name a time: a span, so many units counted back, a month, quarter, year or day."""

    pattern: re.Pattern[str]
    kind: str
    value: str = ""


def _read_days(form: _Form, match: re.Match[str], today: date) -> Days:
    groups = match.groupdict()
    year = int(groups["year"]) if groups.get("year") else None
    if form.kind == "span":
        return name_span(form.value, today)
    if form.kind == "counted":
        return count_back(int(match["n"]), form.value, today)
    if form.kind == "month":
        return give_month(int(form.value), year, today)
    if form.kind == "quarter":
        return give_quarter(int(match["n"]), year, today)
    return give_year(year) if year else _read_day(match["day"])


@cache
def _time_forms() -> list[_Form]:
    spoken_in = load_config("questions.toml").values()
    return [form for spoken in spoken_in for form in _forms_of(spoken)]


def _forms_of(spoken: dict[str, Any]) -> Iterator[_Form]:
    lead, needed = _lead(spoken, is_needed=False), _lead(spoken, is_needed=True)
    for name, phrases in spoken["times"].items():
        yield _Form(_whole(lead + _any(phrases)), "span", name)
    for unit, phrases in spoken["counted"].items():
        for phrase in phrases:  # by itself each, as a group may have its name once
            counted = _any([phrase]).replace(re.escape("{n}"), r"(?P<n>\d{1,4})")
            yield _Form(_whole(lead + counted), "counted", unit)
    for number, names in enumerate(spoken["months"]["names"], 1):
        month, year = rf"{_any(names)}\.?", rf"(?P<year>{_YEAR})"
        yield _Form(_whole(f"{needed}{month}(?: {year})?"), "month", str(number))
        yield _Form(_whole(f"{lead}{month} {year}"), "month", str(number))
    yield _Form(_whole(rf"{needed}-?(?P<year>{_YEAR})"), "year")
    yield _Form(_whole(rf"{lead}-?Q(?P<n>[1-4])(?: (?P<year>{_YEAR}))?"), "quarter")
    yield _Form(_whole(lead + r"-?(?P<day>\d{4}-\d\d-\d\d)"), "day")


def _lead(spoken: dict[str, Any], *, is_needed: bool) -> str:
    """What may stand before a time, with the particles written on it."""
    prefixes = _any(spoken["prefixes"]) if spoken["prefixes"] else "(?!)"
    bounds = "|".join(f"(?P<{bound}>{_any(spoken[bound])})" for bound in _BOUNDS)
    spaced = rf"(?:{bounds}|{_any(spoken['in'])})(?: |(?<=מ))(?:{prefixes})?"
    return f"(?:{spaced}|{prefixes})" + ("" if is_needed else "?")


def _find_languages(text: str) -> tuple[tuple[str, ...], list[tuple[int, int]]]:
    """Languages that a question names, and where; times are line breaks in the text."""
    codes: list[str] = []
    spans: list[tuple[int, int]] = []
    for pattern, one, names in _language_forms():
        for match in pattern.finditer(text):
            named = [names[_fold(each.group())] for each in one.finditer(match["names"])]
            codes += [code for code in named if code not in codes]
            spans.append(match.span())
    return tuple(codes), spans


@cache
def _language_forms() -> list[tuple[re.Pattern[str], re.Pattern[str], dict[str, str]]]:
    forms = []
    for code, spoken in load_config("questions.toml").items():
        names = _name_languages(code, spoken)
        one = _any(names)
        prefixes = f"(?:{_any(spoken['prefixes'])})" if spoken["prefixes"] else "(?!)"
        before = rf"(?:{_any(spoken['in'])} )(?:{prefixes})?|{prefixes}"
        joined = rf"(?:,? ?{_any(spoken['join'])} ?|, ?)(?:{prefixes})?"
        behind = rf"(?=\s*$|\s*[\n,.;:?!؟،]|\s+{_any(spoken['behind'])}(?!\w))"
        denied = "".join(rf"(?<!\b{re.escape(_fold(word))} )" for word in spoken["not"])
        whole = rf"{denied}(?<!\w)(?:{before})(?P<names>{one}(?:{joined}{one})*)(?!\w){behind}"
        pattern = re.compile(whole, re.IGNORECASE)
        forms.append((pattern, re.compile(one, re.IGNORECASE), names))
    return forms


def _name_languages(code: str, spoken: dict[str, Any]) -> dict[str, str]:
    """The languages by what a question in one calls them."""
    if code == "en":
        # "in may", "in no": of three letters are codes and small words.
        known = language_names().items()
        return {name: lang for name, lang in known if len(name) > 3 and lang != "und"}
    return {_fold(name): lang for lang, names in spoken["languages"].items() for name in names}


def _any(phrases: Iterable[str]) -> str:
    """Any of some phrases, the longest first, as one kind of letters."""
    same = {phrase.translate(_SAME) for phrase in phrases}
    folded = sorted(same, key=lambda one: (-len(one), one))
    return "(?:" + "|".join(map(re.escape, folded)) + ")"


def _whole(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){pattern}(?!\w)", re.IGNORECASE)


def _fold(name: str) -> str:
    return name.translate(_SAME).casefold()


def _read_day(given: str) -> Days:
    day = date.fromisoformat(given)
    if not MIN_YEAR <= day.year <= MAX_YEAR:
        raise ValueError(f"{day.year} is no year of feedback")
    return Days(day, date.fromordinal(day.toordinal() + 1))
