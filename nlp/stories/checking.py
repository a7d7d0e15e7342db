"""Does a sentence that a language model worded say what its facts say? What cannot be sure is none.

A sentence is compared with the template's: the same numbers in the same order, as digits of any
script or as words, of the same things (voices, mentions, customers); the same words for amounts
(all, most, nobody), for more and less, good and bad, cause and effect; the same names in quotation
marks; nothing that the words of these lists would claim. What they do not know passes: that a
"scandal" was said, or advice. A sentence may be refused though it is right: then the template's is
told.
"""

import re
from collections import Counter
from collections.abc import Collection
from typing import Final, Literal

from nlp.languages import detect_language
from nlp.masking import STANDARD, mask_text
from nlp.scripts import main_script
from nlp.stories.bidi import ISOLATES, isolate
from nlp.stories.claim_words import QUOTED, QUOTES, Claim, find_quoted, read_claims
from nlp.stories.languages import Language

# Why a sentence is refused.
Reason = Literal[
    "empty", "length", "markup", "numbers", "claims", "quotes", "language", "personal_data"
]
MAX_NAME: Final = 60
_NOT: Final = ("a", "not")
MAX_SUMMARY: Final = 300
_MARKUP = re.compile(
    r"[\x00-\x1f\x7f\u202a-\u202e]|<\s*[/!a-z]|\]\(|https?:|www\.|[{}|`\\]|\*\*", re.IGNORECASE
)


def check_wording(text: str, told: str, language: Language) -> Reason | None:
    """Why a wording of a sentence is refused; None where it says the same.

    :param told: what the template says.
    """
    text, told = strip_isolates(text), strip_isolates(told)
    if reason := _check_form(text, 2 * len(told) + 60):
        return reason
    given, wanted = read_claims(text, language), read_claims(told, language)
    if _numbers(given) != _numbers(wanted):
        return "numbers"
    if _sides(given) != _sides(wanted) or _is_of_others(given, wanted):
        return "claims"
    if Counter(find_quoted(text)) != Counter(find_quoted(told)) or _has_loose_quote(text):
        return "quotes"
    return _check_origin(text, told, language)


def check_summary(
    text: str, quotes: Collection[str], sides: Collection[str], language: Language
) -> Reason | None:
    """Why a sentence on what people say is refused: it may say what, not how many or how much.

    :param quotes: what it was made of; it may quote these, word by word.
    :param sides: of "good" and "bad", what it may say, as most of them do.
    """
    text = strip_isolates(text)
    if reason := _check_form(text, MAX_SUMMARY):
        return reason
    claims = read_claims(text, language)
    if any(claim != _NOT for claim in _numbers(claims)):
        return "numbers"
    if set(_sides(claims)) - set(sides):
        return "claims"
    said = " ".join(" ".join(quote.split()) for quote in quotes)
    if any(part not in said for part in find_quoted(text)) or _has_loose_quote(text):
        return "quotes"
    return _check_origin(text, said, language)


def check_name(text: str, told: str, language: Language) -> Reason | None:
    """Why a name for a theme is refused: it may claim nothing at all.

    :param told: the name that it has, and what it was made of.
    """
    text = strip_isolates(text)
    if reason := _check_form(text, MAX_NAME):
        return reason
    claims, own = read_claims(text, language), set(read_claims(told, language))
    if any(claim not in own for claim in claims if claim[0] != "u"):
        return "numbers" if _numbers(claims) else "claims"
    if find_quoted(text) or _has_loose_quote(text):
        return "quotes"
    if _is_other_script(text, language):
        return "language"
    return "personal_data" if mask_text(text, STANDARD).text != text else None


def hold_foreign(text: str, language: Language) -> str:
    """A sentence whose numbers and Latin words are held by isolates, where it needs that."""
    text = strip_isolates(text)
    if not language.is_right_to_left:
        return text
    own = f"A-Za-z0-9{language.digits}"
    between = re.escape(f"{language.decimal}{language.group}.,:+=<>/ -")
    run = re.compile(f"[−-]?[{own}](?:[{own}{between}%٪]*[{own}%٪])?")
    is_right = language.numbers == "rtl"

    def hold(found: re.Match[str]) -> str:
        has_latin = any(letter.isascii() and letter.isalpha() for letter in found[0])
        return isolate(found[0], is_right=is_right and not has_latin)

    return run.sub(hold, text)


def strip_isolates(text: str) -> str:
    """A text without marks of direction, in one line."""
    return " ".join("".join(letter for letter in text if letter not in ISOLATES).split())


def _numbers(claims: list[Claim]) -> list[Claim]:
    return [claim for claim in claims if claim[0] in "na"]


def _sides(claims: list[Claim]) -> list[str]:
    """Directions in order; one that is said twice in a row is said once."""
    sides = [side for kind, side in claims if kind == "s"]
    return [side for place, side in enumerate(sides) if place == 0 or side != sides[place - 1]]


def _is_of_others(given: list[Claim], wanted: list[Claim]) -> bool:
    """Whether a number counts other things than it did: voices where it was mentions."""
    pairs = zip(_units(given), _units(wanted), strict=True)
    return any(unit and unit != told for unit, told in pairs)


def _units(claims: list[Claim]) -> list[str]:
    """What each number counts: the first such word behind it; empty where there is none."""
    units: list[str] = []
    for kind, what in claims:
        if kind == "n":
            units.append("")
        elif kind == "u" and units and not units[-1]:
            units[-1] = what
    return units


def _check_form(text: str, longest: int) -> Reason | None:
    if not any(letter.isalpha() for letter in text):
        return "empty"
    if len(text) > longest:
        return "length"
    return "markup" if _MARKUP.search(text) else None


def _has_loose_quote(text: str) -> bool:
    """Whether a quotation mark has no partner; those within words are Hebrew abbreviations."""
    rest = re.sub(r"(?<=\w)[\"״](?=\w)", "", QUOTED.sub("", text))
    return any(sign in QUOTES for sign in rest)


def _check_origin(text: str, told: str, language: Language) -> Reason | None:
    """Whether it is in the language that was asked for, and names nobody."""
    own = QUOTED.sub(" ", text)
    if _is_other_script(own, language):
        return "language"
    # Short sentences of figures are not always known for what they are, be they templates'.
    if detect_language(own).code not in (language.code, detect_language(told).code):
        return "language"
    masked = mask_text(text, STANDARD).counts
    return "personal_data" if masked and masked != mask_text(told, STANDARD).counts else None


def _is_other_script(text: str, language: Language) -> bool:
    own, found = main_script(language.name), main_script(text)
    return own is not None and found is not None and found.name != own.name
