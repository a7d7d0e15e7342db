"""Readings of texts, vector and sentiment: asked of the models batch by batch, and stored."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from sqlalchemy import insert, select

from nlp.sentiment import sentiment_of
from nlp.themes.discovery import import_libraries
from pipelines import tables
from pipelines.encoder_pass import PROBABILITY_TYPE, VECTOR_TYPE, EncoderPass, ReadBatch, TextRow
from pipelines.journal import Journal, Reading
from pipelines.models import Models
from pipelines.progress import Progress
from pipelines.runs import Run

# Batches given to the models and not yet stored: what a crash can cost, and what is held.
_MAX_WAITING: Final = 2
_IDS_A_STATEMENT: Final = 500


def vectors_of(data: Sequence[bytes]) -> Any:
    """(n, dim) float16 vectors from what the table holds."""
    return np.frombuffer(b"".join(data), dtype=VECTOR_TYPE).reshape(len(data), -1)


def sentiment_key(models: Models) -> str:
    """What a stored sentiment depends on: it may be read in the encoder's pass."""
    return f"{models.encoder_name} + {models.sentiment_name}"


class Readings:
    """Has texts read, and writes what comes back."""

    def __init__(self, run: Run, models: Models, journal: Journal, progress: Progress) -> None:
        self._run = run
        self._models = models
        self._journal = journal
        self._progress = progress
        self._key = sentiment_key(models)

    def read(self, batches: Iterable[tuple[int, Sequence[TextRow]]], total: int, unit: str) -> None:
        """Give vectors and sentiment to all texts that have no vector: the pass of the encoder.

        :param batches: texts, and how many units they stand for; made while others are read.
        :param total: units of all batches.
        :raises ConfigError: when a model cannot be used.
        """
        n_batches = 0
        with EncoderPass(self._models) as encoder_pass:
            if not self._journal.count():
                encoder_pass.load_models()
            for n_units, rows in batches:
                self._give(encoder_pass, n_units, rows)
                if not n_batches:
                    self._wait_for_models(encoder_pass)
                    self._progress.start("reading the texts", total, unit)
                n_batches += 1
                for done in encoder_pass.take_until(_MAX_WAITING):
                    self._keep(done)
            if n_batches > _MAX_WAITING:
                # The next step will want them, and this thread has only to wait.
                import_libraries()
            for done in encoder_pass.take_until(0):
                self._keep(done)
        self._run.mark_changed()
        n_mentions = self._run.counts["n_mentions"]
        self._progress.finish(f"{n_mentions:,} mentions" if n_mentions else "")

    def _give(self, encoder_pass: EncoderPass, n_units: int, rows: Sequence[TextRow]) -> None:
        fresh = self._without_vector([row for row in rows if row.text_hash not in encoder_pass])
        # An unfinished run may have left them.
        known = self._journal.find(self._key, list(fresh))
        unread = [row for key, row in fresh.items() if key not in known]
        encoder_pass.add(n_units, unread, known)

    def _without_vector(self, rows: Sequence[TextRow]) -> dict[str, TextRow]:
        """Return the distinct texts that have no vector; the first row stands for a text."""
        vector = tables.vector.c
        fresh: dict[str, TextRow] = {}
        for row in rows:
            fresh.setdefault(row.text_hash, row)
        hashes = list(fresh)
        for start in range(0, len(hashes), _IDS_A_STATEMENT):
            query = select(vector.text_hash).where(
                vector.text_hash.in_(hashes[start : start + _IDS_A_STATEMENT]),
                vector.model == self._models.encoder_name,
            )
            for found in self._run.connection.execute(query).scalars():
                del fresh[found]
        return fresh

    def _wait_for_models(self, encoder_pass: EncoderPass) -> None:
        """Say what is waited for."""
        if encoder_pass.is_loading:
            self._progress.start("loading the encoder", unit="")
            encoder_pass.wait_until_loaded()
            self._progress.finish(self._models.encoder_name)

    def _keep(self, done: ReadBatch) -> None:
        self._journal.add(self._key, done.read)
        readings = {**done.known, **done.read}
        if readings:
            self._write(readings)
        self._progress.advance(done.n_units)

    def _write(self, readings: Mapping[str, Reading]) -> None:
        self._run.connection.execute(
            insert(tables.vector),
            [
                {"text_hash": key, "model": self._models.encoder_name, "data": reading.vector}
                for key, reading in readings.items()
            ],
        )
        probabilities = {
            key: np.frombuffer(reading.probabilities, dtype=PROBABILITY_TYPE)
            for key, reading in readings.items()
        }
        write_sentiment(self._run, probabilities, self._key)


def write_sentiment(run: Run, probabilities: dict[str, Any], key: str) -> None:
    """Write how texts feel.

    :param probabilities: of negative, neutral and positive, by text hash.
    :param key: see `sentiment_key`.
    """
    rows = []
    for key_of_text, given in probabilities.items():
        sentiment = sentiment_of(given)
        rows.append(
            {
                "text_hash": key_of_text,
                "model": key,
                "sentiment": sentiment.label,
                "sentiment_score": round(sentiment.score, 6),
                "confidence": round(sentiment.confidence, 6),
            }
        )
    run.connection.execute(insert(tables.text_sentiment), rows)
