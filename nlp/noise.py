"""Noise: feedback that should not count, with a score and the reason; conservative by intent.

Word lists, rules and letter statistics are data (`data/noise`). Adverts (`nlp.spam`) need vectors,
copies, campaigns and bots need other rows to be seen: they are found elsewhere.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from nlp.gibberish import score_gibberish

__all__ = ["NOISE_THRESHOLD", "Noise", "Reason", "fold_answer", "score_noise"]

Reason = Literal[
    "empty",
    "test_row",
    "low_effort",
    "gibberish",
    "copy",
    "campaign",
    "spam",
    "bot_like",
    "template",
    "not_feedback",
]
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
_LINK = re.compile(r"\bhttp\b|https?://|<URL>")
_LINK_SCORE: Final = 0.7
_RUN_SCORE: Final = 0.8
_RUN_LETTERS: Final = 4
_TOKEN = re.compile(r"[^\W\d_]+")
_QUOTED = re.compile('["“„«״][^"“”„«»״\n]{1,200}["”“»״]')
# So many words around a quotation say something of it.
_TOLD_WORDS: Final = 3


def score_noise(text: str, normalised: str, lang: str) -> Noise:
    """Score one text.

    :param text: the stored form.
    :param normalised: the same text as models see it.
    :param lang: the code of its language.
    """
    text, normalised = text[:_MAX_CHARS], normalised[:_MAX_CHARS]
    if not normalised:
        return Noise(1.0, "empty")
    if _is_template(text):
        return Noise(0.9, "template")
    if _is_bare_link(normalised):
        return Noise(_LINK_SCORE, "spam")
    # Runs of a letter are shortened to two or three in the normalised text.
    is_run = _is_one_letter(text, _RUN_LETTERS)
    low_effort = _RUN_SCORE if is_run else _low_effort_score(normalised)
    if low_effort >= NOISE_THRESHOLD:
        return Noise(low_effort, "low_effort")
    gibberish = score_gibberish(_STAND_INS.sub(" ", normalised), lang)
    if gibberish >= NOISE_THRESHOLD:
        return Noise(gibberish, "gibberish")
    return Noise(max(low_effort, gibberish), None)


def _is_template(text: str) -> bool:
    """Whether a field of a form was left unfilled, and nobody tells of it."""
    rest = _QUOTED.sub("", text)
    is_quoted = len(_TOKEN.findall(rest)) >= _TOLD_WORDS
    patterns, told = _template_patterns()
    is_unfilled = any(pattern.search(rest if is_quoted else text) for pattern in patterns)
    return is_unfilled and not told.search(text)


def _is_bare_link(normalised: str) -> bool:
    """Whether nothing is said but where to go."""
    return bool(_LINK.search(normalised)) and not _LETTERS.search(_STAND_INS.sub(" ", normalised))


def _low_effort_score(normalised: str) -> float:
    said = _STAND_INS.sub(" ", normalised)
    if not _LETTERS.search(said):
        if _SPEAKS.search(said):
            return 0.0
        # Only punctuation, digits, names or links: nothing is said.
        return 0.9 if not re.search(r"\d", said) else 0.6
    key = fold_answer(said)
    if key in _low_effort_answers():
        return 0.9
    if _is_empty_answer(key):
        return 0.7
    return _RUN_SCORE if _is_one_letter(said, 3) else 0.0


def _is_one_letter(text: str, n_times: int) -> bool:
    """Whether a text is one letter, so many times at least."""
    letters = "".join(_TOKEN.findall(text)).lower()
    return len(letters) >= n_times and len(set(letters)) == 1


def fold_answer(text: str) -> str:
    """An answer as it is compared: without case, and punctuation at its ends."""
    return " ".join(text.casefold().replace("\u200c", " ").split()).strip(" .,!?;:-_*\"'()[]…؟،۔")


def _is_empty_answer(key: str) -> bool:
    """Whether a short answer consists of words that say nothing."""
    words = re.sub(r"[.,!?;:…؟،۔]+", " ", key).split()
    if not words or len(words) > _empty_words()[0]:
        return False
    return any(
        all(word in known for word in words) and any(word in core for word in words)
        for core, known in _empty_words()[1]
    )


def _read(name: str) -> str:
    return (files("nlp") / "data" / "noise" / name).read_text(encoding="utf-8")


@cache
def _low_effort_answers() -> frozenset[str]:
    lists: dict[str, str] = tomllib.loads(_read("low_effort.toml"))
    return frozenset(fold_answer(line) for text in lists.values() for line in text.splitlines()) - {
        ""
    }


@cache
def _empty_words() -> tuple[int, tuple[tuple[frozenset[str], frozenset[str]], ...]]:
    given = tomllib.loads(_read("low_effort_words.toml"))
    lists = [each for each in given.values() if isinstance(each, dict)]
    cores = [frozenset(fold_answer(each["core"]).split()) for each in lists]
    fillers = [frozenset(fold_answer(each["filler"]).split()) for each in lists]
    pairs = zip(cores, fillers, strict=True)
    return given["max_words"], tuple((core, core | filler) for core, filler in pairs)


@cache
def _template_patterns() -> tuple[tuple[re.Pattern[str], ...], re.Pattern[str]]:
    """Those of unfilled fields, and that of words that tell of one."""
    given = tomllib.loads(_read("template.toml"))
    return tuple(map(re.compile, given["patterns"])), re.compile(given["told"])
