"""The language of a text: script first, then letters and words, then two small models.

The script that carries the text decides which languages are possible (`nlp.scripts`); letters and
words that only one of them has come next (`nlp.language_words`); what is left is told apart by
letter statistics (`nlp.language_models`).
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from nlp.language_models import languages_of_models, score_by_eldc, score_by_fasttext
from nlp.language_words import (
    find_exclusive_letters,
    find_romanised,
    is_plainly,
    is_universal,
    score_letters,
    score_words,
    shorten_runs,
)
from nlp.markup import drop_markup
from nlp.scripts import MainScript, language_of_script, letters_of_script, main_script

__all__ = ["UNKNOWN", "Language", "detect_language", "detect_languages"]


@dataclass(frozen=True, slots=True)
class Language:
    """A detected language.

    :param code: ISO 639-1 code (639-3 where there is none), or ``und`` where it cannot be known.
    :param confidence: 0 to 1; ordered, not calibrated. 0 for ``und``.
    """

    code: str
    confidence: float


UNKNOWN: Final = Language("und", 0.0)

# Reading more changes no answer on the sets measured; it bounds the cost of a 1 MB text.
_MAX_CHARS: Final = 20_000
_MODEL_CHARS: Final = 1_500
# Only texts as short as this may be brands, laughter or keys hit at random altogether.
_UNIVERSAL_LETTERS: Final = 40
# Below this many letters a Latin text is weighed by words and both models instead of eldc alone.
_SHORT_LETTERS: Final = 30
_MIN_SHORT_SCORE: Final = 0.8
# A lone short word in plain letters that no list knows may be a name ("Acme").
_NAME_LETTERS: Final = 6
_MIN_NAME_SCORE: Final = 1.4
# From this many letters on, the best guess of a short text beats `und` (UMSAB de, it, pt).
_GUESS_LETTERS: Final = 10
_MIN_GUESS_SCORE: Final = 0.4
# Weights of a grid search over the dev half of tests/cases/languages.jsonl, words counting 1:
# lid.176 is guessing in texts of two or three words, eldc is not.
_ELDC_WEIGHT: Final = 2.0
_ELDC_FLOOR: Final = 0.2
_FASTTEXT_WEIGHT: Final = 0.2
# Share of romanised words that decides where the models know nothing.
_WEAK_ROMANISED: Final = 0.1
# Word scores that need no model: the best and its lead.
_SURE_WORDS: Final = (0.55, 0.35)
_SURE_LETTERS: Final = (0.4, 0.3)
# How far words may speak for another language before eldc's word is doubted.
_MAX_DISSENT: Final = 0.2

# Each pattern begins with a sign that is looked for first: most texts have none of them.
_IGNORED: Final = (
    ("<", re.compile(r"<[A-Z_]{2,20}>")),
    ("&", re.compile(r"&(?:amp|lt|gt|quot|nbsp|#\d{1,5});")),
    ("//", re.compile(r"https?://\S+", re.IGNORECASE)),
    ("www.", re.compile(r"www\.\S+")),
    ("_", re.compile("_")),
    ("\u0640", re.compile("\u0640")),
)
_DOMAIN_END: Final = re.compile(r"\.(?:com|net|org|io|co|ir|il|me|ly|gl)\b", re.IGNORECASE)
_DOMAIN: Final = re.compile(rf"\b[\w-]+{_DOMAIN_END.pattern}\S*", re.IGNORECASE)
_EMAIL_SIGN: Final = re.compile(r"@(?<=\w@)")
_EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_HANDLE: Final = re.compile(r"@(?:[A-Za-z0-9_]+|\w+)")
_HASHTAG: Final = re.compile(r"#\w+")
_LATIN_WORD: Final = re.compile(r"[a-z0-9'\u00b7\u00e0-\u024f\u1e00-\u1eff]+")
_INNER_DIGIT: Final = re.compile(r"\d(?=[a-z])|(?<=[a-z])\d")
_RUN: Final = re.compile(r"([^\W\d_])\1\1+")


def detect_language(text: str) -> Language:
    """Name the main language of a text; users, URLs and `<PLACEHOLDERS>` in it are ignored.

    Text in several languages gets the one that carries it. Arabic in Latin letters is ``ar``,
    Hindi ``hi``, Persian ``fa``, Hebrew ``he``.
    """
    plain = _plain(text[:_MAX_CHARS])
    script = main_script(plain)
    if script is None:
        return UNKNOWN
    if script.name == "Latn":
        if sum(map(str.isalpha, set(plain.casefold()))) == 1:  # "xxxxx"
            return UNKNOWN
        return _detect_latin(plain, script.n_letters)
    return _detect_other(plain, script)


def detect_languages(texts: Iterable[str]) -> list[Language]:
    """Name the main language of each text."""
    return [detect_language(text) for text in texts]


def _plain(text: str) -> str:
    """Take out what says nothing about the language; hashtags too when words are left."""
    plain = drop_markup(text)
    for sign, pattern in _IGNORED:
        if sign in plain:
            plain = pattern.sub("" if sign == "\u0640" else " ", plain)
    if "@" in plain:
        if _EMAIL_SIGN.search(plain):
            plain = _EMAIL.sub(" ", plain)
        plain = _HANDLE.sub(" ", plain)
    if "." in plain and _DOMAIN_END.search(plain):
        plain = _DOMAIN.sub(" ", plain)
    if not plain.isascii() and not unicodedata.is_normalized("NFKC", plain):
        plain = unicodedata.normalize("NFKC", plain)
    return _drop_hashtags(plain) if "#" in plain else plain


def _drop_hashtags(text: str) -> str:
    """Take hashtags out, unless they are most of the text."""
    without, n_hashtags = _HASHTAG.subn(" ", text)
    return without if len(without.split()) >= max(2, n_hashtags) else text.replace("#", " ")


def _detect_other(plain: str, script: MainScript) -> Language:
    # Names in another script must not sway the rules and models.
    letters = letters_of_script(plain, script.name)[:_MODEL_CHARS].lower()
    default = language_of_script(script.name)
    if code := find_exclusive_letters(script.name, letters):
        return Language(code, script.share)
    if script.n_letters < _UNIVERSAL_LETTERS and is_universal(letters.split()):
        return UNKNOWN if default is None else Language(default, script.share)
    if default is not None:
        return Language(default, script.share)
    scores = score_letters(script.name, letters)
    if not _is_clear(scores, *_SURE_LETTERS):
        letters = _RUN.sub(r"\1", letters)
        scores = _add_models(score_letters(script.name, letters), script.name, letters)
    return _best(scores, script.share)


def _add_models(scores: Mapping[str, float], script: str, letters: str) -> dict[str, float]:
    """Add both models' scores, among the languages written in the script."""
    summed = defaultdict(float, scores)
    # eldc's scores lie close together (.95 to .85) but rank well; fastText takes Persian typed
    # with Arabic yeh for Arabic, so it only breaks ties.
    for code, score in score_by_eldc(script, letters)[2].items():
        summed[code] += 3 * score
    allowed = {*languages_of_models(script), *scores}
    for code, score in score_by_fasttext(script, letters):
        if code in allowed:
            summed[code] += 0.3 * score
    return summed


