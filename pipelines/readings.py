"""Readings of texts, vector and sentiment: asked of the models batch by batch, and stored.

The first texts are read ahead, while the files are still being read.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from sqlalchemy import Connection, select

from nlp.sentiment import sentiment_of
from nlp.syntax import import_spacy
from nlp.themes.discovery import import_libraries
from pipelines import tables
from pipelines.bulk import insert_rows
from pipelines.encoder_pass import PROBABILITY_TYPE, VECTOR_TYPE, EncoderPass, ReadBatch, TextRow
from pipelines.half_vectors import write_half_vectors
from pipelines.id_batches import batch_ids
from pipelines.journal import Journal, Reading
from pipelines.models import Models
from pipelines.progress import Progress
from pipelines.runs import Run
from pipelines.splitting import FeedbackText, split_feedback
from pipelines.vector_lake.pending import find_lake, put_vectors
from pipelines.vector_lake.reading import load_vectors

# Batches given to the models and not yet stored: what a crash can cost, and what is held.
_MAX_WAITING: Final = 2


def vectors_of(data: Sequence[bytes]) -> Any:
    """(n, dim) float16 vectors from what the table holds."""
    return np.frombuffer(b"".join(data), dtype=VECTOR_TYPE).reshape(len(data), -1)


def read_vectors(
    connection: Connection, encoder_name: str, text_hashes: Sequence[str]
) -> dict[str, bytes]:
    """The stored vectors of some texts by hash; without those that were not read."""
    vector = tables.vector.c
    found: dict[str, bytes] = {}
    for batch in batch_ids(text_hashes):
        query = select(vector.text_hash, vector.data).where(
            vector.text_hash.in_(batch), vector.model == encoder_name
        )
        rows = connection.execute(query).all()
        data = load_vectors(connection, [row.data for row in rows])
        found.update(zip((row.text_hash for row in rows), data, strict=True))
    return found


def write_vectors(connection: Connection, encoder_name: str, vectors: Mapping[str, bytes]) -> None:
    """Store the vectors of texts that have none, by hash; at least one."""
    folder = find_lake(connection)
    held = put_vectors(connection, folder, encoder_name, vectors) if folder else vectors
    insert_rows(
        connection,
        tables.vector,
        [{"text_hash": key, "model": encoder_name, "data": data} for key, data in held.items()],
    )
    if folder is None:
        write_half_vectors(connection, encoder_name, vectors)


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
        self._pass = EncoderPass(models)

    def expect_texts(self) -> None:
        """Begin to load the models, for there will be something to read."""
        if not self._models.is_without_torch:
            import_spacy()  # before the thread that imports torch, see there
        self._pass.load_models()

    def read_ahead(self, feedback: Sequence[FeedbackText]) -> None:
        """Let the models read feedback that will be stored, if they have little left to do.

        What they read is only kept in the journal: the feedback may yet be given up.

        :raises ConfigError: when a model cannot be used.
        """
        self._put_aside(self._pass.take_done())
        if self._pass.n_waiting < _MAX_WAITING and (new := self._without_stored(feedback)):
            self.expect_texts()
            self._give(len(new), [part.row for parts in split_feedback(new) for part in parts])

    def read(
        self,
        batches: Iterable[tuple[int, Sequence[TextRow]]],
        total: int,
        unit: str,
        when_stored: Callable[[], object] = lambda: None,
    ) -> None:
        """Give vectors and sentiment to all texts that have no vector: the pass of the encoder.

        :param batches: texts, and how many units they stand for; made while others are read.
        :param total: units of all batches.
        :param when_stored: called for each batch in turn, once all its texts are read and stored.
        :raises ConfigError: when a model cannot be used.
        """
        if not self._journal.count():
            self.expect_texts()
        n_batches = 0
        for n_units, rows in batches:
            if not n_batches:
                self._wait_for_models()
                self._progress.start("reading the texts", total, unit)
                self._put_aside(self._pass.take_until(0))
            self._give(n_units, rows)
            n_batches += 1
            for done in self._pass.take_until(_MAX_WAITING):
                self._keep(done)
                when_stored()
        if n_batches > _MAX_WAITING:
            # The next step will want them, and this thread has only to wait.
            import_libraries()
        for done in self._pass.take_until(0):
            self._keep(done)
            when_stored()
        self._run.mark_changed()
        n_mentions = self._run.counts["n_mentions"]
        self._progress.finish(f"{n_mentions:,} mentions" if n_mentions else "")

    def close(self) -> None:
        """Give up what is not read yet, within seconds."""
        self._pass.close()

    def _put_aside(self, batches: Iterable[ReadBatch]) -> None:
        for done in batches:
            self._journal.add(self._key, done.read)

    def _give(self, n_units: int, rows: Sequence[TextRow]) -> None:
        fresh = self._without_vector([row for row in rows if row.text_hash not in self._pass])
        # An unfinished run, or reading ahead, may have left them.
        known = self._journal.find(self._key, list(fresh))
        unread = [row for key, row in fresh.items() if key not in known]
        self._pass.add(n_units, unread, known)

    def _without_stored(self, feedback: Sequence[FeedbackText]) -> list[FeedbackText]:
        """Leave out what the store has in the same words."""
        stored = tables.feedback.c.text_hash
        query = select(stored).where(stored.in_({each.text_hash for each in feedback}))
        found = set(self._run.connection.execute(query).scalars())
        return [each for each in feedback if each.text_hash not in found]

    def _without_vector(self, rows: Sequence[TextRow]) -> dict[str, TextRow]:
        """Return the distinct texts that have no vector; the first row stands for a text."""
        vector = tables.vector.c
        fresh: dict[str, TextRow] = {}
        for row in rows:
            fresh.setdefault(row.text_hash, row)
        for batch in batch_ids(list(fresh)):
            query = select(vector.text_hash).where(
                vector.text_hash.in_(batch), vector.model == self._models.encoder_name
            )
            for found in self._run.connection.execute(query).scalars():
                del fresh[found]
        return fresh

    def _wait_for_models(self) -> None:
        """Say what is waited for."""
        if self._pass.is_loading:
            self._progress.start("loading the encoder", unit="")
            self._pass.wait_until_loaded()
            self._progress.finish(self._models.encoder_name)

    def _keep(self, done: ReadBatch) -> None:
        self._journal.add(self._key, done.read)
        readings = {**done.known, **done.read}
        if readings:
            self._write(readings)
        self._progress.advance(done.n_units)

    def _write(self, readings: Mapping[str, Reading]) -> None:
        vectors = {key: reading.vector for key, reading in readings.items()}
        write_vectors(self._run.connection, self._models.encoder_name, vectors)
        found = (
            Felt(key, one.lang, np.frombuffer(one.probabilities, dtype=PROBABILITY_TYPE))
            for key, one in readings.items()
        )
        write_sentiment(self._run, found, self._key)


class Felt(NamedTuple):
    """How a text feels, said in a language: by it the probabilities are calibrated.

    :param probabilities: of negative, neutral and positive.
    """

    text_hash: str
    lang: str
    probabilities: Any


def write_sentiment(run: Run, found: Iterable[Felt], key: str) -> None:
    """Write how texts feel.

    :param key: see `sentiment_key`.
    """
    rows = []
    for felt in found:
        sentiment = sentiment_of(felt.probabilities)
        rows.append(
            {
                "text_hash": felt.text_hash,
                "model": key,
                "lang": felt.lang,
                "sentiment": sentiment.label,
                "sentiment_score": round(sentiment.score, 6),
                "confidence": round(sentiment.confidence, 6),
            }
        )
    insert_rows(run.connection, tables.text_sentiment, rows)
