"""Time the main job by stage on 20,000 rows of public data, and once more on the same input.

Usage: .venv/bin/python scripts/bench_run.py [--data ../shared/data] [--rows 20000] [--work FOLDER]

The rows are airline tweets, banking77 (train and test) and arbanking77 (train), in equal parts, as
three JSON-lines files. Prints rows a second, the share of each stage, peak memory, and what a
second run on the same input costs and changes.
"""

import argparse
import gzip
import json
import multiprocessing
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

SETS = (
    ("airline", ("sentiment/airline.en",)),
    ("banking", ("themes/banking77_train.en", "themes/banking77_test.en")),
    ("arbanking", ("themes/arbanking77_train.ar",)),
)


STAGES = (
    "read, clean, mask",
    "link",
    "encoder pass",
    "split, store",
    "find themes",
    "judge",
    "publish",
)


class Spent(NamedTuple):
    """Seconds of a stage, and those of them in which the encoder pass was at work too."""

    seconds: float
    beside: float

    @property
    def alone(self) -> float:
        """Seconds that the pass did not hide."""
        return self.seconds - self.beside


class StageClock:
    """Keeps from when to when each stage was at work; the pass has a thread of its own."""

    def __init__(self) -> None:
        self._spans: dict[str, list[tuple[float, float]]] = {}

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Add the time of a block to a stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._spans.setdefault(stage, []).append((started, time.perf_counter()))

    def measure(self, beside: str) -> dict[str, Spent]:
        """Sum the wall time of each stage, and the part of it beside one of them."""
        return {
            stage: Spent(
                sum(end - start for start, end in spans),
                sum(
                    max(0.0, min(end, other_end) - max(start, other_start))
                    for start, end in spans
                    for other_start, other_end in self._spans.get(beside, [])
                ),
            )
            for stage, spans in self._spans.items()
        }


def read_rows(data: Path, names: tuple[str, ...], n: int) -> list[dict[str, Any]]:
    """The first n rows of some sets, as a source would export them."""
    rows: list[dict[str, Any]] = []
    for name in names:
        with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            rows += [json.loads(line) for line in file]
    return [
        {
            "id": row["id"],
            "text": row["text"],
            "created_at": row.get("at"),
            "user": row.get("author"),
        }
        for row in rows[:n]
    ]


def read_sets(data: Path, n_rows: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The input files by name, with about as many rows each."""
    for position, (name, parts) in enumerate(SETS):
        n = n_rows // len(SETS) + (position < n_rows % len(SETS))
        yield name, read_rows(data, parts, n)


def write_input(data: Path, folder: Path, n_rows: int) -> int:
    """Write the input files; the number of rows written."""
    written = 0
    for name, rows in read_sets(data, n_rows):
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
        written += len(rows)
    return written


def watch_stages(clock: StageClock) -> None:
    """Wrap the steps so that the clock sees them; the program itself is not changed."""
    from pipelines import discover, enrich, ingest, job, link, models, publish
    from pipelines.judging import periods

    def wrap(module: Any, name: str, stage: str) -> None:
        original = getattr(module, name)

        def timed(*arguments: Any, **options: Any) -> Any:
            with clock.time(stage):
                return original(*arguments, **options)

        setattr(module, name, timed)

    wrap(ingest, "ingest_feedback", "read, clean, mask")
    wrap(link, "link_feedback", "link")
    wrap(models.Models, "read", "encoder pass")
    wrap(enrich, "enrich_feedback", "split, store")
    wrap(discover, "discover_store", "find themes")
    wrap(periods, "judge_periods", "judge")
    wrap(publish, "publish_insights", "publish")
    wrap(job, "run_steps", "whole run")


def run_once(folder: str) -> dict[str, Any]:
    """One run, and what it measured."""
    clock = StageClock()
    watch_stages(clock)
    from pipelines import job as jobs
    from pipelines.config import Config, user_cache_dir
    from pipelines.inputs import given_inputs
    from pipelines.progress import SilentProgress

    config = Config.model_validate({"store": {"url": f"sqlite:///{folder}/bench.db"}})
    job = jobs.Job(config, user_cache_dir(), secret_path=Path(folder) / "secret")
    given = given_inputs(
        [f"{folder}/input"], source=None, pairs=["id=id", "text=text"], progress=SilentProgress()
    )
    result = jobs.run_steps(job, "run", jobs.STEPS, given)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "spent": clock.measure(beside="encoder pass"),
        "counts": result.counts,
        "peak_mb": usage.ru_maxrss * 1024 / 1e6,
        "cpu_s": usage.ru_utime + usage.ru_stime,
    }


def run_in_process(folder: Path) -> dict[str, Any]:
    """One run in a process of its own, so that its peak memory is its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(run_once, str(folder)).result()


def digest_tables(folder: Path) -> dict[str, str]:
    """A digest of the rows of every table but run."""
    from sqlalchemy import select

    from pipelines.row_digest import RowDigest
    from pipelines.store import open_store
    from pipelines.tables import metadata

    digests = {name: RowDigest(table) for name, table in metadata.tables.items() if name != "run"}
    store = open_store(f"sqlite:///{folder}/bench.db")
    with store.read() as connection:
        for name, digest in digests.items():
            for row in connection.execute(select(metadata.tables[name])):
                digest.add(row)
    return {name: digest.text() for name, digest in digests.items()}


def print_stages(spent: dict[str, Spent], n_rows: int) -> None:
    """A line a stage: seconds, those without the pass, their share of the run, rows a second."""
    whole = spent["whole run"].seconds
    print(f"  {'':<20}{'seconds':>9}{'alone':>9}{'share':>9}{'rows/s':>10}")

    def show(stage: str, seconds: float, alone: float) -> None:
        rate = n_rows / max(seconds, 0.001)
        print(f"  {stage:<20}{seconds:9.1f}{alone:9.1f}{alone / whole:9.1%}{rate:10,.0f}")

    reading = spent["encoder pass"].seconds
    named = 0.0
    for stage in STAGES:
        if stage == "encoder pass":
            show(stage, reading, reading)
        else:
            show(stage, spent[stage].seconds, spent[stage].alone)
            named += spent[stage].alone
    other = whole - reading - named
    show("other", other, other)
    show("whole run", whole, whole)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--work", type=Path, help="keep the store and the input here")
    options = parser.parse_args()
    folder = options.work or Path(tempfile.mkdtemp(prefix="earful-bench-"))
    (folder / "input").mkdir(parents=True, exist_ok=True)
    n_rows = write_input(options.data, folder / "input", options.rows)

    first = run_in_process(folder)
    before = digest_tables(folder)
    second = run_in_process(folder)
    after = digest_tables(folder)
    n_changed = sum(before[name] != after[name] for name in before)

    print(f"{n_rows:,} rows, {first['counts'].get('n_mentions', 0):,} mentions")
    print_stages(first["spent"], n_rows)
    share = first["spent"]["encoder pass"].seconds / first["spent"]["whole run"].seconds
    print(
        f"CPU {first['cpu_s']:.0f} s, peak memory {first['peak_mb']:,.0f} MB (target: under 2,500)"
    )
    print(f"encoder pass: {share:.0%} of the wall time (target: at least 75 %)")
    print(
        f"second run: {second['spent']['whole run'].seconds:.1f} s (target: under 10), "
        f"{n_changed} tables changed (target: 0), peak memory {second['peak_mb']:,.0f} MB"
    )
    if options.work is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
