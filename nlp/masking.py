"""Personal data replaced by placeholders before anything is stored: e-mail, phone, card, IBAN.

Candidates come from linear-time patterns and word lists in `data/masking/recognisers.toml`; checks
(Luhn, mod 97, `phonenumbers`) decide. Dates, amounts, order numbers and ids stay as they are.
"""

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

__all__ = ["Masked", "mask_text"]


@dataclass(frozen=True, slots=True)
class Masked:
    """A text without personal data.

    :param text: the text with placeholders such as ``<EMAIL>``.
    :param counts: how many items were replaced, by kind; kinds without any are absent.
    """

    text: str
    counts: dict[str, int] = field(default_factory=dict)


class _Recogniser(NamedTuple):
    kind: str
    needs: str
    pattern: re.Pattern[str]
    check: "_Check"


# A check gets a candidate (digits in ASCII), the masked text before it and the region, and returns
# the spans within the candidate that are to be masked.
_Check = Callable[[str, str, "str | None"], list[tuple[int, int]]]
# Checks look at this many characters before a candidate.
_CONTEXT_CHARS: Final = 60

# Digits of Arabic, Persian and Devanagari; all of full width; spaces and dashes of typography;
# invisible direction marks in numbers count as spaces. One character each: offsets stay right.
_ASCII: Final = str.maketrans(
    {chr(zero + digit): str(digit) for zero in (0x660, 0x6F0, 0x966) for digit in range(10)}
    | dict.fromkeys("\u00a0\u2007\u2009\u202f\u200e\u200f\u202a\u202b\u202c\u2066\u2069", " ")
    | dict.fromkeys("‐‑‒–—−", "-")
    | {chr(wide): chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)}
)
_DIGIT = re.compile(r"\d")


def mask_text(text: str, region: str | None = None) -> Masked:
    """Replace personal data by placeholders; masking the result again changes nothing.

    :param region: country (ISO 3166, two letters) whose national phone numbers are known; with it,
        a number without separators counts as a phone if it is valid there.
    """
    if "@" not in text and "＠" not in text and not _DIGIT.search(text):
        return Masked(text)
    counts = {}
    for recogniser in _recognisers():
        plain = text.translate(_ASCII)
        if recogniser.needs in plain:
            text, n_masked = _mask_kind(text, plain, recogniser, region)
            if n_masked:
                counts[recogniser.kind] = n_masked
    return Masked(text, counts)


def _mask_kind(
    text: str, plain: str, recogniser: _Recogniser, region: str | None
) -> tuple[str, int]:
    written: list[str] = []
    tail, at, n_masked = "", 0, 0
    for match in recogniser.pattern.finditer(plain):
        # What comes before is taken as masked already, so that a second pass judges the same.
        before = tail + plain[max(at, match.start() - _CONTEXT_CHARS) : match.start()]
        for start, end in recogniser.check(match[0], before[-_CONTEXT_CHARS:], region):
            start, end = start + match.start(), end + match.start()
            written += [text[at:start], f"<{recogniser.kind}>"]
            tail = (tail + text[max(at, start - _CONTEXT_CHARS) : start])[
                -_CONTEXT_CHARS:
            ] + written[-1]
            at = end
            n_masked += 1
    return ("".join([*written, text[at:]]) if n_masked else text), n_masked


def _take_all(candidate: str, _before: str, _region: str | None) -> list[tuple[int, int]]:
    return [(0, len(candidate))]


def _check_iban(candidate: str, _before: str, _region: str | None) -> list[tuple[int, int]]:
    length = _data()["iban_lengths"].get(candidate[:2].upper())
    if length is None:
        return []
    places = [at for at, char in enumerate(candidate) if char.isalnum()][:length]
    code = "".join(candidate[at] for at in places).upper()
    end = places[-1] + 1
    is_whole = len(code) == length and not candidate[end : end + 1].isalnum()
    return [(0, end)] if is_whole and _is_mod_97(code) else []


def _is_mod_97(code: str) -> bool:
    return int("".join(str(int(char, 36)) for char in code[4:] + code[:4])) % 97 == 1


def _check_card(candidate: str, before: str, _region: str | None) -> list[tuple[int, int]]:
    digits = re.sub(r"\D", "", candidate)
    if not _is_luhn(digits) or len(set(digits)) == 1:
        return []
    prefixes, cues = _card_patterns()
    is_card = prefixes.fullmatch(digits) or cues.search(before[-_CUE_CHARS:].lower())
    return [(0, len(candidate))] if is_card else []


