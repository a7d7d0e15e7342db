"""Kill earful at random moments over all its stages, run once more, and compare all tables.

Usage: nice .venv/bin/python scripts/storm_kills.py [--kills 200] [--seed 7]
    [--stores sqlite postgresql] [--engine processes|ray] [--vectors lake] [--work FOLDER]

The life is that of a small bundle out of the demo, command by command, with the real encoder. It is
lived twice without a kill first: both must leave the same, or nothing can be compared. Then each
trial puts back what was there before a stage, kills the command (`kill -9`) after a random share of
its processor time or of its seconds, runs the same command once more, and compares all rows of all
tables and the files for others with those of the life that nobody cut short. Where the journal of
an earlier kill is said to be there, the encoder has nothing to read.

With `--engine processes` it is a run with workers that is killed, or one of its workers, with
`--engine ray` the driver of a run on Ray; the run after it, with workers as well, must leave what a
local run does, and none of the processes may be left. Have Ray in a network of its own, whose names
lead nowhere:
unshare --net sh -c 'ip link set lo up; PYTHONPATH=$PWD .venv/bin/python scripts/storm_kills.py ...'
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.storm_parts import children  # noqa: E402
from scripts.storm_parts.life import READING, STAGES, Life, Stage, is_done_already  # noqa: E402
from scripts.storm_parts.places import open_place  # noqa: E402
from tests.pipelines.store_contents import compare_contents  # noqa: E402

# Of the kills, so many times as of the others.
WEIGHTS = {"ingest": 2, "discover": 2, "run, new rows": 3, "sync": 2, "deliver": 2, "forget": 3}
ENCODING = " (encoder at work)"
MAX_TRIES = 6


@dataclass
class Tally:
    """What became of the kills of one stage."""

    kills: int = 0
    too_late: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


def main() -> None:
    """Run the storm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="on each store")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--stores", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--stages", nargs="+", help="only these")
    parser.add_argument("--engine", default="local", choices=["local", "processes", "ray"])
    parser.add_argument("--vectors", default="database", choices=["database", "lake"])
    parser.add_argument("--sure", action="store_true", help="two lives were compared before")
    parser.add_argument("--work", type=Path, help="keep all here")
    given = parser.parse_args()
    children.import_all()
    is_calm = True
    for kind in given.stores:
        root = (given.work or Path(tempfile.mkdtemp(prefix="storm-kills-"))) / kind
        root.mkdir(parents=True, exist_ok=True)
        root.parent.chmod(0o755)
        with open_place(kind, root) as place:
            if given.engine != "local":
                life = Life(place, given.vectors)
                tallies = rage_with_workers(life, given.engine, given.kills, given.seed)
            else:
                life = live_twice(Life(place, given.vectors), is_sure=given.sure)
                tallies = rage(life, given.kills, given.seed, given.stages)
        print_tallies(kind, tallies)
        is_calm &= not any(tally.differences for tally in tallies.values())
        if given.work is None:
            shutil.rmtree(root.parent, ignore_errors=True)
    sys.exit(0 if is_calm else 1)


def live_twice(life: Life, *, is_sure: bool) -> Life:
    """The life that the others are compared with; a second one must leave the same."""
    control = life if is_sure else Life(life.place, life.vectors)
    for each in [life] if is_sure else [control, life]:
        started = time.monotonic()
        each.live()
        print(f"a life took {time.monotonic() - started:.0f} s", flush=True)
    for stage in STAGES:
        if found := compare_contents(control.after[stage.name], life.after[stage.name]):
            raise SystemExit(f"two lives differ after {stage.name} without a kill: {found}")
    return life


def rage(life: Life, n_kills: int, seed: int, only: Sequence[str] | None) -> dict[str, Tally]:
    """Kill so often, spread over the stages."""
    rng = random.Random(seed)
    chosen = [stage for stage in STAGES if not only or stage.name in only]
    plan = [(stage, True) for stage in chosen for _ in range(WEIGHTS.get(stage.name, 1))]
    plan += [(stage, False) for stage in chosen if stage.name in READING]
    tallies: dict[str, Tally] = {}
    for number in range(n_kills):
        stage, has_journal = plan[number % len(plan)]
        name = stage.name + ("" if has_journal or stage.name not in READING else ENCODING)
        tally = tallies.setdefault(name, Tally())
        try_kills(life, stage, has_journal, rng, tally)
        if number % 20 == 19:
            n_kills = sum(each.kills for each in tallies.values())
            n_differences = sum(len(each.differences) for each in tallies.values())
            print(f"{n_kills} kills, {n_differences} differences", flush=True)
    return tallies


