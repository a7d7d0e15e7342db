"""A run that is stopped or killed costs nothing: the next one goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from pipelines import tables
from pipelines.config import Config
from pipelines.job import Job
from pipelines.store import open_store
from tests.pipelines.test_run import dump, make_rows, run_all, write_csv

pytestmark = pytest.mark.model

ROOT = Path(__file__).parents[2]


def run_program(
    arguments: list[str], folder: Path, cache: Path, **options: Any
) -> "subprocess.Popen[str]":
    environment = {
        **os.environ,
        "EARFUL_CACHE": str(cache),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


N_STOPPED_ROWS = 150


@pytest.fixture(scope="module")
def unstopped(
    tmp_path_factory: pytest.TempPathFactory, model_cache: Path
) -> tuple[Path, dict[str, list[Any]]]:
    """A folder with the secret, and the tables of a run that nobody stopped."""
    folder = tmp_path_factory.mktemp("unstopped")
    write_csv(folder / "r.csv", make_rows(N_STOPPED_ROWS))
    run_here(folder, model_cache)
    return folder, dump(f"sqlite:///{folder}/earful.db")


def run_here(folder: Path, cache: Path) -> dict[str, int]:
    """What the program does in a folder, without a process of its own."""
    config = Config.model_validate({"store": {"url": f"sqlite:///{folder}/earful.db"}})
    job = Job(config, cache, secret_path=folder / "config" / "earful" / "secret")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        return run_all(job, Path("r.csv"))


def _stop_run(
    folder: Path, cache: Path, signal_number: int, last_seen: str, after_s: float
) -> tuple[int, str]:
    """Begin a run, stop it soon after a stage is named, and give its exit code and words."""
    process = run_program(["run", "r.csv"], folder, cache)
    assert process.stderr is not None
    seen: list[str] = []
    for line in process.stderr:
        seen.append(line)
        if last_seen in line:
            break
    time.sleep(after_s)
    process.send_signal(signal_number)
    _, rest = process.communicate(timeout=120)
    return process.returncode, "".join(seen) + rest


def test_a_run_that_is_stopped_leaves_the_store_as_it_was_and_the_next_one_finishes(
    tmp_path: Path, model_cache: Path, unstopped: tuple[Path, dict[str, list[Any]]]
) -> None:
    folder, expected = unstopped
    (tmp_path / "config").symlink_to(folder / "config")
    write_csv(tmp_path / "r.csv", make_rows(N_STOPPED_ROWS))
    for signal_number, last_seen, after_s, statuses in (
        (
            signal.SIGINT,
            "rejected",
            1.0,
            ["interrupted"],
        ),  # reading is over, the encoder is at work
        (signal.SIGKILL, "finding themes", 0.2, ["interrupted", "running"]),
        # Its texts are read: the encoder is not even loaded.
        (signal.SIGTERM, "finding themes", 0.2, ["interrupted"] * 3),
    ):
        code, said = _stop_run(tmp_path, model_cache, signal_number, last_seen, after_s)
        assert "Traceback" not in said
        if signal_number != signal.SIGKILL:
            assert code == 1, said
            assert "the same command goes on from there" in said
        store = open_store(f"sqlite:///{tmp_path}/earful.db")
        with store.read() as connection:
            count = select(func.count()).select_from(tables.feedback)
            assert connection.execute(count).scalar() == 0
            found = connection.execute(select(tables.run.c.status)).scalars()
            assert list(found) == statuses
        store.engine.dispose()
    assert run_here(tmp_path, model_cache)["n_new"] == N_STOPPED_ROWS - 1
    assert dump(f"sqlite:///{tmp_path}/earful.db") == expected


def test_an_interrupt_that_comes_while_an_object_is_removed_is_not_lost() -> None:
    code = """
import time
from pipelines.__main__ import deliver_lost_interrupts
class Removed:
    def __del__(self):
        raise KeyboardInterrupt
deliver_lost_interrupts()
try:
    Removed()
    time.sleep(60)
except KeyboardInterrupt:
    print("stopped")
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert (done.stdout, done.stderr) == ("stopped\n", "")


def test_an_interrupt_while_the_program_is_loaded_says_that_it_stopped() -> None:
    code = """
import os, signal, sys
from pipelines.__main__ import main
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "pipelines.cli.app":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
main()
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "stopped\n")
