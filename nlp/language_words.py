"""What the words and letters of a text say about its language, from `data/languages`.

Words stand in `words.toml` (Latin script), `romanised.toml` (languages of other scripts in Latin
letters), `letters.toml` (letters and words of the other scripts) and `universal.toml` (words that
tell nothing).
"""

import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

__all__ = [
    "Romanised",
    "find_exclusive_letters",
    "find_romanised",
    "is_plainly",
    "is_universal",
    "score_letters",
    "score_words",
    "shorten_runs",
]

# A word of one language says most; one that four share says little.
_WEIGHTS: Final = (1.0, 0.6, 0.4, 0.25)
_UNACCENTED_WEIGHT: Final = 0.6
# One letter of its own in so many is a sign of a language; a single one may be an ornament.
_LETTERS_PER_EXCLUSIVE: Final = 25
# Words beyond these change no answer on the sets measured.
_MAX_WORDS: Final = 80

_RUN: Final = re.compile(r"([^\W\d_])\1\1+")
_ARABIZI_TOKEN: Final = re.compile(
    r"(?=[a-z0-9]*[a-z][a-z0-9]*[a-z])"
    r"(?:[2357][a-z]{3,}|[a-z][25][a-z]{3,}|[a-z]{1,}[379][a-z]{2,}|[a-z]{2,}[2357][a-z]+|[a-z]{3,}[37])"
)
_NOT_ARABIZI: Final = re.compile(
    r"[2-9](?:nd|rd|th|day|days|night|star|stars|hrs?|hours?|mins?|pm|am|km|kg|gb|mb|min|sec|weeks?|months?|years?|times?"
    r"|people|min(?:utes)?|nite|morrow|gether|euros?|weg|mal|stunden|tage|jours|heures|dias|ore|giorni)"
    r"|[bm]4|l8r|str8|w8ing|mp[34]\w*|h[12]o|win7|s[3-9]|i[3579]|b2[bc]|p2p|a2\w|f2f|c3po|r2d2|covid\w*"
)


class Romanised(NamedTuple):
    """A language of another script that a text is typed in with Latin letters.

    :param code: its code, ``und`` when there is no sign of one.
    :param points: its words, counted once, telling ones twice, those of others half.
    :param share: points per word, at most 1.
    """

    code: str
    points: float
    share: float


def shorten_runs(words: Sequence[str]) -> list[str]:
    """Write ``gooood`` as ``good`` and ``soooo`` as ``so``: two letters where that is a word."""
    return [_shorten_run(word) for word in words]


def _shorten_run(word: str) -> str:
    short = _RUN.sub(r"\1\1", word)
    if short == word or short in _latin_words():
        return short
    single = _RUN.sub(r"\1", word)
    return single if single in _latin_words() or not word.isascii() else short


def score_words(words: Sequence[str]) -> dict[str, float]:
    """Score the languages of the Latin script by the frequent words of each (0 to 1)."""
    table = _latin_words()
    points: defaultdict[str, float] = defaultdict(float)
    for word in words:
        found = table.get(word)
        if found is None and "'" in word:
            head, _, tail = word.strip("'").partition("'")
            found = table.get(head + "'", ()) + table.get(tail, ()) + table.get(head, ())
        for code, weight in found or ():
            points[code] += weight
    n_words = max(sum(not word.isdigit() for word in words), 1)
    return {code: min(value / n_words, 1.0) for code, value in points.items()}


def is_plainly(code: str, words: Sequence[str]) -> bool:
    """Tell whether a third of the words are a language's own frequent ones, and none romanised."""
    known = _words_by_language().get(code)
    if known is None or not _telling_romanised_words().isdisjoint(words):
        return False
    return 3 * sum(map(known.__contains__, words)) >= len(words)


def find_romanised(words: Sequence[str]) -> Romanised:
    """Find Arabic, Hindi, Persian or Hebrew that is typed in Latin letters."""
    table = _romanised_words()
    points: defaultdict[str, float] = defaultdict(float)
    for word in words:
        found = table.get(word)
        if found is not None:
            for code, weight in found:
                points[code] += weight
        elif not word.isalpha() and _is_arabizi_shape(word):
            points["ar"] += 1.0
    if not points:
        return Romanised("und", 0.0, 0.0)
    code = min(points, key=lambda key: (-points[key], key))
    return Romanised(code, points[code], min(points[code] / len(words), 1.0))


def _is_arabizi_shape(word: str) -> bool:
    """Tell words like ``ma3lesh`` (a digit that stands for a letter) from ``2nd`` and ``mp3``."""
    return bool(_ARABIZI_TOKEN.fullmatch(word)) and not _NOT_ARABIZI.fullmatch(word)


def find_exclusive_letters(script: str, text: str) -> str | None:
    """Name the language whose own letters make up one in 25 of the text, if one does."""
    own = _letter_table(script).exclusive
    found: defaultdict[str, int] = defaultdict(int)
    for letter in own.keys() & set(text):
        for code in own[letter]:
            found[code] += text.count(letter)
    if not found:
        return None
    best = min(found, key=lambda key: (-found[key], key))
    most = found[best]
    enough = most >= 2 or len(text) <= _LETTERS_PER_EXCLUSIVE
    return best if enough and most * _LETTERS_PER_EXCLUSIVE >= len(text) else None


def score_letters(script: str, text: str) -> dict[str, float]:
    """Score the languages of a script by their letters and frequent words (0 to 1.5)."""
    letters = _letter_table(script).points
    table = _script_words(script)
    prefixes = _prefixes(script)
    words = text.translate(_SAME_LETTERS).split()[:_MAX_WORDS]
    points: defaultdict[str, float] = defaultdict(float)
    for letter in letters.keys() & set(text):
        for code, weight in letters[letter]:
            points[code] += weight * text.count(letter)
    for word in words:
        codes = table.get(word)
        if codes is not None:
            for code in codes:
                points[code] += 2.0
        elif len(word) > 4:
            for code, beginnings in prefixes:
                points[code] += word.startswith(beginnings)
    return {code: min(value / max(len(words), 1), 1.5) for code, value in points.items()}


