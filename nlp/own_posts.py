"""Posts of a company itself: its replies to reviews, and job adverts.

Patterns are data (`data/noise/own_posts.toml`): a post is the company's when several signs stand
together and nothing in it speaks of a customer's own affair. In doubt a text counts.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

__all__ = ["is_own_post"]

_MAX_CHARS: Final = 2_000
_APOSTROPHES: Final = str.maketrans("’‘´`", "''''")


def is_own_post(text: str) -> bool:
    """Tell whether a stored text is written by a company about itself or to its customer."""
    cut = text[:_MAX_CHARS].translate(_APOSTROPHES)
    folded = cut.lower()
    return any(
        any(cue in folded for cue in rule.cues)
        and all(sign.search(cut) for sign in rule.signs)
        and not any(voice.search(cut) for voice in rule.voices)
        for rule in _rules()
    )


@dataclass(frozen=True, slots=True)
class _Rule:
    cues: tuple[str, ...]
    signs: tuple[re.Pattern[str], ...]
    voices: tuple[re.Pattern[str], ...]


@cache
def _rules() -> tuple[_Rule, ...]:
    path = files("nlp") / "data" / "noise" / "own_posts.toml"
    rules = tomllib.loads(path.read_text(encoding="utf-8"))["rule"]
    return tuple(
        _Rule(tuple(rule["cues"]), _compile(rule["signs"]), _compile(rule["voices"]))
        for rule in rules
    )


def _compile(patterns: list[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)
