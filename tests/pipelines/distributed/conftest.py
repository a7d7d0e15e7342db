"""Tiny models, a job with them, and workers that are this process."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.config import Config
from pipelines.distributed import opening
from pipelines.distributed.lake import Lake
from pipelines.distributed.opening import ClusterSetup
from pipelines.distributed.tasks import Worker, make_models
from pipelines.job import Job
from tests.tiny_models import write_network

if TYPE_CHECKING:
    from pipelines.models import Models

LABELS = ("negative", "neutral", "positive")


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("tiny")
    write_network(folder / "encoder", "BertModel")
    write_network(
        folder / "classifier",
        "BertForSequenceClassification",
        id2label=dict(enumerate(LABELS)),
        label2id={label: number for number, label in enumerate(LABELS)},
    )
    return {"encoder": f"{folder}/encoder", "sentiment_model": f"{folder}/classifier"}


class HereWorkers:
    """Does what a cluster would, and counts it.

    :ivar dies_after: shards after which the run is killed.
    """

    dies_after: int | None = None

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.shared: dict[str, Any] = {}
        self.models: Models

    def share(self, **values: Any) -> None:
        self.shared |= values

    def end_reading(self) -> bool:
        return True

    def map(self, task: str, arguments: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        # The last one first: results may come in any order.
        for number, argument in reversed(list(enumerate(arguments))):
            if task == "shard" and self.done[task] == self.dies_after:
                raise KeyboardInterrupt
            self.done[task] += 1
            yield number, Worker(self.models, self.shared).do(task, argument)


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> HereWorkers:
    """In the place of a cluster."""
    workers = HereWorkers()

    @contextmanager
    def start(setup: ClusterSetup, _lake: Lake) -> Iterator[HereWorkers]:
        workers.done.clear()
        workers.models = make_models(setup.config.models, setup.cache_dir, 1.0)
        yield workers

    monkeypatch.setattr(opening, "start_workers", start)
    return workers


@pytest.fixture
def make_job(tmp_path: Path, tiny_models: dict[str, str]) -> Callable[..., Job]:
    def make(name: str, engine: str = "local", **settings: Any) -> Job:
        config = Config.model_validate(
            {
                "store": {"url": f"sqlite:///{tmp_path}/{name}.db"},
                "models": tiny_models,
                "engine": {"lake": "lake", "shard_rows": 20, **settings},
            }
        )
        (tmp_path / "cache").mkdir(exist_ok=True)
        secret = tmp_path / "secret"
        return Job(config, tmp_path / "cache", engine=engine, secret_path=secret, folder=tmp_path)

    return make
