"""What the values of a column look like: prose, dates, numbers, addresses."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.reading.dates import parse_date
from pipelines.reading.numbers import is_placeholder, parse_rating
from pipelines.reading.profiles import take_handle

N_LOOKED_AT = 200
# From 0 to 10.
_LONGEST_SCALE = 11
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_PHONE = re.compile(r"\+?[\d٠-٩۰-۹][\d٠-٩۰-۹ ().\-/x]{6,24}")
_LANG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z]{2,4}){0,2}")
_URL = re.compile(r"(https?://|www\.)\S+")
_CODE = re.compile(r"[\w\-./:+#]*\d[\w\-./:+#]*")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")
_WORD = re.compile(r"[^\W\d_]+(?:['’‌][^\W\d_]+)*")
# How survey tools join the options that somebody ticked.
_OPTIONS = re.compile(r"\s*[,;|/]\s*")
# An option is ticked so often; of so many answers some have several.
_MIN_TICKED = 3
_SEVERAL_SHARE = 0.2
_ROUNDED = re.compile(r"\d\.\d+E\+?\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Shares (0 to 1) of the filled values of one column, over up to 200 of them.

    :param n_filled: filled values in the sample.
    :param n_distinct: distinct ones among them.
    :param mean_words: words a value; two characters count as one in scripts without spaces.
    :param ticked: made of options that come again and again; 0 where hardly any has several.
    """

    n_filled: int
    n_distinct: int
    mean_words: float
    letters: float
    emails: float
    phones: float
    dates: float
    ratings: float
    codes: float
    urls: float
    profiles: float
    langs: float
    rounded: float
    ticked: float

    @property
    def distinct(self) -> float:
        """Share of distinct values."""
        return self.n_distinct / self.n_filled if self.n_filled else 0.0

    @property
    def is_prose(self) -> bool:
        """Free text of people: several words, mostly letters, rarely the same twice."""
        return self.is_wordy and self.mean_words >= 3 and self.distinct >= 0.4

    @property
    def is_wordy(self) -> bool:
        """Words rather than numbers, marks, dates, addresses or codes."""
        # "The courier never came (4)": more of such than a scale has points are no ratings.
        ratings = 0.0 if self.n_distinct > _LONGEST_SCALE and self.mean_words >= 3 else self.ratings
        other = max(self.emails, self.dates, self.urls, self.codes, ratings)
        return self.letters >= 0.5 and other < 0.5


def weigh_values(values: Sequence[str], n_looked_at: int = N_LOOKED_AT) -> Evidence:
    """Look at the values of one column; empty ones and placeholders (`N/A`) are passed over."""
    stripped = (value.strip() for value in values)
    filled = [value for value in stripped if value and not is_placeholder(value)]
    looked = filled[:n_looked_at]
    n = len(looked) or 1
    words = [_count_words(value) for value in looked]
    return Evidence(
        n_filled=len(filled),
        n_distinct=len(set(filled)),
        mean_words=sum(words) / n,
        letters=sum(_is_lettered(value) for value in looked) / n,
        emails=_share(_EMAIL, looked),
        phones=_share(_PHONE, looked),
        dates=sum(_is_date(value) for value in looked) / n,
        ratings=sum(parse_rating(value) is not None for value in looked) / n,
        codes=_share(_CODE, looked),
        urls=_share(_URL, looked),
        profiles=sum(take_handle(value) is not None for value in looked) / n,
        langs=_share(_LANG, looked),
        rounded=_share(_ROUNDED, looked),
        ticked=_share_ticked(looked),
    )


def _share(pattern: re.Pattern[str], values: list[str]) -> float:
    matches = sum(pattern.fullmatch(value) is not None for value in values if len(value) < 300)
    return matches / (len(values) or 1)


def _share_ticked(values: list[str]) -> float:
    """Share of the values that are lists of options of a closed question."""
    options = [{*_OPTIONS.split(value.casefold())} - {""} for value in values if len(value) < 300]
    if sum(len(each) > 1 for each in options) < _SEVERAL_SHARE * (len(values) or 1):
        return 0.0
    counts = Counter(option for each in options for option in each)
    is_known = [all(counts[option] >= _MIN_TICKED for option in each) for each in options]
    return sum(is_known) / len(values)


def _count_words(value: str) -> int:
    if _CODE.fullmatch(value):
        return 1
    return len(_WORD.findall(value)) + len(_WIDE.findall(value)) // 2


def _is_lettered(value: str) -> bool:
    n_letters = sum(map(str.isalpha, value))
    return n_letters >= 1 and n_letters * 2 >= len(value.replace(" ", ""))


def _is_date(value: str) -> bool:
    # A bare number may be a time stamp, but speaks for a date only beside a fitting name.
    is_possible = 6 <= len(value) <= 64 and sum(map(str.isdigit, value)) >= 3
    return is_possible and not value.isdigit() and parse_date(value) is not None