def _is_clear(scores: Mapping[str, float], least: float, lead: float) -> bool:
    first, second = _two_highest(scores)
    return first >= least and first - second >= lead


def _two_highest(scores: Mapping[str, float]) -> tuple[float, float]:
    first, second, *_ = [*sorted(scores.values(), reverse=True), 0.0, 0.0]
    return first, second


def _best(scores: Mapping[str, float], share: float) -> Language:
    if not scores:
        return UNKNOWN
    # Ties go to the first code in the alphabet, whatever the order of the dict.
    code = min(scores, key=lambda key: (-scores[key], key))
    total = sum(_two_highest(scores))
    return Language(code, min(share, scores[code] / total)) if total else UNKNOWN


def _detect_latin(plain: str, n_letters: int) -> Language:
    text = plain.lower()[:_MODEL_CHARS].replace("\u2019", "'")
    words = _LATIN_WORD.findall(text)
    if n_letters < _UNIVERSAL_LETTERS and is_universal(words):
        return UNKNOWN
    code, is_reliable, by_eldc = score_by_eldc("Latn", text)
    is_sure = n_letters >= _SHORT_LETTERS and is_reliable and code not in {"ms", "tl"}
    if is_sure and not _INNER_DIGIT.search(text) and is_plainly(code, words):
        return Language(code, _lead(by_eldc))
    if _RUN.search(text):
        words = shorten_runs(words)
        text = " ".join(words)
        by_eldc = score_by_eldc("Latn", text)[2]
    scores = score_words(words)
    romanised = find_romanised(words)
    most = max(scores.values(), default=0.0)
    if _is_romanised(romanised.points, romanised.share, most * len(words)):
        return Language(romanised.code, min(1.0, 0.4 + romanised.share / 2))
    if is_sure and scores.get(code, 0.0) + _MAX_DISSENT >= most:
        return Language(code, _lead(by_eldc))
    if not is_sure and romanised.points >= 1 and romanised.share >= max(_WEAK_ROMANISED, most):
        return Language(romanised.code, 0.3 + romanised.share / 2)
    return _weigh_latin(text, scores, by_eldc, n_letters)


