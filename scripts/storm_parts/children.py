"""Earful in processes of their own, forked from this one: the libraries are imported only once.

What a child does from its arguments on is what the program does. This process must have no thread
but its first: of the others a fork keeps nothing.
"""

import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_S = 300.0
HANGS = -999


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    :param code: its exit code; below zero the signal that killed it.
    """

    code: int
    said: str
    seconds: float
    cpu_s: float


class Child:
    """A command under way; see `start`."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid = pid
        self._log = log
        self._started = time.monotonic()
        self._code: int | None = None
        self._cpu_s = 0.0

    def send(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self._poll() is None:
            os.kill(self.pid, number)

    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._poll() is None

    def read(self) -> str:
        """What it has said so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def list_workers(self) -> list[int]:
        """The processes that it has spawned to work for it."""
        found: list[int] = []
        for path in Path(f"/proc/{self.pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [int(pid) for pid in path.read_text().split() if is_worker(int(pid))]
        return found

    def wait_for(self, seconds: float, cpu_s: float | None = None) -> None:
        """Wait until it has run so long, or has had so much of a processor; or has ended."""
        while self._poll() is None:
            if cpu_s is None and time.monotonic() - self._started >= seconds:
                return
            if cpu_s is not None and self._spent_s() >= cpu_s:
                return
            time.sleep(0.001)

    def wait(self) -> Ended:
        """Wait for its end; killed when that takes too long, which counts as a hang."""
        deadline = self._started + TIMEOUT_S
        while (code := self._poll()) is None:
            if time.monotonic() > deadline:
                self.send(signal.SIGKILL)
                code = HANGS
                break
            time.sleep(0.005)
        return Ended(code, self.read(), time.monotonic() - self._started, self._cpu_s)

    def _poll(self) -> int | None:
        if self._code is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
                self._cpu_s = usage.ru_utime + usage.ru_stime
        return self._code

    def _spent_s(self) -> float:
        """Processor time of its threads that are there."""
        spent = 0
        for task in Path(f"/proc/{self.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                spent += int(task.read_text().split()[0])
        return spent / 1e9


def is_worker(pid: int) -> bool:
    """Whether a process is there that a run has spawned."""
    with contextlib.suppress(OSError):
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def import_all() -> None:
    """Import what the commands import, and what starts no threads."""
    import importlib
    import pkgutil

    import pipelines
    from nlp.syntax import import_spacy
    from nlp.themes.discovery import import_libraries

    for found in pkgutil.walk_packages(pipelines.__path__, "pipelines."):
        if "__main__" not in found.name and "migrations" not in found.name:
            importlib.import_module(found.name)
    import_spacy()
    import_libraries()
    gc.collect()
    gc.freeze()  # else each child looks through all of it


def start(
    folder: Path,
    arguments: Sequence[str],
    url: str,
    before: Callable[[], object] = lambda: None,
) -> Child:
    """Start `earful ARGUMENTS` in a folder, which holds its cache and its secret.

    :param before: what the child does first.
    """
    log = folder.parent / "log.txt"  # whatever becomes of the folder's disk
    log.write_bytes(b"")
    sys.stdout.flush()
    sys.stderr.flush()
    if pid := os.fork():
        return Child(pid, log)
    code = 70
    try:
        stream = os.open(log, os.O_WRONLY | os.O_APPEND)
        os.dup2(stream, 1)
        os.dup2(stream, 2)
        os.chdir(folder)
        os.environ |= name_places(folder, url)
        sys.argv = ["earful", *arguments]
        before()
        code = _run_main()
    finally:
        os._exit(code)


def name_places(folder: Path, url: str) -> dict[str, str]:
    """The variables by which a command in a folder finds its store, its cache and its secret."""
    return {
        "EARFUL_DB": url,
        "EARFUL_CACHE": str(folder / "cache"),
        "EARFUL_USER": "storm",
        "XDG_CONFIG_HOME": str(folder / "config"),
    }


def _run_main() -> int:
    from pipelines.__main__ import main

    try:
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def run(
    folder: Path,
    arguments: Sequence[str],
    url: str,
    before: Callable[[], object] = lambda: None,
) -> Ended:
    """Run a command to its end."""
    return start(folder, arguments, url, before).wait()