def rage_with_workers(life: Life, engine: str, n_kills: int, seed: int) -> dict[str, Tally]:
    """Kill a run with workers so often, or one of its processes; shards of thirty rows."""
    names = [stage.name for stage in STAGES]
    last = names.index("run, new rows")
    life.live(STAGES[: last + 1])
    stage = replace(STAGES[last], arguments=("run", "--engine", engine))
    life.place.put_back(stage.slug)
    life.remove_journal()
    calm = children.run(life.place.folder, stage.arguments, life.place.url)
    if calm.code not in (0, 3):
        raise SystemExit(f"a run with workers and no kill ended with {calm.code}:\n{calm.said}")
    life.spent[stage.name] = calm
    print(f"a run took {calm.seconds:.0f} s", flush=True)
    if found := life.compare(stage):
        raise SystemExit(f"workers give other tables without a kill: {found}")
    rng = random.Random(seed)
    tallies = {f"{stage.name} ({engine})": Tally()}
    if engine == "processes":
        tallies[f"{stage.name}, a worker"] = Tally()
    for number in range(n_kills):
        name = list(tallies)[number % len(tallies)]
        is_worker = name.endswith("a worker")
        attempt = try_worker_kills if is_worker else partial(try_kills, has_journal=False)
        attempt(life, stage, rng=rng, tally=tallies[name])
    return tallies


def try_worker_kills(life: Life, stage: Stage, rng: random.Random, tally: Tally) -> None:
    """Kill a worker a while after it began; the run must do without it."""
    place = life.place
    for _ in range(MAX_TRIES):
        place.put_back(stage.slug)
        life.remove_journal()
        child = children.start(place.folder, life.fill_in(stage), place.url)
        while child.is_running() and not (workers := child.list_workers()):
            time.sleep(0.01)
        after_s = rng.random() * life.spent[stage.name].seconds * 0.5
        time.sleep(after_s)
        if child.is_running() and (workers := child.list_workers()):
            with suppress(ProcessLookupError):
                os.kill(rng.choice(workers), signal.SIGKILL)
            break
        child.wait()
        tally.too_late += 1
    else:
        return
    ended = child.wait()
    tally.kills += 1
    tally.codes[ended.code] += 1
    found = life.compare(stage)
    if ended.code not in (0, 3):
        found.append(f"exit code {ended.code}: {ended.said[-400:]}")
    if found:
        tally.differences.append(f"worker killed after {after_s:.1f} s: {'; '.join(found)}")
        print(f"{stage.name} {tally.differences[-1]}", flush=True)


def try_kills(
    life: Life, stage: Stage, has_journal: bool, rng: random.Random, tally: Tally
) -> None:
    """Kill one command in time; a moment that comes after its end is drawn again."""
    place = life.place
    for attempt in range(MAX_TRIES):
        place.put_back(stage.slug)
        if not has_journal:
            life.remove_journal()
        arguments = life.fill_in(stage)
        took = (life.short if has_journal and stage.name in READING else life.spent)[stage.name]
        share = rng.random() * 0.8**attempt
        # With an engine it is other processes that work.
        by_processor = "--engine" not in arguments and rng.random() < 0.5
        child = children.start(place.folder, arguments, place.url)
        child.wait_for(took.seconds * share, took.cpu_s * share if by_processor else None)
        workers = child.list_workers()
        child.send(signal.SIGKILL)
        killed = child.wait()
        if killed.code == -signal.SIGKILL:
            break
        tally.too_late += 1
    else:
        return
    tally.kills += 1
    again = children.run(place.folder, arguments, place.url)
    tally.codes[again.code] += 1
    found = life.compare(stage)
    found += [f"process {pid} is left" for pid in workers if children.is_worker(pid)]
    if again.code not in (0, 3) and not is_done_already(again.said):
        found.append(f"exit code {again.code}: {again.said[-400:]}")
    if found:
        moment = f"{share:.3f} of its {'processor time' if by_processor else 'seconds'}"
        tally.differences.append(f"killed after {moment}: {'; '.join(found)}")
        print(f"{stage.name} {tally.differences[-1]}", flush=True)


def print_tallies(kind: str, tallies: dict[str, Tally]) -> None:
    """A line a stage."""
    print(f"\n{kind:<34}{'kills':>7}{'too late':>10}{'differences':>13}  exit codes afterwards")
    for name, tally in tallies.items():
        codes = ", ".join(f"{code}: {n}" for code, n in sorted(tally.codes.items()))
        print(f"{name:<34}{tally.kills:7}{tally.too_late:10}{len(tally.differences):13}  {codes}")
    n_kills = sum(tally.kills for tally in tallies.values())
    n_differences = sum(len(tally.differences) for tally in tallies.values())
    print(f"{'all':<34}{n_kills:7}{'':10}{n_differences:13}", flush=True)


if __name__ == "__main__":
    main()
