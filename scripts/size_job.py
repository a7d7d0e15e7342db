"""Measure what a cluster spends on a comment, and reckon from it what a job of many costs.

Usage: .venv/bin/python scripts/size_job.py [--data ../shared/data] [--rows 3000]
       [--comments 100000000] [--core-hour 0.04] [--gb-month 0.02] [--cores 64]

The rows are those of scripts/bench_run.py. Shards are made in this process, without Ray, by what a
model actor calls, and the store is filled from them by what a driver calls. CPU seconds are
counted, not those of the clock: other programs slow the clock only. Memory is reckoned as `earful
run` does before it begins (`pipelines/capacity.py`).
"""

import argparse
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench_run import write_input
from sqlalchemy import func, select

from pipelines.capacity import Load, estimate_need
from pipelines.config import Config, user_cache_dir
from pipelines.distributed import opening, shards
from pipelines.distributed.tasks import Worker, make_models
from pipelines.inputs import given_inputs
from pipelines.job import STEPS, Job, run_steps
from pipelines.progress import SilentProgress
from pipelines.store import open_store
from pipelines.tables import mention

SECONDS_AN_HOUR = 3600


@dataclass
class Rates:
    """What one comment costs: CPU seconds by where they are spent, and bytes by where they lie."""

    read_s: float = 0.0
    encode_s: float = 0.0
    driver_s: float = 0.0
    lake_bytes: float = 0.0
    store_bytes: float = 0.0
    n_mentions: float = 0.0


class Stopwatch:
    """CPU seconds of this process, all threads, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Add what a block spends."""
        before = time.process_time()
        try:
            yield
        finally:
            spent = time.process_time() - before
            self.seconds[name] = self.seconds.get(name, 0.0) + spent


