"""What befalls a cluster, played in a network namespace of its own; prints what came of it.

Run in namespaces of the network and of processes, which end with it: see test_on_ray.py. A task
that hashes a named pipe lasts until somebody writes to it: so each accident happens in the middle
of one.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import Any

from pipelines.config import Config
from pipelines.config_sections import EngineConfig, ModelsConfig
from pipelines.distributed.cluster import Cluster, ClusterError
from pipelines.inputs import given_inputs
from pipelines.job import STEPS, Job, run_steps
from pipelines.loading import FileInput
from pipelines.progress import SilentProgress
from pipelines.reading.streams import InputFile

_WORDS = b"id,comment\n1,late again\n"
_SYSTEM = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 1_000,
    "health_check_failure_threshold": 3,
}


class Told(SilentProgress):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


class Pipes:
    """Named pipes that are hashed, one a task."""

    def __init__(self, folder: Path, n: int) -> None:
        self.paths = [folder / f"pipe{number}.csv" for number in range(n)]
        for path in self.paths:
            path.unlink(missing_ok=True)
            os.mkfifo(path)

    @property
    def inputs(self) -> list[FileInput]:
        return [FileInput(InputFile(p.name, p, "delimited", "csv"), "test") for p in self.paths]

    def fill(self, number: int, former: int) -> None:
        """Write to a pipe once another process than the former one reads it."""
        path = self.paths[number]
        held = os.open(path, os.O_RDWR)  # else its reader would wait for a writer
        while not any(pid != former for pid in find_readers(path)):
            time.sleep(0.05)
        os.write(held, _WORDS)
        os.close(held)

    @contextmanager
    def hold(self, number: int) -> Iterator[None]:
        """Wait until a task has opened a pipe, and let it wait for more."""
        while True:
            with suppress(OSError):
                held = os.open(self.paths[number], os.O_WRONLY | os.O_NONBLOCK)
                break
            time.sleep(0.05)
        yield
        os.close(held)


def main(folder: Path) -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    from ray.cluster_utils import Cluster as Nodes

    small = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    nodes = Nodes(
        initialize_head=True,
        head_node_args={
            **small,
            "num_cpus": 0,
            "include_dashboard": False,
            "_system_config": _SYSTEM,
        },
    )
    for _ in range(2):
        nodes.add_node(**small)
    befalls = {
        "worker": lambda pid, node: os.kill(pid, signal.SIGKILL),
        "node": lambda pid, node: (nodes.remove_node(node, False), nodes.add_node(**small)),
        "link": lambda pid, node: (freeze(pid, node), nodes.add_node(**small)),
        "head": lambda pid, node: freeze(pid, node, nodes.head_node),
    }
    for name in sys.argv[2:]:
        is_run = name == "run"
        found = run_job(folder, nodes.address) if is_run else lose(folder, nodes, befalls[name])
        print(json.dumps({name: found}), flush=True)


def run_job(folder: Path, address: str) -> dict[str, int]:
    """A run of the configuration that lies there, on two models."""
    config = Config.model_validate_json((folder / "config.json").read_text())
    engine = config.engine.model_copy(update={"address": address, "models": 2, "start_s": 120})
    job = Job(
        config.model_copy(update={"engine": engine}),
        folder / "cache",
        engine="ray",
        secret_path=folder / "secret",
        folder=folder,
    )
    given = given_inputs([f"{folder}/in"], source=None, pairs=(), progress=SilentProgress())
    return run_steps(job, "run", STEPS, given).counts


def lose(folder: Path, nodes: Any, befall: Any) -> dict[str, Any]:
    """Let something happen while a task is under way; what the run is told."""
    pipes, told, results = Pipes(folder, 1), Told(), []
    engine = EngineConfig(address=nodes.address, start_s=120, silence_s=30, shard_s=120, models=1)
    started = time.monotonic()

    def do() -> None:
        try:
            with Cluster(engine, ModelsConfig(), folder, folder / "ray.log", told) as cluster:
                results.extend(result for _, result in cluster.map("hash", pipes.inputs))
        except ClusterError as error:
            told.warnings.append(str(error))

    run = Thread(target=do, daemon=True)
    run.start()
    with pipes.hold(0):
        pid, node = find_worker(nodes, pipes.paths[0])
        befall(pid, node)
        while is_reading(pid):
            time.sleep(0.05)
    Thread(target=pipes.fill, args=(0, pid), daemon=True).start()
    run.join()
    is_right = results == [sha256(_WORDS).hexdigest()]
    return {"right": is_right, "told": told.warnings, "seconds": time.monotonic() - started}


def find_worker(nodes: Any, path: Path) -> tuple[int, Any]:
    """The process that reads a pipe, and the node that it is of."""
    by_raylet = {node.all_processes["raylet"][0].process.pid: node for node in nodes.worker_nodes}
    while True:  # a writer may be let in before the reader has its file
        for pid in find_readers(path):
            stat = Path(f"/proc/{pid}/stat").read_text()
            return pid, by_raylet[int(stat.rpartition(")")[2].split()[1])]
        time.sleep(0.05)


def find_readers(path: Path) -> Iterator[int]:
    """Other processes that have a pipe open."""
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) != os.getpid() and path in list(list_files(folder / "fd")):
            yield int(folder.name)


def is_reading(pid: int) -> bool:
    """Whether a process goes on: neither dead nor stopped."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZXT"


def list_files(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        for each in folder.iterdir():
            with suppress(OSError):
                yield each.readlink()


def freeze(pid: int, *nodes: Any) -> None:
    """Stop a worker and what answers for nodes, as a cut link does to those who ask it."""
    os.kill(pid, signal.SIGSTOP)
    for node in nodes:
        for kind in ("raylet", "gcs_server"):
            for each in node.all_processes.get(kind, ()):
                os.kill(each.process.pid, signal.SIGSTOP)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    os._exit(0)  # and with us all processes of the namespace
