"""How likely a text is an advert: signs that patterns find, and what its vector says.

Patterns are data (`data/noise/spam_signs.toml`), weights are trained on open texts and on texts
written for this project (scripts/train_spam.py), never on the sets that they are measured on.
"""

import math
import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["READ_CHARS", "SPAM_THRESHOLD", "VECTOR_SCALE", "find_signs", "score_spam", "sign_names"]

# From this score on a text is spam: at most 1 % of the rows of five sound sets are.
SPAM_THRESHOLD: Final = 0.5
# Of a text without a telling sign the probability must be .75.
_WITHOUT_SIGN: Final = 2 / 3
# Adverts are short; a complaint of a page holds amounts, links and phones. Rules still judge it.
_LONG_CHARS: Final = 700
_LONG_SCORE: Final = 0.45
# What follows in a text changes no score.
READ_CHARS: Final = _LONG_CHARS + 1
# Unit vectors have small values beside signs of 0 and 1; the penalty would hold them down.
VECTOR_SCALE: Final = 3.0
_MAX_CHARS: Final = 600
_SHAPES: Final = ("n_signs", "length", "digits", "capitals", "bangs")


def score_spam(texts: Sequence[str], vectors: NDArray[Any] | None) -> NDArray[np.float32]:
    """Score texts: the probability of spam, less where there is no telling sign.

    :param texts: as stored.
    :param vectors: `(n, 384)` unit rows of the default encoder, not centred; None where there are
        none: then the signs alone are weighed.
    """
    if not len(texts):
        return np.zeros(0, dtype=np.float32)
    weights = _weights()
    signs = np.array([find_signs(text) for text in texts])
    if vectors is None:
        logits = signs @ weights["signs_alone"] + weights["bias_alone"]
    else:
        scaled = np.asarray(vectors, dtype=np.float64) * VECTOR_SCALE
        logits = signs @ weights["signs"] + scaled @ weights["vector"] + weights["bias"]
    found = 1 / (1 + np.exp(-logits))
    found *= np.where(signs[:, _telling()].any(axis=1), 1.0, _WITHOUT_SIGN)
    is_long = np.array([len(text) > _LONG_CHARS for text in texts])
    scores: NDArray[np.float32] = np.where(is_long, np.minimum(found, _LONG_SCORE), found).astype(
        np.float32
    )
    return scores


def sign_names() -> tuple[str, ...]:
    """What :func:`find_signs` gives, in its order."""
    return (*_patterns(), *_SHAPES)


def find_signs(text: str) -> list[float]:
    """Signs found (1) or not (0), then how many they are and the shape of the text."""
    text = text[:_MAX_CHARS]
    lowered = text.lower()
    found = [
        float(pattern.search(lowered if in_lower else text) is not None)
        for pattern, in_lower in _patterns().values()
    ]
    n_letters, n_chars = sum(map(str.isalpha, text)), max(len(text), 1)
    return [
        *found,
        min(sum(found), 8) / 4,
        math.log1p(len(text)) / 5,
        3 * sum(map(str.isdigit, text)) / n_chars,
        sum(map(str.isupper, text)) / n_letters if n_letters > 3 else 0.0,
        min(text.count("!"), 5) / 5,
    ]


def _read(name: str) -> bytes:
    return (files("nlp") / "data" / "noise" / name).read_bytes()


@cache
def _rules() -> dict[str, Any]:
    return tomllib.loads(_read("spam_signs.toml").decode())


@cache
def _patterns() -> dict[str, tuple[re.Pattern[str], bool]]:
    """Each sign's pattern, and whether it is searched in lower case: that is twice as fast."""
    return {name: _compile(pattern) for name, pattern in _rules()["signs"].items()}


def _compile(pattern: str) -> tuple[re.Pattern[str], bool]:
    plain = _PLACEHOLDER.sub(lambda found: found[0].lower(), pattern)
    if _CAPITAL.search(plain):
        return re.compile(pattern, re.IGNORECASE | re.DOTALL), False
    return re.compile(plain, re.DOTALL), True


_PLACEHOLDER: Final = re.compile("<[A-Z]+>")
# A letter whose case counts; that of "\W" is none.
_CAPITAL: Final = re.compile(r"(?<!\\)[A-Z]|\(\?-i:")


@cache
def _telling() -> list[int]:
    names = list(_patterns())
    return [names.index(name) for name in _rules()["telling"]]


@cache
def _weights() -> dict[str, NDArray[np.float64]]:
    from safetensors.numpy import load

    return {name: each.astype(np.float64) for name, each in load(_read("spam.safetensors")).items()}
