"""Ten dashboards read a store while a run writes: no error, no half of a run, how long it takes.

Usage: nice .venv/bin/python scripts/storm_dashboards.py [--readers 10] [--runs 3]
    [--stores sqlite postgresql] [--work FOLDER]

Each dashboard is a process that asks the 16 queries of configs/dashboards/queries.toml over and
over, one every half second, each time in a connection of its own. What it counts in one look must
be the state before the run or that after it. Printed are the median and the 95th percentile of a
query, while nothing else happens and while `earful run` reads a second export.
"""

import argparse
import json
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from sqlalchemy import text  # noqa: E402

from pipelines.store import open_store  # noqa: E402
from scripts.storm_parts import children  # noqa: E402
from scripts.storm_parts.life import STAGES, Life  # noqa: E402
from scripts.storm_parts.places import open_place  # noqa: E402

QUERIES = tomllib.loads((ROOT / "configs/dashboards/queries.toml").read_text(encoding="utf-8"))
PAUSE_S = 0.5
# What a run changes, table by table: half of it would show in one look.
STATE = """
SELECT (SELECT count(*) FROM feedback), (SELECT count(*) FROM mention),
       (SELECT count(*) FROM mention WHERE theme_id IS NOT NULL),
       (SELECT sum(n_mentions) FROM theme), (SELECT count(*) FROM theme_period),
       (SELECT count(*) FROM customer_insight), (SELECT count(*) FROM customer_theme),
       (SELECT count(*) FROM run WHERE status = 'done')
"""


@dataclass
class Seen:
    """What dashboards have seen.

    :param seconds: of each query.
    """

    seconds: list[float] = field(default_factory=list)
    states: set[tuple[int, ...]] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)


def main() -> None:
    """Run the storm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=10)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--stores", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--work", type=Path, help="keep all here")
    given = parser.parse_args()
    children.import_all()
    is_calm = True
    for kind in given.stores:
        root = (given.work or Path(tempfile.mkdtemp(prefix="storm-dashboards-"))) / kind
        root.mkdir(parents=True, exist_ok=True)
        root.parent.chmod(0o755)
        with open_place(kind, root) as place:
            last = [stage.name for stage in STAGES].index("run, new rows")
            life = Life(place)
            life.live(STAGES[: last + 1])
            is_calm &= compare_readers(kind, life, given.readers, given.runs)
        if given.work is None:
            shutil.rmtree(root.parent, ignore_errors=True)
    sys.exit(0 if is_calm else 1)


def compare_readers(kind: str, life: Life, n_readers: int, n_runs: int) -> bool:
    """Read without a run and during runs; print both, and say whether all was sound."""
    place, stage = life.place, STAGES[[each.name for each in STAGES].index("run, new rows")]
    idle, busy, allowed = Seen(), Seen(), set()
    for _ in range(n_runs):
        place.put_back(stage.slug)
        allowed.add(read_state(place.url))
        with reading(place.url, n_readers, place.folder, idle):
            time.sleep(life.short[stage.name].seconds)
        with reading(place.url, n_readers, place.folder, busy):
            ended = children.run(place.folder, life.fill_in(stage), place.url)
            if ended.code != 3:
                busy.errors.append(ended.said)
        allowed.add(read_state(place.url))
    halves = (idle.states | busy.states) - allowed
    print(f"{kind}, {n_readers} dashboards, {n_runs} runs:")
    for name, seen in (("nothing else", idle), ("during a run", busy)):
        parts = quantiles(seen.seconds, n=20)
        print(
            f"  {name}: {len(seen.seconds):,} queries, median {parts[9] * 1000:.1f} ms, "
            f"95 % within {parts[18] * 1000:.1f} ms, {len(seen.errors)} errors"
        )
    ratio = quantiles(busy.seconds, n=20)[18] / quantiles(idle.seconds, n=20)[18]
    print(f"  ratio of the 95th percentiles {ratio:.2f}; {len(halves)} states of half a run")
    print(f"  both states were seen: {allowed <= busy.states}", flush=True)
    for error in {*idle.errors, *busy.errors}:
        print(f"  ERROR {error}", flush=True)
    return not (halves or idle.errors or busy.errors)


def read_state(url: str) -> tuple[int, ...]:
    """What dashboards count, now."""
    store = open_store(url)
    with store.read() as connection:
        found = tuple(int(each or 0) for each in connection.execute(text(STATE)).one())
    store.engine.dispose()
    return found


@contextmanager
def reading(url: str, n_readers: int, folder: Path, seen: Seen) -> Iterator[None]:
    """Have dashboards read meanwhile, and add what they saw."""
    context = multiprocessing.get_context("fork")
    stop = context.Event()
    paths = [folder / f"reader-{number}.json" for number in range(n_readers)]
    readers = [context.Process(target=read_on, args=(url, path, stop)) for path in paths]
    for reader in readers:
        reader.start()
    try:
        yield
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    for path in paths:
        told = json.loads(path.read_text())
        seen.seconds += told["seconds"]
        seen.states |= {tuple(state) for state in told["states"]}
        seen.errors += told["errors"]


def read_on(url: str, path: Path, stop: object) -> None:
    """Be a dashboard until told to stop."""
    rng = random.Random(path.name)
    seconds, states, errors = [], [], []
    store = open_store(url)
    while not stop.wait(PAUSE_S * rng.uniform(0.5, 1.5)):  # type: ignore[attr-defined]
        query = rng.choice(QUERIES["queries"])["sql"]
        try:
            started = time.perf_counter()
            with store.read() as connection:
                connection.execute(text(query)).all()
            seconds.append(time.perf_counter() - started)
            with store.read() as connection:
                states.append([int(each or 0) for each in connection.execute(text(STATE)).one()])
        except Exception as error:  # noqa: BLE001 -- any is what is looked for
            errors.append(repr(error))
    path.write_text(json.dumps({"seconds": seconds, "states": states, "errors": errors}))


if __name__ == "__main__":
    main()
