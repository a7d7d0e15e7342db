"""Fill the disk, take the memory, cut the connection: what earful says, and what it loses.

Usage: nice .venv/bin/python scripts/storm_faults.py [--trials 6] [--seed 7]
    [--stores sqlite postgresql] [--work FOLDER]

The command is the second `earful run` of a small bundle, which reads, links, finds themes, judges
and publishes. Each fault comes at a random moment of it, or from a random size on. The command has
to end by itself with the exit code of the design (1, or 0 and 3 where the fault came too late), and
with one sentence for people instead of a traceback. Then the fault is mended, the command is run
once more, and all tables are compared with those of a run without any fault.

Filling and cutting disks takes root (tmpfs and ext4 are mounted); the clock takes libfaketime.
"""

import argparse
import itertools
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from sqlalchemy.engine import make_url  # noqa: E402

from pipelines import bulk  # noqa: E402
from scripts.storm_parts import children  # noqa: E402
from scripts.storm_parts.life import STAGES, Life, Stage  # noqa: E402
from scripts.storm_parts.places import DISCONNECT, Place, PostgresPlace, open_place  # noqa: E402
from tests.pipelines.store_copies import do_on_server  # noqa: E402

MB = 2**20
# The command copies some 700 rows: the last of these trials come too late.
MAX_COPIED = 700
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


@dataclass
class Tally:
    """What became of the trials with one fault.

    :param said: what was said, and how often.
    """

    codes: Counter[int] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@dataclass
class Storm:
    """The life, the command under test and chance."""

    life: Life
    stage: Stage
    rng: random.Random

    @property
    def place(self) -> Place:
        """Where it happens."""
        return self.life.place

    def start(self, before: Callable[[], object] = lambda: None) -> children.Child:
        """Start the command."""
        return children.start(
            self.place.folder, self.life.fill_in(self.stage), self.place.url, before
        )

    def wait_somewhat(self, child: children.Child) -> None:
        """Wait until a random moment of the command."""
        took = self.life.short[self.stage.name]
        child.wait_for(took.seconds, took.cpu_s * self.rng.random())


Fault = Callable[[Storm], children.Ended]


def fill_disk(storm: Storm) -> children.Ended:
    """A disk with a random rest of space."""
    used = sum(path.stat().st_size for path in storm.place.folder.rglob("*") if path.is_file())
    size = used + storm.rng.randrange(64 * 1024, 4 * MB)
    with mounted(storm.place.folder, "tmpfs", f"size={size}"):
        return storm.start().wait()


def cut_disk(storm: Storm) -> children.Ended:
    """The kernel turns the file system read-only, as after an error of the disk."""
    image = storm.place.root / "disk.img"
    with image.open("wb") as file:
        file.truncate(256 * MB)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    with mounted(storm.place.folder, str(image), "loop"):
        child = storm.start()
        storm.wait_somewhat(child)
        subprocess.run(["mount", "-o", "remount,abort", storm.place.folder], check=True)
        return child.wait()


@contextmanager
def mounted(folder: Path, what: str, options: str) -> Iterator[None]:
    """Have a folder on a file system of its own, and bring back what it holds at the end."""
    content = folder.with_name("unmounted")
    folder.rename(content)
    folder.mkdir()
    kind = ["-t", "tmpfs"] if what == "tmpfs" else []
    subprocess.run(["mount", *kind, "-o", options, what, folder], check=True)
    try:
        shutil.copytree(content, folder, symlinks=True, dirs_exist_ok=True)
        yield
        shutil.rmtree(content)
        shutil.copytree(folder, content, symlinks=True)
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()
        content.rename(folder)


def take_memory(storm: Storm) -> children.Ended:
    """An address space of little more than the libraries take."""
    extra = storm.rng.randrange(1 * MB, 120 * MB)

    def limit() -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        size = pages * resource.getpagesize() + extra
        resource.setrlimit(resource.RLIMIT_AS, (size, size))

    return storm.start(limit).wait()


def terminate(storm: Storm) -> children.Ended:
    """SIGTERM, as schedulers and containers send it."""
    child = storm.start()
    storm.wait_somewhat(child)
    child.send(signal.SIGTERM)
    return child.wait()


def set_clock_back(storm: Storm) -> children.Ended:
    """The clock jumps back by an hour in the middle."""
    folder = storm.place.folder
    offset = folder / "offset"
    offset.write_text("+0")
    environment = {
        **os.environ,
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(ROOT),
        **children.name_places(folder, storm.place.url),
    }
    command = [sys.executable, "-m", "pipelines", *storm.life.fill_in(storm.stage)]
    started = time.monotonic()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as child:
        time.sleep(storm.rng.random() * 3 * storm.life.short[storm.stage.name].seconds)
        offset.write_text("-1h")
        said, _ = child.communicate(timeout=children.TIMEOUT_S)
    return children.Ended(child.returncode, said.decode(), time.monotonic() - started, 0.0)


def cut_connections(storm: Storm) -> children.Ended:
    """The server ends all sessions of the command, or one of them."""
    child = storm.start()
    storm.wait_somewhat(child)
    ended = DISCONNECT + (" ORDER BY random() LIMIT 1" if storm.rng.random() < 0.5 else "")
    do_on_server(make_url(storm.place.url), ended.format("storm"))
    return child.wait()


