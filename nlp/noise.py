"""Noise: feedback that should not count, with a score and the reason; conservative by intent.

Word lists, rules and letter statistics are data (`data/noise`). Copies, campaigns and bots need
other rows to be seen and are found elsewhere.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final, Literal

__all__ = ["NOISE_THRESHOLD", "Noise", "Reason", "score_noise"]

Reason = Literal["empty", "low_effort", "gibberish", "spam", "template"]
# From this score on a reason is given.
NOISE_THRESHOLD: Final = 0.5


@dataclass(frozen=True, slots=True)
class Noise:
    """How much a text is noise.

    :param score: 0 (a voice) to 1 (surely noise).
    :param reason: why, when the score is at least `NOISE_THRESHOLD`.
    """

    score: float
    reason: Reason | None


_MAX_CHARS: Final = 5_000
_LETTERS = re.compile(r"[^\W\d_]")
# What stands for a voice without letters: emoji, a mark out of ten.
_SPEAKS = re.compile(
    "[\u2190-\u2bff\U0001f000-\U0001faff]|\\d\\s*/\\s*\\d|[:;=8xX]-?[()DPpOo/\\\\|3]|<3"
)
_STAND_INS = re.compile(r"<[A-Z]{2,12}>|@user\b|\bhttp\b|https?://\S+|@\w+")
_TOKEN = re.compile(r"[^\W\d_]+")


def score_noise(text: str, normalised: str, lang: str) -> Noise:
    """Score one text.

    :param text: the stored form.
    :param normalised: the same text as models see it.
    :param lang: the code of its language.
    """
    text, normalised = text[:_MAX_CHARS], normalised[:_MAX_CHARS]
    if not normalised:
        return Noise(1.0, "empty")
    if any(pattern.search(text) for pattern in _template_patterns()):
        return Noise(0.9, "template")
    spam = _spam_score(text)
    if spam >= NOISE_THRESHOLD:
        return Noise(spam, "spam")
    low_effort = _low_effort_score(normalised)
    if low_effort >= NOISE_THRESHOLD:
        return Noise(low_effort, "low_effort")
    gibberish = _gibberish_score(normalised, lang)
    if gibberish >= NOISE_THRESHOLD:
        return Noise(gibberish, "gibberish")
    return Noise(max(spam, low_effort, gibberish), None)


def _spam_score(text: str) -> float:
    weight = sum(weight for pattern, weight in _spam_rules() if pattern.search(text))
    # Half at a weight of 1, where a rule alone decides; never quite 1.
    return round(min(weight / 2, 0.95), 3)


def _low_effort_score(normalised: str) -> float:
    said = _STAND_INS.sub(" ", normalised)
    if not _LETTERS.search(said):
        if _SPEAKS.search(said):
            return 0.0
        # Only punctuation, digits, names or links: nothing is said.
        return 0.9 if not re.search(r"\d", said) else 0.6
    key = _fold(said)
    if key in _low_effort_answers():
        return 0.9
    letters = "".join(_TOKEN.findall(said)).lower()
    # One letter, or one letter many times.
    return 0.8 if len(letters) > 1 and len(set(letters)) == 1 and len(letters) != 2 else 0.0


def _fold(text: str) -> str:
    return " ".join(text.casefold().replace("\u200c", " ").split()).strip(" .,!?;:-_*\"'()[]…؟،۔")


_MIN_LETTERS: Final = 6
_FEW_LETTERS: Final = 10


def _gibberish_score(normalised: str, lang: str) -> float:
    """Score by letter pairs over the words in scripts with statistics; others are never judged."""
    tokens = _TOKEN.findall(_STAND_INS.sub(" ", normalised))
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
    return round(max(0.0, min(0.95, 0.5 + (mean - limit) / 2)), 3)


def _is_judged(token: str) -> bool:
    """Leave out short words and codes (airports, tickers, shouted abbreviations)."""
    is_code = token.isascii() and token.isupper() and len(token) <= 7
    return len(token) > (3 if token.isascii() else 2) and not is_code


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
def _low_effort_answers() -> frozenset[str]:
    lists: dict[str, str] = tomllib.loads(_read("low_effort.toml"))
    return frozenset(_fold(line) for text in lists.values() for line in text.splitlines()) - {""}


@cache
def _spam_rules() -> tuple[tuple[re.Pattern[str], float], ...]:
    rules: list[dict[str, Any]] = tomllib.loads(_read("spam.toml"))["rule"]
    return tuple((re.compile(rule["pattern"], re.IGNORECASE), rule["weight"]) for rule in rules)


@cache
def _template_patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(
        re.compile(pattern) for pattern in tomllib.loads(_read("template.toml"))["patterns"]
    )


@cache
def _surprise_limits() -> dict[str, float]:
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
