"""Show how every stage grows with the rows: time, memory, store, and what one more per cent costs.

    python scripts/bench_scale.py                             # 10,000, 100,000 and 1,000,000 rows
    python scripts/bench_scale.py --rows 10000 100000
    python scripts/bench_scale.py --rows 10000 --encoder real # the encoder pass, too
    python scripts/bench_scale.py --rows 100000 --vectors lake
    python scripts/bench_scale.py --rows 100000 --engine processes

The rows are those of `make_scale_data.py`, with their customers and events. Each size has a store
and a process of its own; then come a run with one per cent new rows and a run with nothing new.
Unless told otherwise the encoder pass is played by a stand-in (`scale_parts/stand_in.py`), as the
goals are of all else: what the pass costs a text is measured by `bench_encoder.py`. "CPU" are the
seconds of the thread that does the stages; the exponent is that of CPU seconds between two sizes.
Those of workers (`--engine processes`) are told apart; memory is that of the run and its workers.
"""

import argparse
import json
import math
import multiprocessing
import resource
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from make_scale_data import Corpus, read_corpus, write_feedback, write_records
from scale_parts.stages import Spent, Stages, watch_stages
from scale_parts.stand_in import fit_stand_in, put_in_place, put_in_workers

ROWS = (10_000, 100_000, 1_000_000)
N_FITTED = 6_000
NEW_SHARE = 0.01
# A stage below so many CPU seconds has no exponent: the clock and the imports are in it.
LEAST_CPU_S = 0.5
MAPPING = ("id=id", "text=text", "at=created_at", "rating=rating", "customer=customer_id")


@dataclass(frozen=True)
class How:
    """How a run is done.

    :param table: of the stand-in; None is the real encoder.
    """

    table: Path | None
    vectors: str
    engine: str


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=list(ROWS))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--encoder", choices=("stand-in", "real"), default="stand-in")
    parser.add_argument("--vectors", choices=("database", "lake"), default="database")
    parser.add_argument("--engine", choices=("local", "processes"), default="local")
    parser.add_argument("--work", type=Path, help="keep all here, and go on from it")
    given = parser.parse_args()
    folder = given.work or Path(tempfile.mkdtemp(prefix="earful-scale-"))
    folder.mkdir(parents=True, exist_ok=True)
    corpus = read_corpus(given.data, given.seed)
    table = None
    if given.encoder == "stand-in":
        table = folder / "stand_in.npy"
        if not table.exists():
            cosine = in_process(fit_stand_in, _list_texts(corpus), _cache_dir(), table)
            print(f"stand-in: cosine {cosine:.2f} to the encoder's vectors")
    how = How(table, given.vectors, given.engine)
    measured = {n: measure_size(corpus, folder / str(n), n, how) for n in sorted(given.rows)}
    print_growth({n: runs["first"] for n, runs in measured.items()})
    for n, runs in measured.items():
        print_later(n, runs)
    if given.work is None:
        shutil.rmtree(folder)


def measure_size(corpus: Corpus, folder: Path, n: int, how: How) -> dict[str, Any]:
    """The first run of a size, one with one per cent new rows, and one with nothing new.

    What was measured before stays in the folder, and is not measured again.
    """
    kept = folder / "measured.json"
    if kept.exists():
        runs: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        return {name: {**run, "spent": _read_spent(run["spent"])} for name, run in runs.items()}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    n_distinct = write_feedback(corpus, folder / "first.csv", range(n))
    write_records(corpus, folder, range(n))
    print(f"{n:,} rows: {n_distinct / n:.1%} of the texts distinct", flush=True)
    n_new = round(n * NEW_SHARE)
    runs = {"first": in_process(run_once, folder, ["customers", "events", "first"], how)}
    print_stages(runs["first"]["spent"], n)
    write_feedback(corpus, folder / "more.csv", range(n, n + n_new))
    runs["more"] = in_process(run_once, folder, ["first", "more"], how)
    runs["none"] = in_process(run_once, folder, ["first", "more"], how)
    kept.write_text(json.dumps(runs, default=asdict), encoding="utf-8")
    return runs


def _read_spent(spent: dict[str, Any]) -> dict[str, Spent]:
    return {stage: Spent(**each) for stage, each in spent.items()}