class HereWorkers:
    """Does what the nodes would."""

    def __init__(self, setup: opening.ClusterSetup, watch: Stopwatch) -> None:
        self._models, self._watch = make_models(setup.config.models, setup.cache_dir, 1.0), watch
        self._shared: dict[str, Any] = {}

    def share(self, **values: Any) -> None:
        """Keep values at hand."""
        self._shared |= values

    def map(self, task: str, arguments: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        """Do the tasks one after the other."""
        self._models.load()
        for number, argument in enumerate(arguments):
            with self._watch.time("workers"):
                done = Worker(self._models, self._shared).do(task, argument)
            yield number, done

    def end_reading(self) -> bool:
        """Keep them for the steps to come."""
        return True


def main() -> None:
    options = parse_options()
    with tempfile.TemporaryDirectory() as work:
        rates, n_rows = measure(options.data, Path(work), options.rows)
    print_rates(rates, n_rows)
    print_job(rates, options)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--rows", type=int, default=3_000)
    parser.add_argument("--comments", type=int, default=100_000_000)
    parser.add_argument("--cores", type=int, default=64, help="of the cluster")
    parser.add_argument("--core-hour", type=float, default=0.04, help="price of a core for an hour")
    parser.add_argument("--memory-gb", type=int, default=64, help="of the driver")
    parser.add_argument("--disk-gb", type=int, default=1_000, help="of the store")
    parser.add_argument("--gb-month", type=float, default=0.02, help="price of a GB for a month")
    return parser.parse_args()


def measure(data: Path, work: Path, n_rows: int) -> tuple[Rates, int]:
    """Run on a sample; what a row costs."""
    (work / "in").mkdir()
    n_rows = write_input(data, work / "in", n_rows)
    watch, sizes = Stopwatch(), []

    @contextmanager
    def start(setup: opening.ClusterSetup, _lake: Any) -> Iterator[HereWorkers]:
        yield HereWorkers(setup, watch)

    def note_size(order: shards.ShardOrder, *rest: Any) -> Any:
        receipt = make_shard(order, *rest)
        folder = order.folder / order.name
        sizes.append(sum(path.stat().st_size for path in folder.iterdir()))
        return receipt

    def read_timed(*arguments: Any) -> Any:
        with watch.time("encode"):
            return read_texts(*arguments)

    make_shard, read_texts = shards.make_shard, shards.read_texts
    url = f"sqlite:///{work}/store.db"
    settings = {"store": {"url": url}, "engine": {"lake": str(work / "lake")}}
    job = Job(
        Config.model_validate(settings),
        user_cache_dir(),
        engine="ray",
        secret_path=work / "secret",
    )
    given = given_inputs([str(work / "in")], source=None, pairs=(), progress=SilentProgress())
    with (
        patch.object(opening, "start_workers", start),
        patch("pipelines.distributed.tasks.make_shard", note_size),
        patch.object(shards, "read_texts", read_timed),
        watch.time("all"),
    ):
        run_steps(job, "run", STEPS, given)
    spent = watch.seconds
    rates = Rates(
        read_s=(spent["workers"] - spent["encode"]) / n_rows,
        encode_s=spent["encode"] / n_rows,
        driver_s=(spent["all"] - spent["workers"]) / n_rows,
        lake_bytes=sum(sizes) / n_rows,
        store_bytes=(work / "store.db").stat().st_size / n_rows,
        n_mentions=count_mentions(url) / n_rows,
    )
    return rates, n_rows


def count_mentions(url: str) -> int:
    """Mentions of a store."""
    store = open_store(url)
    with store.read() as connection:
        n_mentions = connection.execute(select(func.count()).select_from(mention)).scalar_one()
    store.engine.dispose()
    return n_mentions


def reckon_memory(rates: Rates, n_comments: float) -> int:
    """Bytes of the driver, as `earful run` reckons them from scripts/bench_scale.py."""
    load = Load(round(n_comments), round(n_comments * rates.n_mentions))
    return estimate_need(Load(), load).memory


def find_most(rates: Rates, memory: float) -> float:
    """Comments whose themes a driver with so many bytes can find."""
    least, most = 0.0, 1e12
    for _ in range(60):
        middle = (least + most) / 2
        if reckon_memory(rates, middle) <= memory:
            least = middle
        else:
            most = middle
    return least


def print_rates(rates: Rates, n_rows: int) -> None:
    print(f"{n_rows:,} rows; of a comment, in the mean")
    print(f"  read, mask, split, sketch  {1e3 * rates.read_s:8.2f} ms of a core of the cluster")
    print(f"  encoder and sentiment      {1e3 * rates.encode_s:8.2f} ms of a core of the cluster")
    print(f"  load, link, themes, judge  {1e3 * rates.driver_s:8.2f} ms of a core of the driver")
    print(f"  lake, until the run ends   {rates.lake_bytes:8,.0f} bytes")
    print(f"  store (SQLite)             {rates.store_bytes:8,.0f} bytes")
    print(f"  mentions                   {rates.n_mentions:8.2f}")


def print_job(rates: Rates, options: argparse.Namespace) -> None:
    n, cores = options.comments, options.cores
    cluster_h = n * (rates.read_s + rates.encode_s) / SECONDS_AN_HOUR
    driver_h = n * rates.driver_s / SECONDS_AN_HOUR
    lake_gb, store_gb = n * rates.lake_bytes / 1e9, n * rates.store_bytes / 1e9
    price = (cluster_h + driver_h) * options.core_hour
    stored = store_gb * options.gb_month
    print(f"{n:,} comments, {cores} cores at {options.core_hour:g} an hour:")
    print(f"  cluster  {cluster_h:10,.0f} core hours, {cluster_h / cores:,.1f} hours")
    print(f"  driver   {driver_h:10,.0f} core hours, on one core: {driver_h:,.1f} hours")
    print(f"  lake     {lake_gb:10,.0f} GB, until the run has committed")
    print(f"  store    {store_gb:10,.0f} GB")
    print(f"  memory   {reckon_memory(rates, n) / 1e9:10,.0f} GB of the driver, to find themes")
    print(f"  price    {price:10,.0f} to compute, {1e6 * price / n:,.2f} a million comments;")
    print(f"           {stored:10,.0f} a month to keep the store at {options.gb_month:g} a GB")
    breaks = {
        f"memory: a driver of {options.memory_gb} GB": find_most(rates, options.memory_gb * 1e9),
        "time: a driver that may take a day": 24 * SECONDS_AN_HOUR / rates.driver_s,
        f"disk: a store of {options.disk_gb:,} GB": options.disk_gb * 1e9 / rates.store_bytes,
    }
    print("what breaks first:")
    for what, n_most in sorted(breaks.items(), key=lambda item: item[1]):
        print(f"  {what} holds {n_most / 1e6:,.0f} million comments")


if __name__ == "__main__":
    main()
