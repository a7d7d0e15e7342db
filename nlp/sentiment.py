"""How a text feels: negative, neutral or positive, from its vector."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nlp.errors import ModelError

Label = Literal["negative", "neutral", "positive"]
LABELS: Final[tuple[Label, Label, Label]] = ("negative", "neutral", "positive")

_ROWS_PER_STEP: Final = 4096


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
        self,
        texts: Sequence[str],
        vectors: NDArray[np.float16],
        langs: Sequence[str] | None = None,
    ) -> NDArray[np.float32]:
        """Return probabilities of negative, neutral, positive, `(n, 3)`, independent of each other.

        :param vectors: the encoder's rows for the texts, `(n, dim)`.
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


@dataclass(frozen=True)
class SentimentHead:
    """Multinomial logistic regression on an encoder's vectors, in numpy.

    :param weight: `(3, dim)`.
    :param bias: `(3,)`.
    :param temperatures: by language, with `*` for all others: logits are divided by it.
    """

    name: str
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    temperatures: Mapping[str, float]

    def score(
        self,
        texts: Sequence[str],
        vectors: NDArray[np.float16],
        langs: Sequence[str] | None = None,
    ) -> NDArray[np.float32]:
        """Return probabilities, `(n, 3)`."""
        if vectors.shape != (len(texts), self.weight.shape[1]):
            raise ValueError(f"{len(texts)} texts, but vectors of shape {vectors.shape}")
        logits = np.empty((len(texts), len(LABELS)), dtype=np.float32)
        for first in range(0, len(texts), _ROWS_PER_STEP):
            rows = vectors[first : first + _ROWS_PER_STEP].astype(np.float32)
            # Not a matrix product: BLAS adds in an order that depends on the number of rows.
            products = rows[:, None, :] * self.weight
            logits[first : first + _ROWS_PER_STEP] = products.sum(axis=2) + self.bias
        return softmax(logits / self._temperature_of(langs, len(texts)))

    def _temperature_of(self, langs: Sequence[str] | None, n_texts: int) -> NDArray[np.float32]:
        common = self.temperatures.get("*", 1.0)
        found = [self.temperatures.get(lang, common) for lang in langs or [""] * n_texts]
        return np.array(found, dtype=np.float32)[:, None]


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn rows of logits into rows of probabilities."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    result: NDArray[np.float32] = raised / raised.sum(axis=1, keepdims=True)
    return result


def read_head(path: Path, encoder_name: str) -> SentimentHead:
    """Read a head and check that it was trained on this encoder's vectors.

    :raises ModelError: if the file is damaged or belongs to another encoder.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as opened:
            about = opened.metadata() or {}
            weight, bias = opened.get_tensor("weight"), opened.get_tensor("bias")
        temperatures = {key: float(t) for key, t in json.loads(about["temperatures"]).items()}
        trained_on, name = about["encoder"], about["name"]
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ModelError(f"the sentiment head {path} is damaged ({error}); reinstall it") from error
    if trained_on != encoder_name:
        raise ModelError(
            f"the shipped sentiment head reads vectors of {trained_on}, not of {encoder_name}; "
            f"with this encoder, name a transformers classifier as the sentiment model"
        )
    return SentimentHead(name, weight, bias, temperatures)
