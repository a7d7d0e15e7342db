"""Two forms of a text: the stored one, minimally repaired, and the normalised one that models see.

The stored form keeps the customer's own words, bidi and zero-width characters included. The
normalised form drops what only changes the look of a text, the tags of web pages included, so that
texts which say the same have the same hash and share one vector. Emoji keep their meaning: those
that the default encoder's vocabulary lacks are replaced (`data/cleaning/emoji.tsv`).
"""

import hashlib
import re
import tomllib
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any, Final

from nlp.markup import drop_markup

__all__ = ["normalize_text", "repair_text", "text_hash"]

_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufeff]")
_SURROGATES = re.compile("[\ud800-\udfff]")

# As in the tweets that XLM-T and UMSAB were made of.
_URL_STAND_IN: Final = "http"
_USER_STAND_IN: Final = "@user"
# A URL ends before quotes, brackets and the punctuation of its sentence.
_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"]*[^\s<>\".,!?;:)\]'؟،。！]", re.IGNORECASE)
_USER = re.compile(r"(?<![\w@])@\w+")
_HASHTAG = re.compile(r"(?<![\w&#])#+([^\W\d_][\w\u200c]*)")
_ENTITY = re.compile(r"&(?:amp;)*(?:(amp|lt|gt|quot|apos|nbsp|hellip|#39|#x27|#34);)?")
_ENTITIES: Final = {
    "amp": "&",
    "lt": "<",
    "gt": ">",
    "quot": '"',
    "apos": "'",
    "nbsp": " ",
    "hellip": "...",
    "#34": '"',
    "#39": "'",
    "#x27": "'",
}
_SUPERSCRIPTS = re.compile(r"(?<=\d)([⁰¹²³⁴-⁹]+)")
_GENDER_OF_EMOJI = re.compile("\u200d[\u2640\u2642]")
_JOINERS = re.compile("[\u200c\u200d]+")
_LETTER_RUN = re.compile(r"([^\W\d_])\1{2,}")
_SYMBOL_RUN = re.compile(r"([^\w\s]|_)\1{3,}")
_SYLLABLE_RUN = re.compile(r"([^\W\d_]{2})\1{3,}")
_ARABIC: Final = "\u0620-\u063f\u0641-\u064a\u066e-\u06d5\u06ee-\u06ff"