def run_once(folder: Path, names: Sequence[str], how: How) -> dict[str, Any]:
    """One run over some files, and what it took."""
    from pipelines import job as jobs
    from pipelines.config import Config
    from pipelines.inputs import Inputs, given_inputs
    from pipelines.progress import SilentProgress

    if how.table:
        put_in_place(how.table)
        put_in_workers(how.table)
    stages = Stages()
    watch_stages(stages)
    config = Config.model_validate(
        {
            "store": {"url": f"sqlite:///{folder}/store.db", "vectors": how.vectors},
            "engine": {"lake": f"{folder}/lake"},
        }
    )
    job = jobs.Job(config, _cache_dir(), secret_path=folder / "secret", engine=how.engine)
    started, cpu = time.perf_counter(), time.process_time()
    with stages.watch():
        progress = SilentProgress()
        feedback = [f"{folder}/{name}.csv" for name in names if name in ("first", "more")]
        records = [f"{folder}/{name}.csv" for name in names if name in ("customers", "events")]
        said = given_inputs(feedback, source="scale", pairs=MAPPING, progress=progress)
        known = (
            given_inputs(records, source=None, pairs=[], progress=progress) if records else Inputs()
        )
        inputs = Inputs(said.feedback, known.customers, known.events)
        result = jobs.run_steps(job, "run", (*jobs.READING_STEPS, *_analysing_steps()), inputs)
    usage, workers = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {
        "spent": stages.spent,
        "counts": result.counts,
        "seconds": time.perf_counter() - started,
        "cpu_s": time.process_time() - cpu,
        "workers_cpu_s": workers.ru_utime + workers.ru_stime,
        "peak_mb": max(usage.ru_maxrss * 1024 / 1e6, stages.peak_mb),
        "store_mb": size_mb([folder / "store.db"]),  # its log goes with its last reader
        "lake_mb": size_mb(folder.glob("lake/**/*.parquet")),
    }


def size_mb(paths: Iterable[Path]) -> float:
    """Bytes of files, in millions."""
    return sum(path.stat().st_size for path in paths) / 1e6


def _analysing_steps() -> tuple[str, ...]:
    from pipelines.job import READING_STEPS, STEPS

    return tuple(step for step in STEPS if step not in READING_STEPS)


def _cache_dir() -> Path:
    from pipelines.config import user_cache_dir

    return user_cache_dir()


def _list_texts(corpus: Corpus) -> list[str]:
    return sorted({corpus.text(number) for number in range(N_FITTED)})


def in_process(function: Any, *arguments: Any) -> Any:
    """Call a function in a process of its own, so that its peak memory is its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


def print_stages(spent: dict[str, Spent], n: int) -> None:
    """A line a stage of one run."""
    print(f"  {'':<24}{'seconds':>9}{'CPU':>9}{'rows/CPU s':>12}{'peak MB':>9}")
    for stage, each in spent.items():
        rate = n / max(each.cpu_s, 0.001)
        print(
            f"  {stage:<24}{each.seconds:9.1f}{each.cpu_s:9.1f}{rate:12,.0f}{each.peak_mb:9,.0f}",
            flush=True,
        )


def print_growth(runs: dict[int, dict[str, Any]]) -> None:
    """CPU seconds of each stage by size, and the exponent between each two sizes."""
    sizes = list(runs)
    heads = "".join(f"{f'{n:,}':>12}" for n in sizes)
    print(f"\nCPU seconds{'':<15}{heads}   exponent")
    stages = dict.fromkeys(stage for run in runs.values() for stage in run["spent"])
    for stage in stages:
        took = [runs[n]["spent"].get(stage, Spent()).cpu_s for n in sizes]
        print(f"  {stage:<24}{_list(took)}   {_describe_growth(sizes, took)}")
    whole = [run["cpu_s"] for run in runs.values()]
    print(f"  {'all threads':<24}{_list(whole)}   {_describe_growth(sizes, whole)}")
    elsewhere = [run["workers_cpu_s"] for run in runs.values()]
    print(f"  {'workers':<24}{_list(elsewhere)}   {_describe_growth(sizes, elsewhere)}")
    seconds = [run["seconds"] for run in runs.values()]
    print(f"  {'by the clock':<24}{_list(seconds)}   {_describe_growth(sizes, seconds)}")


def _list(numbers: Sequence[float]) -> str:
    return "".join(f"{number:12,.1f}" for number in numbers)


def _describe_growth(sizes: Sequence[int], took: Sequence[float]) -> str:
    pairs = zip(sizes, sizes[1:], took, took[1:], strict=False)
    return "  ".join(
        f"{math.log(high / low) / math.log(more / n):5.2f}" if low >= LEAST_CPU_S else "    -"
        for n, more, low, high in pairs
    )


def print_later(n: int, runs: dict[str, dict[str, Any]]) -> None:
    """What memory, store and the later runs of a size came to."""
    first, more, none = runs["first"], runs["more"], runs["none"]
    counts = first["counts"]
    print(
        f"\n{n:,} rows: {counts['n_mentions']:,} mentions, {counts['n_noise']:,} noise; "
        f"{first['seconds']:,.0f} s, "
        f"peak {first['peak_mb']:,.0f} MB, store {first['store_mb']:,.0f} MB, "
        f"lake {first['lake_mb']:,.0f} MB"
    )
    print(
        f"  one per cent new: {more['seconds']:.1f} s, {more['cpu_s'] / first['cpu_s']:.1%} of "
        f"the first run's CPU seconds, peak {more['peak_mb']:,.0f} MB"
    )
    print_stages({name: each for name, each in more["spent"].items() if each.seconds > 0.2}, n)
    print(f"  nothing new: {none['seconds']:.1f} s, peak {none['peak_mb']:,.0f} MB", flush=True)


if __name__ == "__main__":
    main()
