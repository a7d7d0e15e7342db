"""What is looked for: the recognisers of `data/masking/recognisers.toml`, as compiled patterns."""

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

from nlp.masking.candidates import GLUED
from nlp.masking.checks import CHECKS, Check
from nlp.masking.phones import check_phone

__all__ = [
    "HANDLE",
    "PERSON",
    "Recogniser",
    "check_template",
    "compile_template",
    "load_recognisers",
    "to_ascii",
]

HANDLE: Final = "HANDLE"
PERSON: Final = "PERSON"

# Where the ten digits of a script begin: Arabic, Persian, those of India, Thai, Lao, Tibetan,
# Burmese, Khmer, Mongolian.
_ZEROS: Final = (
    *(0x660, 0x6F0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66),
    *(0xE50, 0xED0, 0xF20, 0x1040, 0x17E0, 0x1810),
)
# Where one to nine in circles begin, and each of their zeros.
_CIRCLED: Final = (0x2460, 0x2776, 0x2780, 0x278A)
_CIRCLED_ZEROS: Final = "⓪⓿🄋🄌"


def _list_mathematical() -> Iterator[tuple[str, str]]:
    """Give mathematical letters and digits ("𝟎𝟓𝟐") that are some of ASCII."""
    for char in map(chr, range(0x1D400, 0x1D800)):
        plain = unicodedata.normalize("NFKC", char)
        if plain.isascii():
            yield char, plain


# Digits of other scripts; all of full width; spaces and dashes of typography.
# One character each: offsets stay right.
_ASCII: Final = str.maketrans(
    {chr(zero + digit): str(digit) for zero in _ZEROS for digit in range(10)}
    | {chr(one + digit): str(digit + 1) for one in _CIRCLED for digit in range(9)}
    | dict.fromkeys(_CIRCLED_ZEROS, "0")
    | dict(_list_mathematical())
    | dict.fromkeys("\u00a0\u2007\u2009\u202f", " ")
    | dict.fromkeys("‐‑‒–—−", "-")
    | {chr(wide): chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)}
)
_CHECKS: Final[Mapping[str, Check]] = {**CHECKS, "phone": check_phone}


class Recogniser(NamedTuple):
    """One kind of personal data.

    :param needs: one of these must stand in the text, in lower case; empty: no such need.
    :param n_digits: so many digits must stand in it.
    :param pattern: its group ``mask``, where it has one, is what is masked.
    """

    kind: str
    needs: tuple[str, ...]
    n_digits: int
    pattern: re.Pattern[str]
    check: Check


def to_ascii(text: str) -> str:
    """Write digits, spaces, dashes and full width as in ASCII; every offset stays."""
    return text if text.isascii() else text.translate(_ASCII)


def choose_recognisers(lowered: str, n_digits: int) -> Iterator[Recogniser]:
    """Those whose pattern needs to be tried at all on a text, in their order.

    :param lowered: the text in lower case; digits and spaces as in ASCII.
    :param n_digits: how many digits it has.
    """
    for recogniser in _of_digits(min(n_digits, _MOST_DIGITS)):
        for need in recogniser.needs:
            if need in lowered:
                yield recogniser
                break
        else:
            if not recogniser.needs:
                yield recogniser


# No pattern asks for more.
_MOST_DIGITS: Final = 20


@cache
def _of_digits(n_digits: int) -> tuple[Recogniser, ...]:
    return tuple(each for each in load_recognisers() if each.n_digits <= n_digits)


@cache
def load_recognisers() -> tuple[Recogniser, ...]:
    """Read and compile all recognisers, in their order."""
    path = files("nlp") / "data" / "masking" / "recognisers.toml"
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(_compile(entry, data["fragments"]) for entry in data["recogniser"])


def _compile(entry: Mapping[str, Any], fragments: Mapping[str, str]) -> Recogniser:
    pattern, needs = entry["pattern"], entry.get("needs", ())
    while named := _FRAGMENT.search(pattern):
        pattern = pattern.replace(named[0], fragments[named[1]])
    if "cues" in entry:
        pattern = rf"(?<!\w){GLUED}(?i:{_either(entry['cues'])})(?!\w)[^\d\n<>]{{0,25}}?{pattern}"
        needs = {cue.lower().partition("_")[0] for cue in entry["cues"].split()}
    return Recogniser(
        entry["kind"],
        tuple(sorted(needs)),
        entry.get("digits", 0),
        re.compile(pattern),
        _CHECKS[entry["check"]],
    )


_FRAGMENT = re.compile("<<([A-Z]+)>>")


def _either(words: str) -> str:
    """Make a pattern of words; ``_`` in a word is any white space or none."""
    found = sorted(set(words.split()), key=lambda word: (-len(word), word))
    return "|".join(re.escape(word).replace("_", r"[\s-]{0,2}") for word in found)


_SIGNS: Final = {"#": r"\d", "@": r"[^\W\d_]"}


@cache
def compile_template(kind: str, template: str) -> Recogniser:
    r"""Compile the form of an order or account number, such as ``ORD-######``.

    ``#`` is a digit, ``@`` a letter, each with ``+`` for up to 30 of them; a backslash takes the
    next sign as it is. Such a form can be matched in linear time, whoever wrote it.

    :raises ValueError: when the form is empty, or holds no digit and no letter sign.
    """
    parts = list(_template_parts(template))
    if not any(part[:2] in (r"\d", "[^") for part in parts):
        raise ValueError("needs at least one # (a digit) or @ (a letter), as in ORD-######")
    pattern = re.compile(rf"(?<![\w<])(?i:{''.join(parts)})(?![\w>])")
    return Recogniser(kind, (), template.count("#"), pattern, CHECKS["none"])


def check_template(template: str) -> None:
    """Say whether a form can be used.

    :raises ValueError: as `compile_template` does.
    """
    compile_template("NUMBER", template)


def _template_parts(template: str) -> Iterator[str]:
    signs = iter(re.findall(r"\\.|[#@]\+?|.", template, re.DOTALL))
    for sign in signs:
        if sign[0] in _SIGNS:
            yield _SIGNS[sign[0]] + ("{1,30}+" if sign.endswith("+") else "")
        else:
            yield re.escape(sign.removeprefix("\\"))