def repair_text(text: str) -> str:
    """Return the form that is stored: line ends as LF, no control characters, valid Unicode.

    Vertical tab and form feed are line ends; lone surrogates become U+FFFD; U+FEFF is removed.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\x0b", "\n").replace("\x0c", "\n")
    text = _CONTROLS.sub("", text)
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def normalize_text(text: str, lang: str) -> str:
    """Return the form that models see; normalising it again changes nothing.

    :param lang: code of the text's language; it decides about yeh, kaf and half-spaces.
    """
    if not text.isascii():
        text = _unify_characters(text, lang)
    if "&" in text:
        text = _ENTITY.sub(lambda match: _ENTITIES.get(match[1] or "amp", "&"), text)
    text = _shorten_runs(" ".join(text.split()))
    if "#" in text:
        text = _HASHTAG.sub(lambda match: match[1].replace("_", " "), text)
    text = _URL.sub(_URL_STAND_IN, text)
    if "@" in text:
        text = _USER.sub(_USER_STAND_IN, text)
    text = drop_markup(text)  # after what may write a tag: an entity, a hashtag
    if lang == "fa":
        text = _insert_half_spaces(text)
    return " ".join(text.split())


def text_hash(normalised: str) -> str:
    """Return 32 hexadecimal digits (SHA-256) that stand for a normalised text."""
    return hashlib.sha256(normalised.encode("utf-8", "replace")).hexdigest()[:32]


def _unify_characters(text: str, lang: str) -> str:
    table = _character_table()
    # Joiners are judged by the neighbours that they have once the invisible ones are gone.
    text = _GENDER_OF_EMOJI.sub("", text.translate(table))
    text = _JOINERS.sub(lambda match: _kept_joiner(match, lang), text)
    text = _SUPERSCRIPTS.sub(lambda match: "^" + unicodedata.normalize("NFKC", match[1]), text)
    # NFKC is safe after the table: what it breaks (5½ -> 51/2, ™ -> TM, ´ -> space) is gone. It may
    # bring out marks that the table removes, and removing them lets letters compose: so, twice.
    text = unicodedata.normalize("NFKC", text).translate(table)
    text = unicodedata.normalize("NFKC", text)
    letters = _letter_tables().get(lang)
    return text.translate(letters) if letters else text


def _kept_joiner(match: re.Match[str], lang: str) -> str:
    """Keep ZWNJ between Arabic-script letters (not in Arabic) and both joiners in Indic words."""
    start, end = match.span()
    before, after = match.string[max(start - 1, 0) : start], match.string[end : end + 1]
    if "\u0900" <= before <= "\u0dff" and "\u0900" <= after <= "\u0dff":
        return match[0][0]
    if lang != "ar" and "\u200c" in match[0] and _is_arabic(before) and _is_arabic(after):
        return "\u200c"
    return ""


def _is_arabic(char: str) -> bool:
    return "\u0620" <= char <= "\u06ff" and char.isalpha()


def _shorten_runs(text: str) -> str:
    text = _LETTER_RUN.sub(lambda match: match[1] * min(len(match[0]), _run_limit(match[1])), text)
    text = _SYMBOL_RUN.sub(lambda match: match[1] * _runs()["symbol"], text)
    return _SYLLABLE_RUN.sub(lambda match: match[1] * 3, text)


def _run_limit(letter: str) -> int:
    runs = _runs()
    for name, limit in (("one", 1), ("three", 3), ("four", 4)):
        if letter in runs[name]:
            return limit
    return int(runs["default"])


def _insert_half_spaces(text: str) -> str:
    """Add the ZWNJ that Persian writers leave out: می شود, میشود, کتاب ها."""
    prefix, joined, suffix, not_verbs = _persian_patterns()
    if "می" in text:
        text = prefix.sub("\\1\u200c", text)
        text = joined.sub(
            lambda match: match[0] if match[0] in not_verbs else f"{match[1]}\u200c{match[2]}", text
        )
    return suffix.sub("\u200c\\1", text) if " ها" in text else text


def _read(name: str) -> str:
    return (files("nlp") / "data" / "cleaning" / name).read_text(encoding="utf-8")


@cache
def _characters() -> dict[str, Any]:
    return tomllib.loads(_read("characters.toml"))


@cache
def _runs() -> dict[str, Any]:
    runs: dict[str, Any] = _characters()["runs"]
    return runs


@cache
def _character_table() -> dict[int, str]:
    table = dict(_replaced_emoji())
    for span in _characters()["removed"]:
        start, end = (int(part, 16) for part in span.split("-"))
        table.update(dict.fromkeys(range(start, end + 1), ""))
    for target, sources in _characters()["replaced"].items():
        table.update(dict.fromkeys(map(ord, sources), target))
    return table


def _replaced_emoji() -> Iterator[tuple[int, str]]:
    for line in _read("emoji.tsv").splitlines():
        emoji, tab, name = line.partition("\t")
        if tab and not line.startswith("# "):
            # Names stand apart from their neighbours; emoji and punctuation need no space.
            yield ord(emoji), f" {name} " if name[:1].isalnum() else name


@cache
def _letter_tables() -> dict[str, dict[int, int]]:
    return {
        lang: str.maketrans(entry["from"], entry["to"])
        for lang, entry in _characters()["letters"].items()
    }


@cache
def _persian_patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], frozenset[str]]:
    data = tomllib.loads(_read("persian.toml"))

    def either(words: str) -> str:
        return "|".join(sorted(map(re.escape, words.split()), key=len, reverse=True))

    letter = rf"[{_ARABIC}\u200c]"
    start, end = rf"(?<!{letter})", rf"(?!{letter})"
    other = rf"(?!(?:{either(data['not_after_mi'])}){end})"
    prefix = rf"{start}(?<!ماه )(ن?می) {other}(?={letter}{letter})"
    verb = rf"(?:{either(data['stems'])})(?:{either(data['endings'])})?"
    joined = rf"{start}(ن?می)({verb}){end}"
    suffix = rf"(?<={letter}{letter}) ({either(data['suffixes'])}){end}"
    not_verbs = frozenset(data["not_verbs"].split())
    return re.compile(prefix), re.compile(joined), re.compile(suffix), not_verbs
