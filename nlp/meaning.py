"""One pass over distinct texts: their vectors and how they feel."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlp.branch_sentiment import BranchSentiment
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

    One pass where the sentiment model is a branch of this encoder, as the shipped one is of the
    default encoder; both results are the same bits as those of the models alone.

    :param langs: language of each text, for the calibration of its confidence.
    """
    if isinstance(sentiment, BranchSentiment) and sentiment.encoder is encoder:
        return Meanings(*sentiment.read(texts, langs))
    return Meanings(encoder.encode(texts), sentiment.score(texts, langs))
