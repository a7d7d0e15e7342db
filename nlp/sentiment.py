"""How a text feels: negative, neutral or positive, and how sure that is."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

_Real = TypeVar("_Real", np.float32, np.float64)
Label = Literal["negative", "neutral", "positive"]
LABELS: Final[tuple[Label, Label, Label]] = ("negative", "neutral", "positive")


class Sentiment(NamedTuple):
    """What is stored of a text's probabilities.

    :param score: -1 (negative) to 1 (positive): the probability of positive less that of negative.
    :param confidence: probability of the label.
    """

    label: Label
    score: float
    confidence: float


class SentimentModel(Protocol):
    """What the pipeline needs of a sentiment model."""

    @property
    def name(self) -> str:
        """Model and revision."""

    def score(
        self, texts: Sequence[str], langs: Sequence[str] | None = None
    ) -> NDArray[np.float32]:
        """Return probabilities of negative, neutral, positive, `(n, 3)`, independent of each other.

        :param langs: language of each text, for calibration; never changes which label wins.
        """


def sentiment_of(probabilities: Sequence[float] | NDArray[np.float32]) -> Sentiment:
    """Read one row of probabilities; of equal ones the more moderate label wins."""
    negative, neutral, positive = (float(value) for value in probabilities)
    confidence = max(negative, neutral, positive)
    if neutral == confidence or negative == positive:
        label: Label = "neutral"
    else:
        label = "negative" if negative == confidence else "positive"
    return Sentiment(label, positive - negative, confidence)


def calibrate(
    logits: NDArray[np.float32],
    temperatures: Mapping[str, float],
    langs: Sequence[str] | None = None,
) -> NDArray[np.float32]:
    """Turn logits into probabilities that are right as often as they say.

    :param temperatures: by language, with `*` for all others: logits are divided by it (Guo et al.
        2017). The label that wins stays the same.
    :param langs: language of each row.
    """
    common = temperatures.get("*", 1.0)
    found = [temperatures.get(lang, common) for lang in langs or [""] * len(logits)]
    return softmax(logits / np.array(found, dtype=np.float32)[:, None])


def softmax(logits: NDArray[_Real]) -> NDArray[_Real]:
    """Turn rows of logits into rows of probabilities."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    result: NDArray[_Real] = raised / raised.sum(axis=1, keepdims=True)
    return result
