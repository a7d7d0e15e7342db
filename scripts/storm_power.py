"""Cut the power at random moments: copy the files as they are, torn too, run once more, compare.

Usage: nice .venv/bin/python scripts/storm_power.py [--cuts 60] [--seed 7] [--vectors lake]
    [--work FOLDER]

A command is stopped at a random moment (SIGSTOP) and its folder is copied: what a disk may hold. Of
what SQLite had not yet synced, the tail of its log behind the last commit, a random part is cut off
or overwritten, and the shared memory is lost. A page of the database that stands in the log, and is
being moved out of it, is torn. The journal of the encoder is cut anywhere, or overwritten. Then the
copy is opened, the command is run once more, and all tables are compared with those of a life that
nobody cut short. PostgreSQL's files are its own: scripts/storm_faults.py stops its server at once.
"""

import argparse
import random
import shutil
import signal
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.storm_parts import children  # noqa: E402
from scripts.storm_parts.life import READING, STAGES, Life, Stage, is_done_already  # noqa: E402
from scripts.storm_parts.places import SqlitePlace  # noqa: E402

LOG_HEAD, FRAME_HEAD = 32, 24


def main() -> None:
    """Run the storm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--vectors", default="database", choices=["database", "lake"])
    parser.add_argument("--work", type=Path, help="keep all here")
    given = parser.parse_args()
    root = given.work or Path(tempfile.mkdtemp(prefix="storm-power-"))
    root.mkdir(parents=True, exist_ok=True)
    children.import_all()
    life = Life(SqlitePlace(root), given.vectors)
    life.live()
    rng = random.Random(given.seed)
    torn: Counter[str] = Counter()
    n_cuts = n_differences = 0
    for number in range(given.cuts):
        stage = STAGES[number % len(STAGES)]
        found = cut_power(life, stage, rng, torn)
        if found is None:
            continue
        n_cuts += 1
        n_differences += bool(found)
        for each in found:
            print(f"{stage.name}: {each}", flush=True)
        if number % 20 == 19:
            print(f"{number + 1} cuts", flush=True)
    told = ", ".join(f"{kind} {n}" for kind, n in sorted(torn.items()))
    print(f"{n_cuts} cuts over {len(STAGES)} stages ({told}): {n_differences} differences")
    if given.work is None:
        shutil.rmtree(root, ignore_errors=True)
    sys.exit(1 if n_differences else 0)


def cut_power(life: Life, stage: Stage, rng: random.Random, torn: Counter[str]) -> list[str] | None:
    """Cut one command short; None when it had ended before."""
    place = life.place
    place.put_back(stage.slug)
    arguments = life.fill_in(stage)
    took = (life.short if stage.name in READING else life.spent)[stage.name]
    child = children.start(place.folder, arguments, place.url)
    child.wait_for(took.seconds, took.cpu_s * rng.random())
    child.send(signal.SIGSTOP)
    place.keep("cut")
    child.send(signal.SIGKILL)
    if child.wait().code != -signal.SIGKILL:
        return None
    place.put_back("cut")
    tear(place.folder, rng, torn)
    again = children.run(place.folder, arguments, place.url)
    found = life.compare(stage)
    if again.code not in (0, 3) and not is_done_already(again.said):
        found.append(f"exit code {again.code}: {again.said[-400:]}")
    return found


def tear(folder: Path, rng: random.Random, torn: Counter[str]) -> None:
    """Lose what was not synced of a folder's store and journal."""
    for shared in folder.rglob("*-shm"):
        shared.unlink()
    store = folder / "earful.db"
    log = store.with_name("earful.db-wal")
    if log.exists() and log.stat().st_size > LOG_HEAD:
        tear_log(store, log, rng, torn)
    for journal in (folder / "cache" / "unfinished").glob("*"):
        size = journal.stat().st_size
        if rng.random() < 0.3 and size:
            with journal.open("r+b") as file:
                file.truncate(rng.randrange(size))
            torn["journals cut"] += 1


def tear_log(store: Path, log: Path, rng: random.Random, torn: Counter[str]) -> None:
    """Cut the log behind its last commit, and tear a page of the store that the log holds."""
    content = log.read_bytes()
    frames = list(read_frames(content))
    size = struct.unpack(">I", content[8:12])[0]
    synced = max((end for _, is_commit, end in frames if is_commit), default=LOG_HEAD)
    if len(content) > synced:
        place = rng.randrange(synced, len(content))
        if rng.random() < 0.5:
            content = content[:place]
            torn["logs cut"] += 1
        else:
            content = content[:place] + rng.randbytes(len(content) - place)
            torn["logs overwritten"] += 1
        log.write_bytes(content)
    held = sorted({page for page, _, end in frames if end <= synced})
    if held and store.stat().st_size >= size:
        page = rng.choice(held)
        with store.open("r+b") as file:
            if page * size <= store.stat().st_size:
                file.seek((page - 1) * size + size // 2)
                file.write(rng.randbytes(size // 2))
                torn["pages torn"] += 1


def read_frames(content: bytes) -> Iterator[tuple[int, bool, int]]:
    """Page, whether it ends a transaction, and where each frame of a log ends.

    https://sqlite.org/fileformat2.html#walformat
    """
    size = struct.unpack(">I", content[8:12])[0]
    salts = content[16:24]
    for start in range(LOG_HEAD, len(content) - FRAME_HEAD - size + 1, FRAME_HEAD + size):
        page, n_pages = struct.unpack(">II", content[start : start + 8])
        if content[start + 8 : start + 16] != salts:
            return
        yield page, bool(n_pages), start + FRAME_HEAD + size


if __name__ == "__main__":
    main()
