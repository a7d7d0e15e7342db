"""Workers that are processes of this machine, and what befalls them and their run."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from pipelines.config_sections import EngineConfig, ModelsConfig
from pipelines.distributed.processes import Processes, ProcessSetup
from pipelines.distributed.workers import WorkersError
from pipelines.job import Job
from tests.pipelines.distributed.scenes import Pipes, Told, find_readers
from tests.pipelines.distributed.test_cluster_runs import run_all, write_files
from tests.pipelines.test_run import dump

ROOT = Path(__file__).parents[3]
WORDS = b"id,comment\n1,late again\n"


def open_workers(folder: Path, told: Told, **settings: float) -> Processes:
    engine = EngineConfig.model_validate(settings)
    return Processes(ProcessSetup(engine, ModelsConfig(), folder), told)


@contextmanager
def killing(path: Path, n: int) -> Iterator[list[int]]:
    """Kill so many of those who read a pipe, one after the other; the next one gets words."""
    killed: list[int] = []
    is_over = threading.Event()
    held = os.open(path, os.O_RDWR)  # else its reader would wait for a writer

    def kill() -> None:
        while not is_over.wait(0.02):
            if found := set(find_readers(path)) - {*killed}:
                if len(killed) == n:
                    os.write(held, WORDS)
                    break
                killed.append(found.pop())
                os.kill(killed[-1], signal.SIGKILL)
        os.close(held)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    yield killed
    is_over.set()
    thread.join()


def test_a_worker_that_is_killed_costs_its_task_once_more(tmp_path: Path) -> None:
    pipes, told = Pipes(tmp_path, 1), Told()
    with killing(pipes.paths[0], 1), open_workers(tmp_path, told, workers=1) as workers:
        assert list(workers.map("hash", pipes.inputs)) == [(0, sha256(WORDS).hexdigest())]
    (warning,) = told.warnings
    assert "a worker was ended by SIGKILL" in warning and "is done once more" in warning
    assert not multiprocessing.active_children()


def test_a_task_that_ends_every_worker_ends_the_run_with_what_to_do(tmp_path: Path) -> None:
    pipes = Pipes(tmp_path, 1)
    with (
        killing(pipes.paths[0], 2) as killed,
        open_workers(tmp_path, Told(), workers=2, tries=2) as workers,
        pytest.raises(WorkersError, match="2 tries at a part of the work failed.*SIGKILL") as error,
    ):
        list(workers.map("hash", pipes.inputs))
    assert len(killed) == 2
    assert "run the same command again, with fewer workers" in str(error.value)


def test_a_task_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    pipes = Pipes(tmp_path, 1)
    held = os.open(pipes.paths[0], os.O_RDWR)
    with (
        open_workers(tmp_path, Told(), workers=1, tries=1, shard_s=0.3) as workers,
        pytest.raises(WorkersError, match="it took too long"),
    ):
        list(workers.map("hash", pipes.inputs))
    os.close(held)
    assert not multiprocessing.active_children()


class Killer(Told):
    """Kills a worker once the first shard is done."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = ""

    def start(self, stage: str, total: int | None = None, unit: str = "rows") -> None:
        self.stage = stage

    def advance(self, n: int = 1) -> None:
        if self.stage == "reading in shards":
            self.stage = ""
            multiprocessing.active_children()[0].kill()


def test_processes_give_the_tables_of_a_local_run_though_one_is_killed(
    tmp_path: Path, make_job: Callable[..., Job]
) -> None:
    write_files(tmp_path)
    files = sorted((tmp_path / "in").iterdir())
    local, own = make_job("local"), make_job("own", "processes", workers=1)
    killer = Killer()
    assert run_all(replace(own, progress=killer), files) == run_all(local, files)
    assert dump(own.config.store.url) == dump(local.config.store.url)
    assert any("never closed" in each or "once more" in each for each in killer.warnings)
    assert not list(own.lake.iterdir())
