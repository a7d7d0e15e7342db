"""A stand-in for the encoder pass: vectors near the encoder's own, a hundred times as fast.

A text's vector is a linear function of the mean of its tokens' embeddings, fitted by ridge
regression on texts that the real encoder has read; so are the logits of its sentiment. What comes
after the pass has clusters, languages and feelings to work on, and the pass costs next to nothing.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlp.encoder import round_unit_rows
from nlp.languages import detect_language
from nlp.weights import (
    DEFAULT,
    encoder_name,
    load_encoder,
    load_sentiment,
    prepare_default_encoder,
)

_RIDGE = 1.0
_MAX_TOKENS = 128
_TEXTS_A_STEP = 4_096


def fit_stand_in(texts: Sequence[str], cache_dir: Path, out: Path) -> float:
    """Fit it, and write its table of token vectors.

    :param texts: to be read by the real encoder.
    :returns: mean cosine to the encoder's vectors on a fifth of the texts that was held out.
    """
    from safetensors.numpy import load_file

    folder = prepare_default_encoder(cache_dir)
    encoder = load_encoder(DEFAULT, cache_dir)
    sentiment = load_sentiment(DEFAULT, encoder)
    langs = [detect_language(text) for text in texts]
    vectors, probabilities = encoder.encode(texts), sentiment.score(texts, langs)
    wanted = np.hstack([vectors.astype(np.float32), np.log(np.maximum(probabilities, 1e-6))])
    words = load_file(folder / "model.safetensors")["embeddings.word_embeddings.weight"]
    means = _Tokens(folder).average(texts, words)
    held_out = np.arange(len(texts)) % 5 == 0
    weights = _solve(means[~held_out], wanted[~held_out])
    made = round_unit_rows((_with_one(means[held_out]) @ weights)[:, : encoder.dim])
    # The constant is added to every token: a mean of tokens then holds it once.
    np.save(out, (_with_one(words) @ weights).astype(np.float16))
    return float((made * vectors[held_out].astype(np.float32)).sum(1).mean())


def _solve(means: NDArray[np.float32], wanted: NDArray[np.float32]) -> NDArray[np.float32]:
    x = _with_one(means).astype(np.float64)
    return np.linalg.solve(x.T @ x + _RIDGE * np.eye(x.shape[1]), x.T @ wanted).astype(np.float32)


def _with_one(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.hstack([rows, np.ones((len(rows), 1), dtype=np.float32)])


class _Tokens:
    """The encoder's tokens of texts."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_MAX_TOKENS)
        self._tokenizer.no_padding()

    def average(self, texts: Sequence[str], table: NDArray[Any]) -> NDArray[np.float32]:
        """Mean of the rows of a table that belong to each text's tokens."""
        parts = [
            self._average(texts[start : start + _TEXTS_A_STEP], table)
            for start in range(0, len(texts), _TEXTS_A_STEP)
        ]
        return np.vstack(parts)

    def _average(self, texts: Sequence[str], table: NDArray[Any]) -> NDArray[np.float32]:
        ids = [each.ids for each in self._tokenizer.encode_batch_fast(list(texts))]
        lengths = np.array([len(each) for each in ids])
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        rows = table[np.concatenate(ids)].astype(np.float32)
        means: NDArray[np.float32] = np.add.reduceat(rows, starts) / lengths[:, None]
        return means


class StandIn:
    """In the place of the default encoder and of the sentiment model that shares its pass.

    :param table: what `fit_stand_in` wrote.
    :param real: the encoder that it stands for, which takes its memory as in any run.
    """

    n_layers = 12
    dim = 384

    def __init__(self, table: Path, cache_dir: Path, real: Any) -> None:
        self.name = encoder_name(DEFAULT)
        self._real = real
        self._table = np.load(table, mmap_mode="r")
        self._tokens = _Tokens(prepare_default_encoder(cache_dir))

    def encode(self, texts: Sequence[str]) -> NDArray[np.float16]:
        """Vectors, as the encoder's `encode`."""
        return round_unit_rows(self._tokens.average(texts, self._table)[:, : self.dim])

    def score(
        self, texts: Sequence[str], _langs: Sequence[str] | None = None
    ) -> NDArray[np.float32]:
        """Probabilities, as a sentiment model's `score`."""
        logits = self._tokens.average(texts, self._table)[:, self.dim :]
        powers = np.exp(logits - logits.max(1, keepdims=True))
        found: NDArray[np.float32] = powers / powers.sum(1, keepdims=True)
        return found


def put_in_place(table: Path) -> None:
    """Have runs of this process load the stand-in.

    Nothing is read ahead: beside the real encoder that is a small part of the texts, which are
    split twice; beside this one it would be nearly all.
    """
    from pipelines import models, readings

    def load(_model: str, cache_dir: Path, **options: Any) -> StandIn:
        return StandIn(table, cache_dir, load_encoder(DEFAULT, cache_dir, **options))

    models.load_encoder = load
    models.load_sentiment = lambda _model, encoder, **_options: encoder
    readings.Readings.read_ahead = lambda *_arguments: None


def put_in_workers(table: Path) -> None:
    """Have the workers that this process starts load it, too."""
    from pipelines.distributed import processes

    processes.serve = partial(_serve, table)


def _serve(table: Path, *given: Any) -> None:
    from pipelines.distributed.processes import serve

    put_in_place(table)
    serve(*given)
