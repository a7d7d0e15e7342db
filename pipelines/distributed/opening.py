"""Workers for the steps of a run: started when the first of them needs some, gone at its end."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines.config import Config
from pipelines.distributed.cluster import Cluster
from pipelines.distributed.engine import ClusterEngine
from pipelines.distributed.lake import Lake
from pipelines.distributed.processes import Processes, ProcessSetup
from pipelines.distributed.workers import Workers
from pipelines.journal import Journal
from pipelines.loading import ReadSettings
from pipelines.models import Models
from pipelines.progress import Progress
from pipelines.runs import Run


@dataclass(frozen=True)
class ClusterSetup:
    """What the workers of a run work with.

    :param engine: processes or ray.
    :param root: the lake, of all stores.
    """

    engine: str
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
        config = setup.config.engine
        # A cluster has as many as there are nodes then; its files are large ones.
        n_workers = config.n_processes if setup.engine == "processes" else 0
        with ExitStack() as stack:
            engine = ClusterEngine(
                run, setup.models, journal, lake, config.shard_rows, n_workers, setup.progress
            )
            stack.callback(engine.close)
            yield cls(engine, lambda: stack.enter_context(start_workers(setup, lake)))

    def start(self, settings: ReadSettings) -> ClusterEngine:
        """Start the workers, for there is something to read.

        :raises WorkersError: when it cannot be used.
        """
        self.engine.use(self._start())
        return self.engine


def start_workers(setup: ClusterSetup, lake: Lake) -> AbstractContextManager[Workers]:
    """The processes of this machine, or the cluster that the configuration names."""
    config, progress = setup.config, setup.progress
    if setup.engine == "processes":
        given = ProcessSetup(config.engine, config.models, setup.cache_dir.absolute())
        return Processes(given, progress)
    return Cluster(config.engine, config.models, setup.cache_dir, lake.folder / "ray.log", progress)
