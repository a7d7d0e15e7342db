"""Telephones among runs of digits, by shape, the words around and the numbering plans."""

import re
import tomllib
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

from nlp.masking.candidates import CONTEXT_CHARS, GLUED, Candidate

__all__ = ["check_phone"]

# A number longer than this is no phone (E.164 has 15 digits, an extension 6 more).
_MIN_DIGITS: Final = 7
_MAX_DIGITS: Final = 15
# With the international prefix 00.
_MIN_ABROAD: Final = 12
_MAX_WORDS: Final = 6
_MAX_CHARS: Final = 40
_CUE_CHARS: Final = 40
_AFTER_CHARS: Final = 12
# The dot of "Tel." ends no sentence.
_ABBREVIATED: Final = r"(?<!\w)(?:tel|telef|mob|tlf|ph|fax)\. ?:? ?$"
_PLACEHOLDER = re.compile(r"<?[A-Z]*>")
_WORD = re.compile(r"\S+")
_PARAMETER = re.compile(r"[?&]([\w-]{1,30})=$")
_DATE = re.compile(
    r"(?:1[3-4]|19|20)\d\d([-/. ])\d{1,2}\1\d{1,2}(?!\d)"
    r"|(?:0?[1-9]|[12]\d|3[01])([-/.])(?:0?[1-9]|[12]\d|3[01])\2"
    r"(?:(?:1[3-4]|19|20)\d\d|\d\d)(?!\d|\2\d)"
)
# 1.234.567, 1 000 000; IPv4; US social security number; ZIP+4; one year range.
_NOT_PHONE = re.compile(
    r"\d{1,3}([. ])\d{3}(?:\1\d{3})*|(?:\d{1,3}\.){3}\d{1,3}|\d{3}-\d{2}-\d{4}|\d{5}-\d{4}"
    r"|(?:19|20)\d\d ?[-/] ?(?:19|20)?\d\d|\d+\.\d+"
)


def check_phone(candidate: Candidate) -> list[tuple[int, int]]:
    """Find the phones in a run of digits and separators; a phone starts and ends at a space."""
    text, before = candidate.text, candidate.before
    if len(text) < _MIN_DIGITS or _is_parameter(before):
        return []
    words = [match.span() for match in _WORD.finditer(text)]
    spans: list[tuple[int, int]] = []
    first = at = 0
    while first < len(words):
        start = words[first][0]
        context = (before + text[max(at, start - CONTEXT_CHARS) : start])[-CONTEXT_CHARS:]
        last = _last_word_of_phone(candidate, words, first, context)
        if last is None:
            first += 1
            continue
        at = words[last][1]
        spans.append((start, at))
        before = context + "<PHONE>"
        first = last + 1
    return spans


def _is_parameter(before: str) -> bool:
    """Say whether a number is the value of a parameter of a URL that is not named as a phone."""
    named = _PARAMETER.search(before)
    return named is not None and not _phone_cue(named[1].replace("_", " "))


def _last_word_of_phone(
    candidate: Candidate, words: list[tuple[int, int]], first: int, before: str
) -> int | None:
    text = candidate.text
    if _DATE.match(text, *words[first]):
        return None
    end = words[min(first + _MAX_WORDS, len(words)) - 1][1]
    if sum(map(str.isdigit, text[words[first][0] : end])) < _MIN_DIGITS:
        return None
    cue = _phone_cue(before)
    if cue is None and end == len(text) and _kind_pattern().match(candidate.after[:_AFTER_CHARS]):
        cue = True
    for last in range(min(first + _MAX_WORDS, len(words)) - 1, first - 1, -1):
        number = text[words[first][0] : words[last][1]]
        if len(number) <= _MAX_CHARS and _is_phone(number, cue, candidate.region):
            return last
    return None


@lru_cache(maxsize=4096)
def _phone_cue(before: str) -> bool | None:
    """Say whether the words before a number make it a phone (True) or something else (False)."""
    before = _PLACEHOLDER.sub("", before[-_CUE_CHARS:]).lower()
    cues, others = _cue_patterns()
    if others.search(before):
        return False
    return True if cues.search(before) else None


@lru_cache(maxsize=4096)
def _is_phone(number: str, cue: bool | None, region: str | None) -> bool:
    """Judge one number by its shape, the words around it and the numbering plans."""
    head = re.split(r"[ ]?(?:x|ext)", number, maxsplit=1)[0]
    digits = re.sub(r"\D", "", head)
    if not _MIN_DIGITS <= len(digits) <= _MAX_DIGITS or _DATE.match(head):
        return False
    if number.startswith("+"):
        return _is_valid(head, None, possible=True)
    if cue is False:
        return False
    if (
        head.startswith("00")
        and len(digits) >= _MIN_ABROAD
        and _is_valid(head, None, possible=True)
    ):
        return True
    if _NOT_PHONE.fullmatch(head):
        return cue is True and " " in head
    if region is not None and _is_valid(head, region):
        return True
    if cue:
        return len(set(digits)) > 1
    return bool(_shape_pattern().fullmatch(head)) and any(
        _is_valid(head, known) for known in _data()["regions"]
    )


def _is_valid(number: str, region: str | None, *, possible: bool = False) -> bool:
    import phonenumbers

    if number.startswith("00"):
        number, region = "+" + number[2:].lstrip(), None
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return False
    if possible:
        return bool(phonenumbers.is_possible_number(parsed))
    return bool(phonenumbers.is_valid_number(parsed))


@cache
def _data() -> dict[str, Any]:
    path = files("nlp") / "data" / "masking" / "numbers.toml"
    return dict(tomllib.loads(path.read_text(encoding="utf-8"))["phone"])


@cache
def _shape_pattern() -> re.Pattern[str]:
    return re.compile("|".join(_data()["shapes"]))


@cache
def _kind_pattern() -> re.Pattern[str]:
    """Match what follows a number that is named afterwards: "655 437 108 office"."""
    kinds = "|".join(map(re.escape, _data()["kinds"].split()))
    return re.compile(rf"[ ]?[-(]?[ ]?(?i:{kinds})(?!\w)")


_LINKS: Final = r"number|num|no|is|:|#|\.|=|-|מספר|رقم|شماره"


@cache
def _cue_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    cues, others = (
        "|".join(sorted(map(re.escape, set(_data()[name].split())), key=len, reverse=True))
        for name in ("cues", "other_numbers")
    )
    return (
        re.compile(rf"(?<!\w){GLUED}(?:{cues})(?!\w)[^.!?\n]*$|{_ABBREVIATED}"),
        re.compile(rf"(?<!\w){GLUED}(?:{others})(?: ?(?:{_LINKS}))* *$"),
    )
