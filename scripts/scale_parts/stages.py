"""Where a run is, second by second: time, processor time and memory of each of its stages."""

import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

PAGE = resource.getpagesize()
_SAMPLE_S = 0.05

# Module (and class), function, stage. A stage within another takes its time from the other.
STAGES = (
    ("pipelines.customers", "load_customers", "customers"),
    ("pipelines.events", "load_events", "events"),
    ("pipelines.ingest", "ingest_feedback", "read, clean, mask"),
    ("pipelines.distributed.engine:ClusterEngine", "read_files", "shards, by workers"),
    ("pipelines.link", "link_feedback", "link"),
    ("pipelines.enrich", "mark_copies", "copies"),
    ("pipelines.enrich", "mark_adverts", "adverts"),
    ("pipelines.enrich", "_read_new_feedback", "split, store"),
    ("pipelines.enrich", "enrich_feedback", "other of enrich"),
    ("pipelines.discover", "load_pool", "read mentions"),
    ("pipelines.themes.refit", "discover_pool", "find themes"),
    ("pipelines.themes.growth", "discover_pool", "find themes"),
    ("pipelines.discover", "fit_themes", "assign, name themes"),
    ("pipelines.discover", "extend_themes", "assign to known themes"),
    ("pipelines.discover", "discover_store", "write themes"),
    ("pipelines.edits.apply", "apply_edits", "lay edits over"),
    ("pipelines.judging.periods", "judge_periods", "judge"),
    ("pipelines.impact.step", "compare_outcomes", "impact"),
    ("pipelines.attention.step", "rank_themes", "rank"),
    ("pipelines.drift.step", "measure_run", "drift"),
    ("pipelines.publish", "publish_insights", "publish"),
)
OTHER = "begin, commit, other"


@dataclass
class Spent:
    """What a stage took, without the stages within it.

    :param cpu_s: of the main thread.
    :param peak_mb: the most memory that the process and its workers held meanwhile.
    """

    seconds: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0


class Stages:
    """Keeps what each stage takes; the stages are those of one thread."""

    def __init__(self) -> None:
        self.spent = {OTHER: Spent()}
        self._open = [OTHER]
        self._last = time.perf_counter(), time.thread_time()
        self._is_over = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    @property
    def peak_mb(self) -> float:
        """The most memory of all stages."""
        return max(each.peak_mb for each in self.spent.values())

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Watch from now on."""
        self._last = time.perf_counter(), time.thread_time()
        self._sampler.start()
        try:
            yield
        finally:
            self._turn()
            self._is_over.set()
            self._sampler.join()

    def wrap(self, function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        """The function as a stage."""

        def timed(*arguments: Any, **options: Any) -> Any:
            self._turn()
            self.spent.setdefault(stage, Spent())
            self._open.append(stage)
            try:
                return function(*arguments, **options)
            finally:
                self._turn()
                self._open.pop()

        return timed

    def _turn(self) -> None:
        """Give the time since the last turn to the stage that is at work."""
        now = time.perf_counter(), time.thread_time()
        spent = self.spent[self._open[-1]]
        spent.seconds += now[0] - self._last[0]
        spent.cpu_s += now[1] - self._last[1]
        self._last = now

    def _sample(self) -> None:
        while not self._is_over.wait(_SAMPLE_S):
            spent = self.spent[self._open[-1]]
            spent.peak_mb = max(spent.peak_mb, read_memory_mb())


def watch_stages(stages: Stages) -> None:
    """Wrap the steps, so that the stages see them; the program itself is not changed."""
    for place, function, stage in STAGES:
        name, _, owner = place.partition(":")
        module = import_module(name)
        holder = getattr(module, owner) if owner else module
        setattr(holder, function, stages.wrap(getattr(holder, function), stage))


def read_memory_mb() -> float:
    """Memory that this process and its workers hold now (resident set)."""
    folders = [Path("/proc/self")]
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            folders += [Path("/proc") / pid for pid in path.read_text(encoding="ascii").split()]
    n_pages = 0
    for folder in folders:
        with suppress(OSError):  # it has ended
            n_pages += int((folder / "statm").read_text(encoding="ascii").split()[1])
    return n_pages * PAGE / 1e6
