"""A run whose files are read in shards: the same tables, whatever happens on the way."""

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from nlp.near_copies import fold_words, sketch_texts
from nlp.themes.assignment import KnownThemes
from nlp.themes.centring import zero_means
from pipelines import tables
from pipelines.config_sections import EngineConfig
from pipelines.distributed import dispatcher, engine
from pipelines.distributed.engine import ClusterEngine, size_shards
from pipelines.engine import LOCAL
from pipelines.errors import ConfigError, InputError
from pipelines.inputs import Inputs, given_inputs
from pipelines.job import STEPS, Job, run_steps
from pipelines.loading import FileInput
from pipelines.progress import SilentProgress
from pipelines.reading.cutting import Part
from pipelines.reading.files import find_files
from pipelines.reading.streams import InputFile
from pipelines.recognition import plan_feedback
from pipelines.rights.cleaning import remove_unfinished
from pipelines.selection import Selection, parse_selection
from pipelines.store import open_store
from tests.pipelines.distributed.conftest import HereWorkers
from tests.pipelines.test_run import dump

SAID = (
    "The food was cold and nothing else happened",
    "The food was good. The food was warm and good",
    "Call me at +1 202 555 0123, the food was bad",
    "nothing, with a comma\nand a line",
    "n/a",
    "האוכל היה קר מאוד",
)
Rows = list[dict[str, str]]


def make_rows(n: int) -> Rows:
    return [
        {
            "id": f"R{number:03d}" if number % 5 else "",
            "comment": f"{SAID[number % len(SAID)]} {number % 17}" if number % 11 else "",
            "date": f"2026-{1 + number % 6:02d}-{1 + number % 27:02d}" if number % 13 else "soon",
            "email": f"c{number % 9}@example.com",
        }
        for number in range(n)
    ]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return write_files(tmp_path)


