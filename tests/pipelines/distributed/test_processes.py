"""Workers that are processes of this machine, and what befalls them and their run."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from pipelines.config import Config
from pipelines.config_sections import EngineConfig, ModelsConfig
from pipelines.distributed.processes import Processes, ProcessSetup
from pipelines.distributed.workers import WorkersError
from pipelines.job import Job
from tests.pipelines.distributed.scenes import Pipes, Told, find_readers
from tests.pipelines.distributed.test_cluster_runs import run_all, write_files
from tests.pipelines.test_bad_input import wait_for
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
        pytest.raises(WorkersError, match=r"2 tries .* failed.*SIGKILL") as error,
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


class NoWorkers(Told):
    """Fails where there are workers."""

    def finish(self, summary: str = "") -> None:
        assert not multiprocessing.active_children()


def make_job(folder: Path, cache: Path, engine: str) -> Job:
    """One with the models of a user: those of other tests need torch in every worker."""
    config = Config.model_validate(
        {
            "store": {"url": f"sqlite:///{folder}/{engine}.db"},
            "engine": {"lake": "lake", "shard_rows": 20, "workers": 1},
        }
    )
    return Job(config, cache, engine=engine, secret_path=folder / "secret", folder=folder)


@pytest.mark.model
def test_processes_give_the_tables_of_a_local_run_though_one_is_killed(
    tmp_path: Path, model_cache: Path
) -> None:
    write_files(tmp_path)
    files = sorted((tmp_path / "in").iterdir())
    local, own = (make_job(tmp_path, model_cache, engine) for engine in ("local", "processes"))
    killer = Killer()
    assert run_all(replace(own, progress=killer), files) == run_all(local, files)
    assert dump(own.config.store.url) == dump(local.config.store.url)
    assert not list(own.lake.iterdir())
    # What is known needs no worker.
    assert run_all(replace(own, progress=NoWorkers()), files)["n_new"] == 0


def list_session(leader: int) -> list[int]:
    """The processes of a session that have not ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, session, *_ = path.read_text().rpartition(")")[2].split()
            if int(session) == leader and state != "Z":
                found.append(int(path.parent.name))
    return found


def stop_in_the_middle(folder: Path, cache: Path, number: int) -> tuple[int, str]:
    """Begin a run, and end it once a shard is done and the next is under way; what it said.

    Ctrl-C and SIGTERM reach all processes, as they do at a terminal and from systemd.
    """
    process = subprocess.Popen(
        (sys.executable, "-m", "pipelines", "run", "r.csv", "--config", "earful.toml"),
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "EARFUL_CACHE": str(cache),
            "XDG_CONFIG_HOME": str(folder),
        },
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    n_done = len(list_done(folder))
    wait_for(lambda: len(list_done(folder)) > n_done)
    others = [pid for pid in list_session(process.pid) if pid != process.pid]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    if number == signal.SIGKILL:
        process.kill()
    else:
        os.killpg(process.pid, number)
    process.wait(timeout=60)
    for pid in others:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    wait_for(lambda: not list_session(process.pid), 20)
    assert process.stderr is not None
    return process.returncode, process.stderr.read()


def list_done(folder: Path) -> list[str]:
    return [line for path in folder.glob("lake/*/*/ledger.jsonl") for line in path.open()]


@pytest.mark.model
def test_a_run_that_is_stopped_leaves_no_process_and_what_is_done(
    tmp_path: Path, model_cache: Path
) -> None:
    rows = "".join(f"L{n},The food was cold {n} and the rest was warm\n" for n in range(3_000))
    (tmp_path / "r.csv").write_text("id,comment\n" + rows)
    (tmp_path / "earful.toml").write_text(
        f"[store]\nurl = 'sqlite:///{tmp_path}/earful.db'\n"
        "[engine]\nname = 'processes'\nworkers = 1\nlake = 'lake'\nshard_rows = 20\n"
    )
    for number in (signal.SIGINT, signal.SIGKILL, signal.SIGTERM):
        code, said = stop_in_the_middle(tmp_path, model_cache, number)
        assert "Traceback" not in said
        if number == signal.SIGKILL:
            assert code == -number
        else:
            assert code == 1, said
            assert "the same command goes on from there" in said
    done = list_done(tmp_path)
    assert 3 <= len(done) == len(set(done)) < 150  # and none was made twice
    assert len(list(tmp_path.glob("lake/*/*/shards/*/rows.parquet"))) >= len(done)
