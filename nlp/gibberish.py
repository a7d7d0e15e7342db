"""Letters that are no words: keyboards drummed on, syllables repeated, pairs no language has."""

import re
import tomllib
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Final

__all__ = ["score_gibberish"]

_TOKEN = re.compile(r"[^\W\d_]+")
_MIN_LETTERS: Final = 6
_FEW_LETTERS: Final = 10
# Two steps on a keyboard are chance ("were", "pop"); of four, three are enough.
_MIN_WALK: Final = 5
_WALK_SHARE: Final = 0.75
_REPEATED = re.compile(r"(\w{2,5}?)\1+\w{0,3}")
_DRUMMED_SCORE: Final = 0.8
# This share of all letters must be drummed or repeated.
_DRUMMED_SHARE: Final = 0.6


def score_gibberish(said: str, lang: str) -> float:
    """Score a normalised text without its stand-ins: 0 (words) to .95 (surely none)."""
    tokens = [token.casefold() for token in _TOKEN.findall(said)]
    n_letters = sum(map(len, tokens))
    drummed = sum(len(token) for token in tokens if is_drummed(token))
    if n_letters >= _MIN_LETTERS and drummed >= _DRUMMED_SHARE * n_letters:
        return _DRUMMED_SCORE
    if n_letters >= _MIN_LETTERS and _is_walked(tokens, n_letters):
        return _DRUMMED_SCORE
    return _score_pairs(_TOKEN.findall(said), lang, drummed)


def _is_walked(tokens: list[str], n_letters: int) -> bool:
    """Whether short walks follow each other: one alone may be a word ("were", "про")."""
    walks = [token for token in tokens if len(token) > 2 and _count_steps(token) == len(token) - 1]
    return len(set(walks)) > 1 and sum(map(len, walks)) >= _WALK_SHARE * n_letters


@lru_cache(maxsize=50_000)  # a few thousand words make up most of a corpus
def is_drummed(word: str) -> bool:
    """Whether a word is a walk over a keyboard, or one unit again and again; laughter is not."""
    repeated = _REPEATED.fullmatch(word)
    if repeated and repeated[1] in _laughter():
        return False
    if len(word) >= _MIN_WALK and _count_steps(word) >= _WALK_SHARE * (len(word) - 1):
        return True
    if not repeated or len(word) < _MIN_LETTERS:
        return False
    unit = repeated[1]
    # "bonbon", "couscous" and Turkish or Persian doublings are words; three times is none.
    return word.startswith(unit * 3) or (_count_steps(unit) == len(unit) - 1 and len(unit) > 2)


def _count_steps(word: str) -> int:
    return sum(pair in _neighbours() for pair in pairwise(word))


def _score_pairs(tokens: list[str], lang: str, drummed: int) -> float:
    """Score by letter pairs over the words in scripts with statistics; others are never judged."""
    judged = [token.lower() for token in tokens if _is_judged(token)]
    n_letters = sum(map(len, judged))
    if n_letters < _MIN_LETTERS or n_letters < 0.6 * sum(map(len, tokens)):
        return 0.0
    surprises = [(_surprise(word), len(word)) for word in judged]
    known = [(surprise, n) for surprise, n in surprises if surprise is not None]
    n_known = sum(n for _, n in known)
    if n_known < 0.8 * n_letters:
        return 0.0
    limits = _surprise_limits()
    limit = limits.get(lang, limits["default"]) + (
        limits["short"] if n_letters < _FEW_LETTERS else 0
    )
    mean = sum(surprise * n for surprise, n in known) / n_known
    # A text that is drummed in part needs less of a surprise.
    mean += limits["drummed"] * drummed / max(n_letters, 1)
    return round(max(0.0, min(0.95, 0.5 + (mean - limit) / 2)), 3)


def _is_judged(token: str) -> bool:
    """Leave out short words, codes (airports, tickers, shouted abbreviations) and odd words."""
    is_code = token.isascii() and token.isupper() and len(token) <= 7
    is_left_out = is_code or token.lower() in _odd_words()
    return len(token) > (3 if token.isascii() else 2) and not is_left_out


@lru_cache(maxsize=50_000)  # a few thousand words make up most of a corpus
def _surprise(word: str) -> float | None:
    for alphabet, table in _letter_pairs():
        if word[0] in alphabet:
            if not all(letter in alphabet for letter in word):
                return None
            marked = f"_{word}_"
            pairs = [marked[at : at + 2] for at in range(len(marked) - 1)]
            return sum(table[pair] for pair in pairs) / len(pairs)
    return None


def _read(name: str) -> str:
    return (files("nlp") / "data" / "noise" / name).read_text(encoding="utf-8")


@cache
def _neighbours() -> frozenset[tuple[str, str]]:
    rows = tomllib.loads(_read("keyboards.toml"))["rows"].split()
    steps = {pair for row in rows for pair in pairwise(row)}
    return frozenset(steps | {(other, one) for one, other in steps})


@cache
def _laughter() -> frozenset[str]:
    return frozenset(tomllib.loads(_read("keyboards.toml"))["laughter"].split())


@cache
def _surprise_limits() -> dict[str, float]:
    return {name: each for name, each in _rules().items() if name != "words"}


@cache
def _odd_words() -> frozenset[str]:
    return frozenset(_rules()["words"].split())


@cache
def _rules() -> dict[str, Any]:
    return tomllib.loads(_read("gibberish.toml"))


@cache
def _letter_pairs() -> tuple[tuple[str, dict[str, int]], ...]:
    alphabets: dict[str, str] = {}
    tables: dict[str, dict[str, int]] = {}
    for line in _read("letter_pairs.tsv").splitlines():
        if line.startswith("#"):
            continue
        script, first, row = line.split("\t")
        if not first:
            alphabets[script], tables[script] = row, {}
        else:
            digits = zip(alphabets[script], row, strict=True)
            tables[script].update({first + second: int(digit) for second, digit in digits})
    return tuple((alphabets[script].lstrip("_"), table) for script, table in tables.items())