def write_files(parent: Path) -> list[Path]:
    """One of each kind that can be cut; rows come again, in other files and in their own."""
    rows = make_rows(70)
    folder = parent / "in"
    folder.mkdir()
    with (folder / "a.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows([*rows, *rows[:3]])
        file.write('R999,"never closed,2026-01-01,x@example.com\n')
        writer.writerows(rows[3:6])
    lines = [json.dumps(row) for row in rows[40:]]
    (folder / "b.jsonl").write_text("\n".join([*lines[:9], "{broken", *lines[9:]]), "utf-8")
    pq.write_table(pa.Table.from_pylist(make_rows(90)[50:]), folder / "c.parquet", row_group_size=7)
    return sorted(folder.iterdir())


def run_all(job: Job, files: Sequence[Path], selection: Selection | None = None) -> dict[str, int]:
    paths = [str(path) for path in files]
    given = given_inputs(paths, source=None, pairs=(), progress=SilentProgress())
    inputs = Inputs(given.feedback, given.customers, given.events, selection)
    return run_steps(job, "run", ("customers", "events", *STEPS), inputs).counts


def test_shards_give_the_tables_of_a_local_run(
    files: list[Path], make_job: Callable[..., Job], workers: HereWorkers
) -> None:
    local, ray = make_job("local"), make_job("ray", "ray")
    counts = run_all(local, files)
    assert run_all(ray, files) == counts
    assert counts["n_rejected"] > 4
    assert dump(ray.config.store.url) == dump(local.config.store.url)
    n_shards = workers.done["shard"]
    assert n_shards == 6
    assert not list(ray.lake.iterdir())
    # What is known is not read again, what is new is, and texts that are known are not encoded.
    more = [*files, files[0].with_name("d.csv")]
    more[-1].write_text(
        "id,comment\nN1,The food was cold and nothing else happened 0\nN2,warm food\n"
    )
    assert run_all(ray, more) == run_all(local, more)
    assert workers.done["shard"] == 1
    assert dump(ray.config.store.url) == dump(local.config.store.url)


def test_a_driver_that_died_costs_no_shard_that_was_done(
    files: list[Path], make_job: Callable[..., Job], workers: HereWorkers
) -> None:
    local, ray = make_job("local"), make_job("ray", "ray")
    run_all(local, files)
    workers.dies_after = 4
    with pytest.raises(KeyboardInterrupt):
        run_all(ray, files)
    (folder,) = ray.lake.iterdir()
    shards = folder / "unfinished" / "shards"
    done = sorted(shards.iterdir())
    assert len(done) == 4
    # A shard whose bytes a power loss took, one that the ledger does not know, and half a line.
    (done[0] / "rows.parquet").write_bytes(b"PAR1")
    (shards / ".unplaced-1").mkdir()
    with (folder / "ledger.jsonl").open("a") as ledger:
        ledger.write('{"name": "cut')
    workers.dies_after = None
    run_all(ray, files)
    n_all = sum(len(plan_parts(path)) for path in files)
    assert workers.done["shard"] == n_all - len(done) + 1
    assert dump(ray.config.store.url) == dump(local.config.store.url)


def plan_parts(path: Path) -> Sequence[Part]:
    (file,) = find_files([str(path)])
    return plan_feedback(file, (), part_rows=20, warn=lambda _: None).parts


def test_what_a_killed_run_left_in_the_lake_goes_with_an_erasure_and_with_a_local_run(
    files: list[Path], make_job: Callable[..., Job], workers: HereWorkers
) -> None:
    ray = make_job("ray", "ray")
    local = replace(ray, engine="local")
    workers.dies_after = 1
    for clear in (
        lambda: remove_unfinished(open_store(ray.config.store.url), ray.cache_dir, ray.lake),
        lambda: run_all(local, files[:1]),
    ):
        with pytest.raises(KeyboardInterrupt):
            run_all(ray, files)
        assert list(ray.lake.rglob("rows.parquet"))
        clear()
        assert not list(ray.lake.iterdir())


def test_a_shard_holds_no_personal_data_and_is_private(
    files: list[Path], make_job: Callable[..., Job], workers: HereWorkers
) -> None:
    ray = make_job("ray", "ray")
    workers.dies_after = 5
    with pytest.raises(KeyboardInterrupt):
        run_all(ray, files)
    rows = [repr(pq.read_table(path).to_pylist()) for path in ray.lake.rglob("*.parquet")]
    assert any("<PHONE>" in each for each in rows)
    assert not any("@example.com" in each or "555 0123" in each for each in rows)
    assert all(path.stat().st_mode & 0o77 == 0 for path in ray.lake.rglob("shards"))


def test_days_are_chosen_in_the_shards_and_a_limit_is_refused(
    files: list[Path], make_job: Callable[..., Job], workers: HereWorkers
) -> None:
    local, ray = make_job("local"), make_job("ray", "ray")
    wanted = parse_selection("2026-02-01", "2026-04-30", None, UTC)
    counts = run_all(local, files, wanted)
    assert counts["n_left_out"] > 20
    assert run_all(ray, files, wanted) == counts
    assert dump(ray.config.store.url) == dump(local.config.store.url)
    with pytest.raises(ConfigError, match="--limit cannot be used with --engine ray"):
        run_all(ray, files, Selection(limit=3))
    with open_store(ray.config.store.url).read() as connection:
        assert connection.execute(select(tables.run.c.status)).scalars().all() == ["done"]


def test_a_file_that_cannot_be_read_is_rejected_as_by_a_local_run(
    files: list[Path], make_job: Callable[..., Job], workers: HereWorkers
) -> None:
    local, ray = make_job("local"), make_job("ray", "ray")
    files[1].write_bytes(b"\x1f\x8b damaged")
    for job in (local, ray):
        assert run_all(job, files)["n_rejected"] > 4
    assert dump(ray.config.store.url) == dump(local.config.store.url)
    with pytest.raises(InputError):
        run_all(ray, files[1:2])


def test_near_copies_and_themes_are_told_by_many_workers_as_by_one(
    files: list[Path],
    make_job: Callable[..., Job],
    workers: HereWorkers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "MANY", 5)
    monkeypatch.setattr(engine, "READ_ROWS", 7)
    rng = np.random.default_rng(3)
    words = [f"word{number}" for number in range(30)]
    texts = [" ".join(rng.choice(words, 14)) for _ in range(30)]
    changed = [" ".join(["another", *text.split()[1:]]) for text in texts[:20]]
    sketches = sketch_texts([*texts, *changed, *texts[5:9]])
    every = [fold_words(text) for text in (*texts, *changed, *texts[5:9])]
    is_new = np.arange(len(every)) >= 10
    given = (sketches, is_new, lambda places: [every[place] for place in places])
    own = make_engine(make_job("ray", "ray"), workers)
    assert sorted(own.find_likes(*given)) == sorted(LOCAL.find_likes(*given))
    assert workers.done["collide"] > 32
    vectors = rng.normal(size=(60, 16)).astype("<f4")
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    known = KnownThemes(vectors[:30], ["en"] * 30, np.arange(30, dtype=np.int32) % 3, {})
    new = (["a word"] * 30, vectors[30:], ["en", "de"] * 15, known)
    told = {"registers": [""] * 30, "means": zero_means(16)}
    found, expected = own.assign_themes(*new, **told), LOCAL.assign_themes(*new, **told)
    assert workers.done["assign"] == 5
    assert found.labels.tolist() == expected.labels.tolist()
    assert found.strengths.tolist() == expected.strengths.tolist()
    assert found.reasons == expected.reasons


@pytest.mark.parametrize(
    ("n_bytes", "n_workers", "expected"),
    [
        (12_000_000, 2, 5_000),  # 30,000 rows: three shards a worker
        (1_000_000, 2, 1_000),  # too few for that
        (900_000_000, 2, 20_000),  # too many
        (900_000_000, 64, 11_718),
        (12_000_000, 0, 20_000),  # nobody knows how many there will be
    ],
)
def test_a_file_is_cut_so_that_each_worker_gets_some_of_it(
    n_bytes: int, n_workers: int, expected: int, tmp_path: Path
) -> None:
    path = tmp_path / "comments.csv"
    with path.open("wb") as file:
        file.truncate(n_bytes)
    given = FileInput(InputFile(path.name, path, "delimited", "csv"), "reviews")
    assert size_shards(given, 20_000, n_workers) == expected


def make_engine(job: Job, workers: HereWorkers) -> ClusterEngine:
    """One that has workers, and no store."""
    workers.models = job.models
    made = ClusterEngine(Any, job.models, Any, Any, 20, 0, job.progress)  # type: ignore[arg-type]
    made.use(workers)
    return made


def test_without_an_address_ray_is_started_here_whatever_other_cluster_there_is() -> None:
    given: dict[str, Any] = {}
    fake = SimpleNamespace(init=given.update)
    dispatcher._connect(fake, EngineConfig())
    assert given["address"] == "local"
    dispatcher._connect(fake, EngineConfig(address="head:6379"))
    assert given["address"] == "head:6379"
