"""Mentions that cannot wait: of safety, of legal steps, of leaving, of a call that was promised.

A logistic regression for each topic on the centred embedding of a mention and on whether it holds
a word of a list, trained by `scripts/train_alerts.py`; `nlp/data/alerts.md` says what it finds.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlp.themes.centring import centre_rows, load_language_means

TOPICS: Final = ("safety", "legal", "cancellation", "callback")
WEIGHTS = Path(__file__).parent / "data" / "alerts.safetensors"
DIM: Final = 384
# What a word weighs beside a vector of length 1: chosen by cross-validation among 0, 0.3, 0.5.
WORD_SCALE: Final = 0.3
# Letters for "and", "the", "to" and the like, which Hebrew and Arabic write without a space.
_BEFORE: Final = r"(?<!\w)(?:[והבלמשכ]{0,3}|[وفبلك]{0,2}(?:ال)?)"


class Weights(NamedTuple):
    """What was trained: vectors (384, 4), words (4, 4), bias (4,) and least logits (4,)."""

    vectors: NDArray[np.float32]
    words: NDArray[np.float32]
    bias: NDArray[np.float32]
    least: NDArray[np.float32]


def score_meanings(vectors: NDArray[np.floating], langs: Sequence[str]) -> NDArray[np.float32]:
    """Logits of each topic from meaning alone, less the least that counts.

    :param vectors: unit rows of the default encoder, `(n, 384)`.
    :returns: `(n, 4)`, columns as TOPICS.
    """
    weights = load_weights()
    centred = centre_rows(vectors, langs, load_language_means().without_projection())
    return np.asarray(centred @ weights.vectors + weights.bias - weights.least, np.float32)


def needs_words(scores: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Rows for which it matters what words they hold: none could raise the others."""
    reach = np.maximum(load_weights().words, 0.0).sum(axis=0)
    return np.asarray(np.any(scores + reach >= 0, axis=1), np.bool_)


def decide_alerts(scores: NDArray[np.float32], words: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which topics count, from :func:`score_meanings` and :func:`find_words` of the same rows."""
    weights = load_weights()
    return np.asarray(scores + words.astype(np.float32) @ weights.words >= 0, np.bool_)


def compile_words(words: Mapping[str, Sequence[str]]) -> tuple[re.Pattern[str], ...]:
    """A pattern for each topic, in the order of TOPICS.

    :param words: of each topic, the beginnings of words, in lower case.
    """
    return tuple(
        re.compile(_BEFORE + "(?:" + "|".join(map(re.escape, words[topic])) + ")")
        for topic in TOPICS
    )


def find_words(texts: Sequence[str], patterns: Sequence[re.Pattern[str]]) -> NDArray[np.bool_]:
    """Whether each text holds a word of each topic: `(n, 4)`."""
    found = [[bool(each.search(text.casefold())) for each in patterns] for text in texts]
    return np.array(found, dtype=np.bool_).reshape(len(texts), len(patterns))


@cache
def load_weights() -> Weights:
    """Read what ships."""
    from safetensors.numpy import load_file

    tensors = load_file(WEIGHTS)
    return Weights(*(tensors[name] for name in Weights._fields))
