"""Reading ahead: the models begin while the files are still being read."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from sqlalchemy import func, insert, select

from nlp.meaning import Meanings
from pipelines import tables
from pipelines.journal import Journal
from pipelines.progress import SilentProgress
from pipelines.readings import Readings, sentiment_key
from pipelines.runs import Run, begin_run
from pipelines.splitting import FeedbackText, split_feedback
from tests.pipelines.store_copies import open_copy

if TYPE_CHECKING:
    from pipelines.models import Models


class CountingModels:
    """Reads every text alike, once it may, and keeps what it was asked to read."""

    encoder_name = "encoder@1"
    sentiment_name = "sentiment@1"
    is_without_torch = True

    def __init__(self) -> None:
        self.is_free = threading.Event()
        self.is_free.set()
        self.was_asked: list[str] = []

    def load(self) -> None:
        pass

    def read(self, texts: Sequence[str], langs: Sequence[str]) -> Meanings:
        self.is_free.wait()
        self.was_asked += texts
        return Meanings(np.ones((len(texts), 4), "<f2"), np.full((len(texts), 3), 1 / 3, "<f4"))


@pytest.fixture
def models() -> CountingModels:
    return CountingModels()


@pytest.fixture
def run(sqlite_url: str) -> Iterator[Run]:
    store = open_copy(sqlite_url, "empty")
    with begin_run(store, "test", config_hash="", lock_timeout_s=1) as run:
        yield run
    store.engine.dispose()


@pytest.fixture
def begin(
    run: Run, models: CountingModels, tmp_path: Path
) -> Iterator[Callable[[], tuple[Readings, Journal]]]:
    journal = Journal(tmp_path / "journal.sqlite")

    def start() -> tuple[Readings, Journal]:
        return Readings(run, cast("Models", models), journal, SilentProgress()), journal

    yield start
    models.is_free.set()
    journal.close()


def feedback_of(*texts: str) -> list[FeedbackText]:
    return [FeedbackText(f"hash of {text}", text, "en") for text in texts]


def rows_of(feedback: Sequence[FeedbackText]) -> list[Any]:
    return [part.row for parts in split_feedback(feedback) for part in parts]


def count_vectors(run: Run) -> int:
    n: int = run.connection.execute(select(func.count()).select_from(tables.vector)).scalar_one()
    return n


def test_what_was_read_ahead_is_stored_and_not_read_again(
    run: Run, models: CountingModels, begin: Callable[[], tuple[Readings, Journal]]
) -> None:
    given = feedback_of("The card is late.", "Nobody answers. I wait.")
    readings, _ = begin()
    with closing(readings):
        readings.read_ahead(given)
        readings.read([(2, rows_of(given))], 2, "feedback")
    assert sorted(models.was_asked) == ["I wait.", "Nobody answers.", "The card is late."]
    assert count_vectors(run) == 3


def test_what_is_given_up_after_it_was_read_ahead_is_only_in_the_journal(
    run: Run, models: CountingModels, begin: Callable[[], tuple[Readings, Journal]]
) -> None:
    readings, journal = begin()
    with closing(readings):
        readings.read_ahead(feedback_of("A file that breaks off later"))
        readings.read([(1, rows_of(feedback_of("Another file")))], 1, "feedback")
    assert count_vectors(run) == 1
    assert journal.count() == len(models.was_asked) == 2


def test_no_more_is_read_ahead_than_the_models_can_do_meanwhile(
    models: CountingModels, begin: Callable[[], tuple[Readings, Journal]]
) -> None:
    models.is_free.clear()
    readings, _ = begin()
    with closing(readings):
        for number in range(50):
            readings.read_ahead(feedback_of(f"Text number {number}"))
        models.is_free.set()
        readings.read([], 0, "feedback")
    assert models.was_asked == ["Text number 0", "Text number 1"]


def test_what_the_store_has_is_not_read_ahead(
    run: Run, models: CountingModels, begin: Callable[[], tuple[Readings, Journal]]
) -> None:
    known, new = feedback_of("Old words", "New words")
    run.connection.execute(
        insert(tables.feedback),
        {
            "feedback_id": "f1",
            "text": known.text,
            "lang": "en",
            "text_hash": known.text_hash,
            "source": "s",
            "party": "first",
            "noise_score": 0.0,
            "content_hash": "c",
            "run_id": run.run_id,
            "ingested_at": run.started_at,
        },
    )
    readings, journal = begin()
    with closing(readings):
        readings.read_ahead([known])
        readings.read_ahead([known, new])
        readings.read([], 0, "feedback")
    assert models.was_asked == ["New words"]
    assert set(journal.find(sentiment_key(cast("Models", models)), [rows_of([new])[0].text_hash]))
