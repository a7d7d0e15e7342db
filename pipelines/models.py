"""The models of a run: named at once, loaded only when there is something to read."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nlp.encoder import BranchingEncoder
from nlp.errors import ModelCacheError, ModelError
from nlp.meaning import Meanings, read_meanings
from nlp.sentiment import SentimentModel
from nlp.weights import (
    DEFAULT,
    check_encoder,
    check_sentiment,
    encoder_name,
    is_compiled,
    load_encoder,
    load_sentiment,
    sentiment_name,
)
from pipelines.config_sections import ModelsConfig
from pipelines.errors import ConfigError, EarfulError, StoreError


class Models:
    """The encoder and the sentiment model that a configuration names.

    :param cache_dir: where converted weights are kept.
    :param n_threads: that the encoder computes on; None for all cores.
    """

    def __init__(self, config: ModelsConfig, cache_dir: Path, n_threads: int | None = None) -> None:
        self._config = config
        self._n_threads = n_threads
        self._cache_dir = cache_dir

    def check(self) -> None:
        """Refuse models that cannot be used, before anything is read.

        The default ones cost 15 ms; of others the files are read, and the weights only where the
        files are odd.

        :raises ConfigError: when a model is missing, damaged, pickled or of the wrong kind.
        """
        try:
            check_encoder(self._config.encoder, self._cache_dir)
            if self._config.sentiment_model == DEFAULT:
                _ = self.sentiment_name  # it belongs to one encoder
            check_sentiment(self._config.sentiment_model, self._config.sentiment_labels)
        except ModelError as error:
            raise explain_model_error(error) from error

    def load(self, only: str | None = None) -> None:
        """Load the models whole, now.

        :param only: `encoder` or `sentiment`; None means both.
        :raises ConfigError: when a model cannot be used.
        """
        if only != "sentiment":
            _ = self._encoder
        if only != "encoder":
            _ = self._sentiment

    @cached_property
    def encoder_name(self) -> str:
        """Name and revision of the encoder, without loading it.

        :raises ConfigError: when the model cannot be found or is damaged.
        """
        try:
            return encoder_name(self._config.encoder)
        except ModelError as error:
            raise explain_model_error(error) from error

    @cached_property
    def sentiment_name(self) -> str:
        """Name and revision of the sentiment model, without loading it.

        :raises ConfigError: when the model cannot be found or is damaged.
        """
        try:
            # Only the shipped one depends on the encoder, which may be the one that is missing.
            encoder = self.encoder_name if self._config.sentiment_model == DEFAULT else ""
            return sentiment_name(self._config.sentiment_model, encoder)
        except ModelError as error:
            raise explain_model_error(error) from error

    @property
    def is_default_encoder(self) -> bool:
        """Whether the shipped language means are those of this encoder."""
        return self._config.encoder == DEFAULT

    @cached_property
    def is_without_torch(self) -> bool:
        """Whether loading them will not import torch."""
        config = self._config
        return config.sentiment_model == DEFAULT and is_compiled(config.encoder)

    def read(self, texts: Sequence[str], langs: Sequence[str]) -> Meanings:
        """Vectors and sentiment of normalised texts, in one pass.

        :raises ConfigError: when a model cannot be used, or its results cannot.
        """
        found = read_meanings(texts, langs, self._encoder, self._sentiment)
        _refuse_broken("vectors", found.vectors, self.encoder_name)
        _refuse_broken("sentiments", found.probabilities, self.sentiment_name)
        return found

    def embed(self, texts: Sequence[str]) -> NDArray[np.float16]:
        """Vectors of distinct normalised texts, without their sentiment: (n, dim).

        :raises ConfigError: when the model cannot be used, or its vectors cannot.
        """
        vectors: NDArray[np.float16] = self._encoder.encode(texts)
        _refuse_broken("vectors", vectors, self.encoder_name)
        return vectors

    def score(self, texts: Sequence[str], langs: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities of negative, neutral and positive, without the vectors: (n, 3).

        :raises ConfigError: when the model cannot be used.
        """
        return self._sentiment.score(texts, langs)

    @cached_property
    def _encoder(self) -> BranchingEncoder:
        try:
            return load_encoder(
                self._config.encoder,
                self._cache_dir,
                precision=self._config.precision,
                n_threads=self._n_threads,
            )
        except ModelError as error:
            raise explain_model_error(error) from error

    @cached_property
    def _sentiment(self) -> SentimentModel:
        is_branch = self._config.sentiment_model == DEFAULT
        encoder = self._encoder if is_branch else None
        try:
            return load_sentiment(
                self._config.sentiment_model,
                encoder,
                precision=self._config.precision,
                labels=self._config.sentiment_labels,
            )
        except ModelError as error:
            raise explain_model_error(error) from error


def _refuse_broken(what: str, made: NDArray[np.floating], name: str) -> None:
    """Keep what a broken model made out of the store, whose readings are never made again."""
    n_broken = int((~np.isfinite(made).all(axis=1)).sum())
    if n_broken:
        raise ConfigError(
            f"{n_broken:,} of {len(made):,} {what} that {name} made hold NaN or infinity, and none "
            "of them is kept: the model is broken. See whether it changed with: earful models "
            "verify; or name another under [models]"
        )


def explain_model_error(error: ModelError) -> EarfulError:
    """A model that cannot be used is wrong use, unless the disk is what failed."""
    return (StoreError if isinstance(error, ModelCacheError) else ConfigError)(str(error))