def _is_romanised(points: float, share: float, others: float) -> bool:
    enough = (points >= 2 and share >= 0.2) or share >= 0.75
    return enough and points > others


def _lead(scores: Mapping[str, float]) -> float:
    first, second = _two_highest(scores)
    return min(1.0, 0.6 + 2 * (first - second))


def _weigh_latin(
    text: str, by_words: Mapping[str, float], by_eldc: dict[str, float], n_letters: int
) -> Language:
    if _is_clear(by_words, *_SURE_WORDS):
        return _best(by_words, 1.0)
    summed: defaultdict[str, float] = defaultdict(float)
    # eldc knows Malay only, which Indonesian is to its letters.
    if "ms" in by_eldc:
        by_eldc["id"] = by_eldc["ms"]
    for code, score in by_eldc.items():
        # eldc gives a low score to many languages of a short word: what rises above that tells.
        summed[code] += _ELDC_WEIGHT * max(0.0, score - _ELDC_FLOOR)
    for code, score in score_by_fasttext("Latn", text):
        summed[code] += _FASTTEXT_WEIGHT * score
    for code, score in by_words.items():
        summed[code] += score
    for code in summed:
        summed[code] += _PRIORS.get(code, _RARE_PRIOR)
    found = _settle_neighbours(_best(summed, 1.0), summed, by_words)
    enough = _MIN_GUESS_SCORE if n_letters >= _GUESS_LETTERS else _MIN_SHORT_SCORE
    if not by_words and n_letters < _NAME_LETTERS and text.isascii():
        enough = _MIN_NAME_SCORE
    return found if summed.get(found.code, 0.0) >= enough else UNKNOWN


def _settle_neighbours(
    found: Language, summed: Mapping[str, float], by_words: Mapping[str, float]
) -> Language:
    """Let the words that only one of two sister languages has decide between them."""
    others = [code for pair in _NEIGHBOURS if found.code in pair for code in pair - {found.code}]
    likely = [code for code in sorted(others) if summed.get(code, 0.0) >= _MIN_GUESS_SCORE]
    here = by_words.get(found.code, 0.0)
    for code in likely:
        if by_words.get(code, 0.0) > here + _MIN_NEIGHBOUR_LEAD:
            here, found = by_words[code], Language(code, 0.5)
    return found


_MIN_NEIGHBOUR_LEAD: Final = 0.02
_NEIGHBOURS: Final = tuple(
    frozenset(pair.split("-"))
    for pair in ("id-ms", "da-no", "no-sv", "da-sv", "cs-sk", "hr-sl", "es-gl", "gl-pt", "ca-es")
)

# Languages that short Latin texts are mostly in settle near ties; the rest must be seen clearly.
_PRIORS: Final = {
    **dict.fromkeys(("nl", "pl", "tr", "ms", "vi", "sv", "ro", "hu", "cs", "da", "no", "fi"), 0.0),
    **dict.fromkeys(("es", "fr", "de", "pt", "id"), 0.05),
    "it": 0.03,
    "en": 0.1,
}
_RARE_PRIOR: Final = -0.3
