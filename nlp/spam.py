"""How likely a text is an advert: signs that patterns find, its runs of characters, its vector.

Weights are trained on open texts and on texts written for this project (scripts/train_spam.py),
never on the sets that they are measured on.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlp.spam_grams import weigh_grams
from nlp.spam_signs import find_signs, list_signs

__all__ = ["GRAM_SCALE", "READ_CHARS", "SPAM_THRESHOLD", "VECTOR_SCALE", "score_spam"]

# From this score on a text is spam: at most 1 % of the rows of five sound sets are.
SPAM_THRESHOLD: Final = 0.5
# Of a text without a telling sign, and of one that tells of trouble and names no way to be reached,
# the probability must be .75.
_DOUBTED: Final = 2 / 3
# Adverts are short; a complaint of a page holds amounts, links and phones. Rules still judge it.
_LONG_CHARS: Final = 700
_LONG_SCORE: Final = 0.35
# What follows in a text changes no score.
READ_CHARS: Final = _LONG_CHARS + 1
# Unit vectors have small values beside signs of 0 and 1; the penalty would hold them down.
VECTOR_SCALE: Final = 3.0
GRAM_SCALE: Final = 3.0


def score_spam(texts: Sequence[str], vectors: NDArray[Any] | None) -> NDArray[np.float32]:
    """Score texts: the probability of spam, less where its signs say otherwise.

    :param texts: as stored.
    :param vectors: `(n, 384)` unit rows of the default encoder, not centred; None where there are
        none: then signs and runs of characters alone are weighed.
    """
    if not len(texts):
        return np.zeros(0, dtype=np.float32)
    weights = _weights()
    signs = np.array([find_signs(text) for text in texts])
    alone = "_alone" if vectors is None else ""
    logits = signs @ weights[f"signs{alone}"] + weights[f"bias{alone}"]
    logits += weigh_grams(texts, weights[f"grams{alone}"]) * weights[f"step{alone}"] * GRAM_SCALE
    if vectors is not None:
        logits += np.asarray(vectors, dtype=np.float64) @ weights["vector"] * VECTOR_SCALE
    found = 1 / (1 + np.exp(-logits))
    is_telling, is_complaint, is_led = (
        signs[:, list_signs(kind)].any(axis=1) for kind in ("telling", "complaints", "contacts")
    )
    found *= np.where(is_telling, 1.0, _DOUBTED)
    found *= np.where(is_complaint & ~is_led, _DOUBTED, 1.0)
    is_long = np.array([len(text) > _LONG_CHARS for text in texts])
    scores: NDArray[np.float32] = np.where(is_long, np.minimum(found, _LONG_SCORE), found).astype(
        np.float32
    )
    return scores


@cache
def _weights() -> dict[str, NDArray[np.float64]]:
    from safetensors.numpy import load

    kept = (files("nlp") / "data" / "noise" / "spam.safetensors").read_bytes()
    return {name: each.astype(np.float64) for name, each in load(kept).items()}
