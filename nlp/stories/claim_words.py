"""What in a text could be a claim: numbers in any script or as words, amounts, directions."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Final

from nlp.stories.languages import Language, read_language

# A kind and what it is: n and a number, a and an amount, s and a side, u and what is counted.
Claim = tuple[str, str]
_NUMBER = re.compile(r"(?P<bound>[<>]\s*)?(?P<minus>(?<![\w.])-)?(?P<digits>\d[\d,]*(?:\.\d+)?)")
_PERCENT = re.compile(r"\s*%")
_SPACED_WORD = re.compile(r"\s+([^\W\d_]+)")
_WORD = re.compile(r"[^\W\d_]+")
_BEFORE_NUMBER = re.compile(r"\s*[<>-]?\s*\d")
_TABLES: Final = {"n": "numbers", "a": "amounts", "s": "sides", "u": "units"}
_ABOUT: Final[Claim] = ("a", "about")
_SIGNS: Final = str.maketrans(
    {"\u066a": "%", "\u066b": ".", "\u066c": ",", "\u2212": "-", "\ufe63": "-", "\u200c": " "}
)
# Letters that Arabic and Persian keyboards write in more ways than one, folded.
_LETTERS: Final = str.maketrans("ىیکةە", "ييكهه", "\u0640")
# What marks a quotation; in Hebrew an abbreviation too, within a word.
QUOTES: Final = frozenset('“”„«»‹›「」『』"״')
QUOTED = re.compile(
    "|".join(
        (
            *("“([^“”]*)”", "„([^„“”]*)[“”]", "”([^“”]*)[“”]", "«([^«»]*)»", "‹([^‹›]*)›"),
            *("「([^「」]*)」", "『([^『』]*)』", r"(?<!\w)‘([^‘’]*)’(?!\w)"),
            *(r"(?<!\w)\"([^\"]*)\"(?!\w)", r"(?<!\w)״([^״]*)״(?!\w)"),
            r"(?<!\w)'([^']{2,})'(?!\w)",
        )
    )
)


def find_quoted(text: str) -> list[str]:
    """What stands between quotation marks of any kind."""
    found = (
        next(part for part in match.groups() if part is not None) for match in QUOTED.finditer(text)
    )
    return [" ".join(part.split()) for part in found]


def read_claims(text: str, language: Language) -> list[Claim]:
    """Everything in a text that could be a claim, in order: numbers, amounts, directions, units.

    :returns: pairs of ``n`` and a number, ``a`` and an amount, ``s`` and a side, ``u`` and what is
        counted: voices, mentions, customers ...
    """
    return list(_scan(_fold(text), language))


def _scan(text: str, language: Language) -> Iterator[Claim]:
    place = 0
    while place < len(text):
        if number := _NUMBER.match(text, place):
            place = number.end()
            percent = _PERCENT.match(text, place) or _match_percent_word(text, place, language)
            yield "n", _canonical(number, is_percent=percent is not None)
            place = percent.end() if percent else place
        elif word := _WORD.match(text, place):
            place = word.end()
            claim = _read_word(word[0], language)
            # "About 14" is a claim, "about cards" is none.
            if claim and (claim != _ABOUT or _BEFORE_NUMBER.match(text, place)):
                yield claim
        else:
            if text[place] == "%":
                yield "a", "percent"
            place += 1


def _match_percent_word(text: str, place: int, language: Language) -> re.Match[str] | None:
    match = _SPACED_WORD.match(text, place)
    return match if match and match[1] in _lexicon(language)["percent"] else None


def _canonical(number: re.Match[str], *, is_percent: bool) -> str:
    value = Decimal(number["digits"].replace(",", "")).normalize()
    bound = (number["bound"] or "").strip()
    return f"{bound}{number['minus'] or ''}{value:f}{'%' if is_percent else ''}"


def _read_word(word: str, language: Language) -> Claim | None:
    """What a word claims, in the language or in English; a prefix of it may stand before."""
    for lexicon in (_lexicon(language), _lexicon(read_language("en"))):
        for form in _strip_prefixes(word, lexicon["prefixes"]):
            if form in lexicon["exact"]:
                exact: Claim = lexicon["exact"][form]
                return exact
            for stem, claim in lexicon["stems"]:
                if form.startswith(stem):
                    stemmed: Claim = claim
                    return stemmed
    return None


def _strip_prefixes(word: str, prefixes: Collection[str]) -> Iterator[str]:
    """The word, and what is left of it behind particles that are written on it."""
    yield word
    for prefix in prefixes:
        if word.startswith(prefix) and len(word) - len(prefix) >= 2:
            yield word[len(prefix) :]


@cache
def _lexicon_of(code: str) -> Mapping[str, Any]:
    claims = read_language(code).claims
    exact: dict[str, Claim] = {}
    stems: list[tuple[str, Claim]] = []
    for kind, table in _TABLES.items():
        for key, words in claims[table].items():
            for word in words:
                folded = _fold(word.removesuffix("*"))
                if word.endswith("*"):
                    stems.append((folded, (kind, key)))
                else:
                    exact[folded] = (kind, key)
    percent = {_fold(word) for word in claims["percent"]}
    exact |= dict.fromkeys(percent, ("a", "percent"))
    prefixes = tuple(_fold(each) for each in claims["prefixes"])
    return {"exact": exact, "stems": stems, "percent": percent, "prefixes": prefixes}


def _lexicon(language: Language) -> Mapping[str, Any]:
    return _lexicon_of(language.code)


def _fold(text: str) -> str:
    """Letters and digits in one form: without case and marks, numbers of any script as ASCII."""
    text = "".join(map(_write_ascii, text)).translate(_SIGNS)
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(p for p in parts if unicodedata.category(p) != "Mn").translate(_LETTERS)


def _write_ascii(sign: str) -> str:
    """A digit of any script as ASCII; other signs that are numbers (½, Ⅻ, 九) as numbers."""
    digit = unicodedata.decimal(sign, None)
    if digit is not None:
        return str(digit)
    value = unicodedata.numeric(sign, None)
    return sign if value is None else f" {value:g} "
