"""Checks of candidates: each says which parts of one are to be masked, often all or nothing."""

import re
import tomllib
from collections.abc import Callable
from functools import cache, partial
from importlib.resources import files
from ipaddress import ip_address
from typing import Any, Final

from nlp.masking.candidates import GLUED, Candidate
from nlp.masking.check_digits import CHECK_DIGITS, is_luhn, is_mod_97

__all__ = ["CHECKS", "Check", "Spans"]

Spans = list[tuple[int, int]]
Check = Callable[[Candidate], Spans]

_CUE_CHARS: Final = 40
# Four digits with dots: a version, or an outline's place.
_OUTLINE = re.compile(r"\d(?:\.\d){3}")


def _take_all(candidate: Candidate) -> Spans:
    return [(0, len(candidate.text))]


# What people call it may be mistyped, and is theirs all the same.
_IBAN_CUE = re.compile(r"(?:\biban|איבן|شبا|آیبان|ايبان|آيبان)[\w.:#= ]{0,12}$")


def _check_iban(candidate: Candidate) -> Spans:
    text = candidate.text
    length = _numbers()["iban_lengths"].get(text[:2].upper())
    if length is None:
        return []
    places = [at for at, char in enumerate(text) if char.isalnum()][:length]
    code = "".join(text[at] for at in places).upper()
    end = places[-1] + 1
    is_whole = len(code) == length and not text[end : end + 1].isalnum()
    is_right = is_mod_97(code) or _IBAN_CUE.search(candidate.before[-_CUE_CHARS:].lower())
    return [(0, end)] if is_whole and is_right else []


def _check_card(candidate: Candidate) -> Spans:
    """Two of three: a right check digit, an issuer's number, a word that says so.

    The check digit is one of them, or the number is one of 15 or 16 digits: a mistyped one.
    """
    digits = re.sub(r"\D", "", candidate.text)
    if len(set(digits)) == 1:
        return []
    prefixes, cues = _card_patterns()
    is_issued = prefixes.fullmatch(digits) is not None
    is_called = cues.search(candidate.before[-_CUE_CHARS:].lower()) is not None
    if is_luhn(digits):
        return _take_all(candidate) if is_issued or is_called else []
    return _take_all(candidate) if is_issued and is_called and len(digits) in (15, 16) else []


def _check_code(is_valid: Callable[[str], bool], candidate: Candidate) -> Spans:
    code = re.sub(r"[\W_]", "", candidate.text)
    return _take_all(candidate) if is_valid(code) else []


def _check_ip(candidate: Candidate) -> Spans:
    """An address unless it is called a version, or is as short as one and is not called an address.

    Addresses of four digits ("1.2.3.4") belong to operators of the network, to no person.
    """
    before, led, followed = candidate.before[-_CUE_CHARS:].lower(), *_version_patterns()
    if led.search(before) or followed.match(candidate.after.lower()):
        return []
    if _OUTLINE.fullmatch(candidate.text) and not _ip_cue().search(before):
        return []
    try:
        address = ip_address(candidate.text)
    except ValueError:
        return []
    return [] if address.is_unspecified or address.is_loopback else _take_all(candidate)


# Letters and digits in a word, a model or a date change thrice at most; in what was drawn often.
_RUN = re.compile(r"[A-Za-z0-9]{16,}")
_CHANGE = re.compile(r"(?<=[a-z])(?=[A-Z\d])|(?<=[A-Z])(?=\d)|(?<=\d)(?=[A-Za-z])")
_UUID = re.compile(r"(?i:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_MIN_CHANGES, _MIN_CHANGES_BEHIND_CUE = 5, 3


def _check_path(candidate: Candidate) -> Spans:
    """A random part of a path; behind a word such as "reset" what is less random will do."""
    words = candidate.before.split()
    inside = words[-1] if words and not candidate.before[-1:].isspace() else ""
    if "://" not in inside and len(inside) < len(candidate.before):
        return []
    cues = _numbers()["path_cues"]
    is_led = any(word in cues for word in re.split(r"[\W_]+", inside.lower()))
    if is_led and _UUID.fullmatch(candidate.text):
        return _take_all(candidate)
    least = _MIN_CHANGES_BEHIND_CUE if is_led else _MIN_CHANGES
    n_changes = max((len(_CHANGE.findall(run)) for run in _RUN.findall(candidate.text)), default=0)
    return _take_all(candidate) if n_changes >= least else []


def _check_handle(candidate: Candidate) -> Spans:
    is_kept = candidate.text.lower() in candidate.keep
    is_kept |= candidate.text.lower() in _numbers()["stand_ins"]
    return [] if is_kept else _take_all(candidate)


CHECKS: Final[dict[str, Check]] = {
    "none": _take_all,
    "iban": _check_iban,
    "card": _check_card,
    "ip": _check_ip,
    "handle": _check_handle,
    "path": _check_path,
    **{name: partial(_check_code, is_valid) for name, is_valid in CHECK_DIGITS.items()},
}


@cache
def _numbers() -> dict[str, Any]:
    path = files("nlp") / "data" / "masking" / "numbers.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


_LINKS: Final = "is|no|number|to|מספר|رقم"


@cache
def _version_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Match what ends, and what begins, with a word that makes four numbers a version."""
    words = "|".join(map(re.escape, _numbers()["ip"]["versions"].split()))
    return (
        re.compile(rf"(?<!\w){GLUED}(?:{words})\.?(?: (?:{_LINKS}))?[ :=]{{0,2}}v?$"),
        re.compile(rf" (?:{words})(?!\w)"),
    )


@cache
def _ip_cue() -> re.Pattern[str]:
    cues = "|".join(map(re.escape, _numbers()["ip"]["cues"].split()))
    return re.compile(rf"(?<!\w){GLUED}(?:{cues})(?!\w)[\w :=(]{{0,16}}$")


@cache
def _card_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    card = _numbers()["card"]
    cues = "|".join(map(re.escape, card["cues"].split()))
    called = re.compile(rf"(?<!\w){GLUED}(?:{cues})(?!\w)")
    return re.compile("|".join(card["prefixes"])), called
