"""A cluster for the steps of a run: started when the first of them needs it, gone at its end."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING

from pipelines.distributed.cluster import Cluster, Workers
from pipelines.distributed.engine import ClusterEngine, refuse_limit
from pipelines.distributed.lake import Lake
from pipelines.journal import Journal
from pipelines.loading import ReadSettings
from pipelines.runs import Run

if TYPE_CHECKING:
    from pipelines.job import Job

Start = Callable[["Job", Lake], AbstractContextManager[Workers]]


class ClusterSteps:
    """The engine of a run, and the lake that it fills."""

    def __init__(self, engine: ClusterEngine, lake: Lake, start: Callable[[], Workers]) -> None:
        self.engine, self.lake, self._start = engine, lake, start

    @classmethod
    @contextmanager
    def open(
        cls, job: "Job", run: Run, journal: Journal, store_id: str
    ) -> Iterator["ClusterSteps"]:
        """Prepare the engine of a run.

        :raises StoreError: when the lake cannot be used.
        """
        lake = Lake(job.lake, store_id)
        with ExitStack() as stack:
            engine = ClusterEngine(
                run, job.models, journal, lake, job.config.engine.shard_rows, job.progress
            )
            stack.callback(engine.close)
            yield cls(engine, lake, lambda: stack.enter_context(start_cluster(job, lake)))

    def start(self, settings: ReadSettings) -> ClusterEngine:
        """Start the cluster, for there is something to read.

        :raises ConfigError: for settings that a cluster cannot follow.
        :raises ClusterError: when it cannot be used.
        """
        refuse_limit(settings)
        self.engine.use(self._start())
        return self.engine


def start_cluster(job: "Job", lake: Lake) -> AbstractContextManager[Workers]:
    """The cluster that the configuration names."""
    return Cluster(
        job.config.engine,
        job.config.models,
        job.cache_dir,
        lake.folder / "ray.log",
        job.progress,
    )