def is_universal(words: Sequence[str]) -> bool:
    """Tell whether each word is laughter, a brand, a code or keys hit at random."""
    return all(_is_universal_word(word) for word in words)


def _is_universal_word(word: str) -> bool:
    data = _universal()
    if len(set(word)) == 1 or word in data.words:
        return True
    if word in _latin_words() or word in _romanised_words():
        return False
    return (
        data.laughter.fullmatch(word) is not None
        or (len(word) >= 4 and word in data.rows)
        or (word.isascii() and not _is_ascii_word(word))
    )


def _is_ascii_word(word: str) -> bool:
    if not word.isalpha():
        return "'" in word or _is_arabizi_shape(word)
    return len(word) < 4 or not _universal().vowels.isdisjoint(word)


class _Universal(NamedTuple):
    words: frozenset[str]
    laughter: re.Pattern[str]
    rows: str
    vowels: frozenset[str]


@cache
def _universal() -> _Universal:
    data = _read("universal.toml")
    rows = [row for there in data["rows"] for row in (there, there[::-1])]
    return _Universal(
        frozenset((data["words"] + data["names"]).split()),
        re.compile(data["laughter"]),
        " ".join(rows),
        frozenset(data["vowels"]),
    )


@cache
def _latin_words() -> dict[str, tuple[tuple[str, float], ...]]:
    listed: defaultdict[str, list[str]] = defaultdict(list)
    for code, words in _words_by_language().items():
        for word in words:
            listed[word].append(code)
    table = {word: _weigh(codes, 1.0) for word, codes in listed.items()}
    unaccented: defaultdict[str, list[str]] = defaultdict(list)
    for word, codes in sorted(listed.items()):
        plain = _strip_accents(word)
        if plain not in table:
            unaccented[plain] += [code for code in codes if code not in unaccented[plain]]
    for word, codes in unaccented.items():
        table[word] = _weigh(codes, _UNACCENTED_WEIGHT)
    return table


def _weigh(codes: Sequence[str], factor: float) -> tuple[tuple[str, float], ...]:
    weight = factor * _WEIGHTS[min(len(codes), len(_WEIGHTS)) - 1]
    return tuple((code, weight) for code in codes)


# Letters that Unicode does not take for accented ones, though people type them without.
_BARE: Final = str.maketrans("łđøıßæœ", "ldoisao")


def _strip_accents(word: str) -> str:
    marked = unicodedata.normalize("NFD", word.translate(_BARE))
    return "".join(sign for sign in marked if not unicodedata.combining(sign))


@cache
def _romanised_words() -> dict[str, tuple[tuple[str, float], ...]]:
    table: dict[str, tuple[tuple[str, float], ...]] = {}
    for code, entry in _read("romanised.toml").items():
        strong = frozenset(entry["strong"].split())
        for word in dict.fromkeys(entry["words"].split() + entry["strong"].split()):
            weight = (2.0 if word in strong else 1.0) * (0.5 if word in _listed_words() else 1.0)
            table[word] = (*table.get(word, ()), (code, weight))
    return table


@cache
def _telling_romanised_words() -> frozenset[str]:
    return frozenset(_romanised_words()) - _listed_words()


@cache
def _words_by_language() -> dict[str, frozenset[str]]:
    return {code: frozenset(words.split()) for code, words in _read("words.toml").items()}


@cache
def _listed_words() -> frozenset[str]:
    return frozenset().union(*_words_by_language().values())


# Arabic and Persian are typed on each other's keyboards, and hamza and ta marbuta are often left
# out: words are compared without these differences.
_SAME_LETTERS: Final = str.maketrans(
    {**dict(zip("يىكةأإآٱ", "ییکهاااا", strict=True)), **dict.fromkeys("ًٌٍَُِّْٰ\u200c", "")}
)


@cache
def _letter_rules() -> dict[str, dict[str, Any]]:
    return _read("letters.toml")


class _LetterTable(NamedTuple):
    """The letters that speak for languages of a script, and those of one language only."""

    points: dict[str, tuple[tuple[str, float], ...]]
    exclusive: dict[str, tuple[str, ...]]


@cache
def _letter_table(script: str) -> _LetterTable:
    points: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
    exclusive: defaultdict[str, list[str]] = defaultdict(list)
    for code, rule in _letter_rules().get(script, {}).items():
        for letter in rule.get("only", ""):
            points[letter].append((code, 1.5))
            exclusive[letter].append(code)
        for letter in rule.get("some", ""):
            points[letter].append((code, 0.5))
    return _LetterTable(
        {letter: tuple(found) for letter, found in points.items()},
        {letter: tuple(found) for letter, found in exclusive.items()},
    )


@cache
def _script_words(script: str) -> dict[str, tuple[str, ...]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for code, rule in _letter_rules().get(script, {}).items():
        for word in dict.fromkeys(rule.get("words", "").translate(_SAME_LETTERS).split()):
            found[word].append(code)
    return {word: tuple(codes) for word, codes in found.items()}


@cache
def _prefixes(script: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    rules = _letter_rules().get(script, {})
    return tuple(
        (code, tuple(rule["prefix"].translate(_SAME_LETTERS).split()))
        for code, rule in rules.items()
        if "prefix" in rule
    )


def _read(name: str) -> dict[str, Any]:
    path = files("nlp") / "data" / "languages" / name
    return tomllib.loads(path.read_text(encoding="utf-8"))