def _is_luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


# A number longer than this is no phone (E.164 has 15 digits, an extension 6 more).
_MIN_DIGITS: Final = 7
_MAX_DIGITS: Final = 15
_MAX_WORDS: Final = 6
_MAX_CHARS: Final = 40
_CUE_CHARS: Final = 40
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


def _check_phone(candidate: str, before: str, region: str | None) -> list[tuple[int, int]]:
    """Find the phones in a run of digits and separators; a phone starts and ends at a space."""
    if len(candidate) < _MIN_DIGITS or _is_parameter(before):
        return []
    words = [match.span() for match in _WORD.finditer(candidate)]
    spans: list[tuple[int, int]] = []
    first = at = 0
    while first < len(words):
        start = words[first][0]
        context = (before + candidate[max(at, start - _CONTEXT_CHARS) : start])[-_CONTEXT_CHARS:]
        last = _last_word_of_phone(candidate, words, first, (context, region))
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
    candidate: str, words: list[tuple[int, int]], first: int, context: tuple[str, str | None]
) -> int | None:
    if _DATE.match(candidate, *words[first]):
        return None
    before, region = context
    end = words[min(first + _MAX_WORDS, len(words)) - 1][1]
    if sum(map(str.isdigit, candidate[words[first][0] : end])) < _MIN_DIGITS:
        return None
    cue = _phone_cue(before)
    for last in range(min(first + _MAX_WORDS, len(words)) - 1, first - 1, -1):
        number = candidate[words[first][0] : words[last][1]]
        if len(number) <= _MAX_CHARS and _is_phone(number, cue, region):
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
    """Judge one number by its shape, the words before it and the numbering plans."""
    head = re.split(r"[ ]?(?:x|ext)", number, maxsplit=1)[0]
    digits = re.sub(r"\D", "", head)
    if not _MIN_DIGITS <= len(digits) <= _MAX_DIGITS or _DATE.match(head):
        return False
    if number.startswith("+"):
        return _is_valid(head, None, possible=True)
    if cue is False:
        return False
    if _NOT_PHONE.fullmatch(head):
        return cue is True and " " in head
    if region is not None and _is_valid(head, region):
        return True
    if cue:
        return len(set(digits)) > 1
    return bool(_shape_pattern().fullmatch(head)) and any(
        _is_valid(head, known) for known in _data()["phone"]["regions"]
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


_CHECKS: Final[dict[str, _Check]] = {
    "none": _take_all,
    "iban": _check_iban,
    "card": _check_card,
    "phone": _check_phone,
}


@cache
def _data() -> dict[str, Any]:
    path = files("nlp") / "data" / "masking" / "recognisers.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def _recognisers() -> tuple[_Recogniser, ...]:
    return tuple(
        _Recogniser(
            entry["kind"],
            entry.get("needs", ""),
            re.compile(entry["pattern"]),
            _CHECKS[entry["check"]],
        )
        for entry in _data()["recogniser"]
    )


@cache
def _card_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    card = _data()["card"]
    cues = "|".join(map(re.escape, card["cues"].split()))
    return re.compile("|".join(card["prefixes"])), re.compile(rf"(?<!\w){_GLUED}(?:{cues})(?!\w)")


@cache
def _shape_pattern() -> re.Pattern[str]:
    return re.compile("|".join(_data()["phone"]["shapes"]))


# Hebrew and Arabic glue prepositions and the article to the word.
_GLUED: Final = "(?:[והבלמשכ]{1,2}|و|ال|وال|بال|لل|ب|ل)?"
_LINKS: Final = r"number|num|no|is|:|#|\.|=|-|מספר|رقم|شماره"


@cache
def _cue_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    phone = _data()["phone"]
    cues, others = (
        "|".join(sorted(map(re.escape, set(phone[name].split())), key=len, reverse=True))
        for name in ("cues", "other_numbers")
    )
    return (
        re.compile(rf"(?<!\w){_GLUED}(?:{cues})(?!\w)[^.!?\n]*$"),
        re.compile(rf"(?<!\w){_GLUED}(?:{others})(?: ?(?:{_LINKS}))* *$"),
    )
