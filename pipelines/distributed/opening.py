"""A cluster for the steps of a run: started when the first of them needs it, gone at its end."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines.config import Config
from pipelines.distributed.cluster import Cluster, Workers
from pipelines.distributed.engine import ClusterEngine
from pipelines.distributed.lake import Lake
from pipelines.journal import Journal
from pipelines.loading import ReadSettings
from pipelines.models import Models
from pipelines.progress import Progress
from pipelines.runs import Run


@dataclass(frozen=True)
class ClusterSetup:
    """What a cluster of a run works with.

    :param root: the lake, of all stores.
    """

    config: Config
    models: Models
    cache_dir: Path
    root: Path
    store_id: str
    progress: Progress


class ClusterSteps:
    """The engine of a run, and what starts its workers."""

    def __init__(self, engine: ClusterEngine, start: Callable[[], Workers]) -> None:
        self.engine, self._start = engine, start

    @classmethod
    @contextmanager
    def open(cls, setup: ClusterSetup, run: Run, journal: Journal) -> Iterator["ClusterSteps"]:
        """Prepare the engine of a run.

        :raises StoreError: when the lake cannot be used.
        """
        lake = Lake(setup.root, setup.store_id)
        shard_rows = setup.config.engine.shard_rows
        with ExitStack() as stack:
            engine = ClusterEngine(run, setup.models, journal, lake, shard_rows, setup.progress)
            stack.callback(engine.close)
            yield cls(engine, lambda: stack.enter_context(start_cluster(setup, lake)))

    def start(self, settings: ReadSettings) -> ClusterEngine:
        """Start the cluster, for there is something to read.

        :raises ClusterError: when it cannot be used.
        """
        self.engine.use(self._start())
        return self.engine


def start_cluster(setup: ClusterSetup, lake: Lake) -> AbstractContextManager[Workers]:
    """The cluster that the configuration names."""
    config, log = setup.config, lake.folder / "ray.log"
    return Cluster(config.engine, config.models, setup.cache_dir, log, setup.progress)
