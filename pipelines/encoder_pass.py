"""The encoder pass: the models read texts on a thread of their own, while the caller goes on.

The pass computes outside Python's lock: splitting the next texts and storing the last ones costs
it next to nothing, and uses what a core has left.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from pipelines.journal import Reading
from pipelines.models import Models

VECTOR_TYPE: Final = np.dtype("<f2")
PROBABILITY_TYPE: Final = np.dtype("<f4")
# How long Ctrl-C can take: about two seconds on two cores.
_TEXTS_A_CALL: Final = 256


class TextRow(NamedTuple):
    """A text to be read, normalised."""

    text_hash: str
    text: str
    lang: str


@dataclass(frozen=True)
class ReadBatch:
    """What became of a batch.

    :param n_units: whatever the caller counts.
    :param known: readings that were known before.
    :param read: readings that the models have made.
    """

    n_units: int
    known: Mapping[str, Reading]
    read: Mapping[str, Reading]


class EncoderPass:
    """Reads batches in the order in which they are given."""

    def __init__(self, models: Models) -> None:
        self._queued: set[str] = set()
        self._models = models
        self._thread = ThreadPoolExecutor(1, "encoder-pass")
        self._loaded: Future[None] | None = None
        self._waiting: deque[_Waiting] = deque()

    @property
    def is_loading(self) -> bool:
        """Whether the models are wanted and not yet there."""
        return self._loaded is not None and not self._loaded.done()

    def __contains__(self, text_hash: str) -> bool:
        """Whether a text was given and its reading is not yet taken."""
        return text_hash in self._queued

    def load_models(self) -> None:
        """Begin to load the models, if that was not begun before."""
        if self._loaded is None:
            self._loaded = self._thread.submit(self._models.load)

    def wait_until_loaded(self) -> None:
        """Wait for the models.

        :raises ConfigError: when a model cannot be used.
        """
        if self._loaded is not None:
            self._loaded.result()

    def add(self, n_units: int, rows: Sequence[TextRow], known: Mapping[str, Reading]) -> None:
        """Give a batch to the models, which are loaded when the first text comes.

        :param rows: distinct texts without a reading.
        """
        if rows:
            self.load_models()
        calls = [self._thread.submit(read_texts, call, self._models) for call in list_calls(rows)]
        self._waiting.append(_Waiting(n_units, known, calls))
        self._queued.update(known, (row.text_hash for row in rows))

    @property
    def n_waiting(self) -> int:
        """Batches that were given and not yet taken."""
        return len(self._waiting)

    def take_until(self, n_left: int) -> Iterator[ReadBatch]:
        """Wait for the oldest batches, until so many are left.

        :raises ConfigError: when a model cannot be used.
        """
        while len(self._waiting) > n_left:
            yield self._take()

    def take_done(self) -> Iterator[ReadBatch]:
        """Take the oldest batches as far as they are read.

        :raises ConfigError: when a model cannot be used.
        """
        while self._waiting and all(call.done() for call in self._waiting[0].calls):
            yield self._take()

    def close(self) -> None:
        """Give up what is not read yet, within seconds."""
        self._thread.shutdown(cancel_futures=True)

    def _take(self) -> ReadBatch:
        oldest = self._waiting.popleft()
        read = {key: made for call in oldest.calls for key, made in call.result().items()}
        self._queued.difference_update(oldest.known, read)
        return ReadBatch(oldest.n_units, oldest.known, read)


@dataclass(frozen=True)
class _Waiting:
    n_units: int
    known: Mapping[str, Reading]
    calls: Sequence[Future[dict[str, Reading]]]


def list_calls(rows: Sequence[TextRow]) -> list[Sequence[TextRow]]:
    """Texts as the models are asked for them, the longest first."""
    # Alike in length: the fewer kinds of shapes in a call, the less padding.
    rows = sorted(rows, key=lambda row: len(row.text), reverse=True)
    return [rows[start : start + _TEXTS_A_CALL] for start in range(0, len(rows), _TEXTS_A_CALL)]


def read_texts(rows: Sequence[TextRow], models: Models) -> dict[str, Reading]:
    """The readings of distinct texts, by hash.

    :raises ConfigError: when a model cannot be used.
    """
    found = models.read([row.text for row in rows], [row.lang for row in rows])
    vectors = np.ascontiguousarray(found.vectors, dtype=VECTOR_TYPE)
    probabilities = np.ascontiguousarray(found.probabilities, dtype=PROBABILITY_TYPE)
    return {
        row.text_hash: Reading(vectors[place].tobytes(), probabilities[place].tobytes(), row.lang)
        for place, row in enumerate(rows)
    }
