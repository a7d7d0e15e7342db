"""One pass over distinct texts: their vectors and how they feel."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlp.encoder import Encoder
from nlp.sentiment import SentimentModel


class Meanings(NamedTuple):
    """What is stored of some texts, in their order.

    :param vectors: unit rows, `(n, dim)`.
    :param probabilities: of negative, neutral, positive, `(n, 3)`.
    """

    vectors: NDArray[np.float16]
    probabilities: NDArray[np.float32]


def read_meanings(
    texts: Sequence[str], langs: Sequence[str], encoder: Encoder, sentiment: SentimentModel
) -> Meanings:
    """Embed normalised texts and judge their sentiment; call it with each text once.

    The only door to both models, so that a sentiment model which continues from the encoder's own
    layers can take part in its pass.

    :param langs: language of each text, for the calibration of its confidence.
    """
    vectors = encoder.encode(texts)
    return Meanings(vectors, sentiment.score(texts, vectors, langs))