def restart_server(storm: Storm) -> children.Ended:
    """The server is stopped at once, without a word to anybody, and started again."""
    assert isinstance(storm.place, PostgresPlace)
    child = storm.start()
    storm.wait_somewhat(child)
    storm.place.restart()
    return child.wait()


def stop_server_in_copy(storm: Storm) -> children.Ended:
    """The server is stopped at once while it takes the rows of a COPY."""
    assert isinstance(storm.place, PostgresPlace)
    return halt_in_copy(storm, storm.place.restart)


def cut_copy(storm: Storm) -> children.Ended:
    """The server ends the session of a COPY."""
    ended = DISCONNECT.format("storm") + " AND query LIKE 'COPY %'"
    return halt_in_copy(storm, lambda: do_on_server(make_url(storm.place.url), ended))


def halt_in_copy(storm: Storm, befall: Callable[[], object]) -> children.Ended:
    """Have the command stop at a random row that it copies, until something has happened.

    Where it copies fewer rows than that, nothing happens.
    """
    halt, number = storm.place.root / "in a COPY", storm.rng.randrange(1, MAX_COPIED)

    def watch() -> None:
        rows, make_writer = itertools.count(1), bulk._row_writer

        def make_slow(*given: Any) -> Callable[[Any], Any]:
            write = make_writer(*given)

            def write_row(row: Any) -> Any:
                if next(rows) == number:
                    halt.touch()
                    while halt.exists():
                        time.sleep(0.01)
                return write(row)

            return write_row

        bulk._row_writer = make_slow

    halt.unlink(missing_ok=True)
    child = storm.start(watch)
    try:
        while not halt.exists() and child.is_running():
            time.sleep(0.005)
        if halt.exists():
            befall()
    finally:
        halt.unlink(missing_ok=True)
    return child.wait()


FAULTS: dict[str, dict[str, Fault]] = {
    "sqlite": {
        "disk full": fill_disk,
        "disk turned read-only": cut_disk,
        "memory taken": take_memory,
        "SIGTERM": terminate,
        "clock set back": set_clock_back,
    },
    "postgresql": {
        "sessions ended by the server": cut_connections,
        "server stopped at once": restart_server,
        "server stopped in a COPY": stop_server_in_copy,
        "session ended in a COPY": cut_copy,
        "memory taken": take_memory,
        "SIGTERM": terminate,
        "clock set back": set_clock_back,
    },
}


def main() -> None:
    """Run the storm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=6, help="with each fault")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--stores", nargs="+", default=[*FAULTS], choices=[*FAULTS])
    parser.add_argument("--faults", nargs="+", help="only these")
    parser.add_argument("--work", type=Path, help="keep all here")
    given = parser.parse_args()
    children.import_all()
    n_wrong = 0
    for kind in given.stores:
        root = (given.work or Path(tempfile.mkdtemp(prefix="storm-faults-"))) / kind
        root.mkdir(parents=True, exist_ok=True)
        root.parent.chmod(0o755)
        with open_place(kind, root) as place:
            life = Life(place)
            names = [stage.name for stage in STAGES]
            last = names.index("run, new rows")
            life.live(STAGES[: last + 1])
            storm = Storm(life, STAGES[last], random.Random(given.seed))
            for name, fault in FAULTS[kind].items():
                if not given.faults or name in given.faults:
                    n_wrong += print_tally(kind, name, try_fault(storm, fault, given.trials))
        if given.work is None:
            shutil.rmtree(root.parent, ignore_errors=True)
    sys.exit(1 if n_wrong else 0)


def try_fault(storm: Storm, fault: Fault, n_trials: int) -> Tally:
    """Have a fault so often; mend it each time, and compare after one more run."""
    tally = Tally()
    for _ in range(n_trials):
        storm.place.put_back(storm.stage.slug)
        ended = fault(storm)
        tally.codes[ended.code] += 1
        told = [line for line in ended.said.splitlines() if line.startswith(("error", "stopped"))]
        tally.said[" / ".join(told)[:160] or "-"] += 1
        if (
            ended.code not in (0, 1, 3)
            or "Traceback" in ended.said
            or (ended.code == 1) != bool(told)
        ):
            tally.wrong.append(f"ended with {ended.code}: {ended.said[-600:]}")
        again = children.run(storm.place.folder, storm.life.fill_in(storm.stage), storm.place.url)
        found = storm.life.compare(storm.stage)
        if again.code not in (0, 3):
            found.append(f"exit code {again.code} afterwards: {again.said[-400:]}")
        tally.wrong += found
    return tally


def print_tally(kind: str, name: str, tally: Tally) -> int:
    """Print a line a fault and what was said; give the number of what is wrong."""
    codes = ", ".join(f"{code}: {n}" for code, n in sorted(tally.codes.items()))
    print(f"{kind}, {name:<30} exit codes {codes:<20} wrong {len(tally.wrong)}", flush=True)
    for said, n in tally.said.most_common():
        print(f"    {n} x {said}")
    for each in tally.wrong:
        print(f"  WRONG {each}", flush=True)
    return len(tally.wrong)


if __name__ == "__main__":
    main()
