"""Where on their way a customer is: before buying, buying, waiting, using, asking, or leaving.

A softmax regression on the embedding of what they wrote last, trained by `scripts/train_journey.py`
on sentences in English, Hebrew, Arabic and Persian; `nlp/data/journey.md` says how often it is
right. What is about none of these, or too uncertain, is unknown.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlp.sentiment import softmax

STAGES = ("awareness", "purchase", "delivery", "use", "support", "leaving", "unknown")
UNKNOWN = STAGES[-1]
# A choice between saying nothing and saying it wrong; the card says what it costs.
MIN_PROBABILITY = 0.4
WEIGHTS = Path(__file__).parent / "data" / "journey.safetensors"


class Stage(NamedTuple):
    """A stage and its probability."""

    name: str
    confidence: float


def classify_stages(vectors: NDArray[np.floating]) -> list[Stage]:
    """The stage of each text.

    :param vectors: unit rows of the default encoder, `(n, 384)`.
    """
    if not len(vectors):
        return []
    weights, bias = _load_weights()
    # In single precision the last digits would depend on how many are asked at once.
    probabilities = softmax(vectors.astype(np.float64) @ weights + bias)
    best = probabilities.argmax(axis=1)
    return [
        Stage(STAGES[column] if row[column] >= MIN_PROBABILITY else UNKNOWN, float(row[column]))
        for row, column in zip(probabilities, best, strict=True)
    ]


@cache
def _load_weights() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    from safetensors.numpy import load_file

    tensors = load_file(WEIGHTS)
    return tensors["weights"], tensors["bias"]
