"""The message that a mail answers and carries along: not the words of who answers.

"On Mon, 2 Mar 2026 at 10:00, Support wrote: > Hello" and its like in many languages; how mail
programs write it is data (`data/mail/quotes.toml`).
"""

import re
import tomllib
from functools import cache
from importlib.resources import files
from itertools import islice, takewhile
from typing import Any, Final

__all__ = ["split_quoted"]

# Marks of direction, which mail programs put around names and addresses.
_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_MARKED = re.compile(r"\s*(?:>|&gt;)")
# Where lines were joined, the first quoted one follows the introduction.
_JOINED = re.compile(r"(?<=:)[ \t]+(?=>|&gt;)")
# An introduction tells when or from whom.
_TELLS_OF_MAIL = re.compile(r"[\d@<]")
# What people write who tell of a mail: neither an address nor the time of day.
_TELLS_OF_PROGRAM = re.compile(r"@|<|\d:\d\d")
_MAX_INTRO_LINES: Final = 3
_MAX_INTRO_CHARS: Final = 400
_MIN_HEADERS: Final = 3


def split_quoted(text: str) -> tuple[str, str]:
    """What somebody wrote, and the older mail that stands below, above or between it.

    A text that is nothing but an older mail stays: its sender passes it on.

    :returns: own words and what they carry along, which is empty where they carry nothing.
    """
    if ":" not in text and "---" not in text:
        return text, ""
    lines = _JOINED.sub("\n", text).splitlines()
    quoted = _find_quoted(lines) if len(lines) > 1 else frozenset()
    own = "\n".join(line for at, line in enumerate(lines) if at not in quoted).strip()
    if not quoted or not own:
        return text, ""
    return own, "\n".join(lines[at] for at in sorted(quoted)).strip()


def _find_quoted(lines: list[str]) -> frozenset[int]:
    """The lines of older mail; what stands before its introduction in a line is cut off it."""
    plain = [_MARKS.sub("", line).strip() for line in lines]
    for at, line in enumerate(plain):
        if not line:
            continue
        if _pattern("banner").fullmatch(line) or _count_headers(plain, at) >= _MIN_HEADERS:
            return frozenset(range(at, len(lines)))
        if not line.endswith(":"):
            continue
        if n_intro := _count_intro(plain, at):
            return _list_quoted(plain, at + 1 - n_intro, at + 1)
        if cut := _find_inner_intro(plain, at):
            # Marks of direction make no difference: both halves are shown as they were.
            plain[at : at + 1] = lines[at : at + 1] = [line[:cut], line[cut:]]
            return _list_quoted(plain, at + 1, at + 2)
    return frozenset()


def _count_intro(plain: list[str], at: int) -> int:
    """Of how many lines the introduction is that ends here; 0 where there is none."""
    joined = ""
    for n_lines in range(1, min(_MAX_INTRO_LINES, at + 1) + 1):
        line = plain[at + 1 - n_lines]
        joined = f"{line} {joined}".rstrip()
        if not line or len(joined) > _MAX_INTRO_CHARS:
            return 0
        if _is_intro(joined, "intro", *(("open_intro",) if n_lines == 1 else ())):
            return n_lines if _is_answered(plain, at + 1, joined) else 0
    return 0


def _is_answered(plain: list[str], below: int, intro: str) -> bool:
    """Whether a mail program wrote the introduction: marked lines follow, or it tells a mail's."""
    first = next((line for line in islice(plain, below, None) if line), "")
    return _MARKED.match(first) is not None or _TELLS_OF_PROGRAM.search(intro) is not None


def _is_intro(line: str, *kinds: str) -> bool:
    said = line[:-1].rstrip()
    is_known = any(_pattern(kind).fullmatch(said) for kind in kinds)
    return is_known and _TELLS_OF_MAIL.search(said) is not None


def _find_inner_intro(plain: list[str], at: int) -> int:
    """Where in a line before a quoted one the introduction begins; 0 where there is none."""
    line = plain[at]
    is_before = at + 1 < len(plain) and _MARKED.match(plain[at + 1]) is not None
    if not (is_before and line.endswith(":")):
        return 0
    starts = [word.start() for word in re.finditer(r"(?<=\s)\S", line[-_MAX_INTRO_CHARS:])]
    offset = max(0, len(line) - _MAX_INTRO_CHARS)
    return next(
        (offset + at for at in reversed(starts) if _is_intro(line[offset + at :], "intro")), 0
    )


def _list_quoted(plain: list[str], begin: int, end: int) -> frozenset[int]:
    """The introduction with the marked lines below it, or, where none is, with all lines."""
    below = [at for at in range(end, len(plain)) if plain[at]]
    if not below or not _MARKED.match(plain[below[0]]):
        return frozenset(range(begin, len(plain)))
    return frozenset((*range(begin, end), *(at for at in below if _MARKED.match(plain[at]))))


def _count_headers(plain: list[str], begin: int) -> int:
    """Lines of a forwarded head that follow each other from a line on."""
    return sum(1 for _ in takewhile(_is_header, islice(plain, begin, begin + _MIN_HEADERS)))


def _is_header(line: str) -> bool:
    name, colon, _ = line.partition(":")
    return bool(colon) and name.strip(" *").casefold() in _headers()


@cache
def _lists() -> dict[str, Any]:
    path = files("nlp") / "data" / "mail" / "quotes.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def _pattern(kind: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in _lists()[kind]), re.IGNORECASE)


@cache
def _headers() -> frozenset[str]:
    return frozenset(_lists()["headers"].casefold().split())
