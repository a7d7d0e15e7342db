"""Time the commands that look at themes and edit them, over a store of 200,000 mentions.

    python scripts/bench_edits.py --data ../shared/data
    python scripts/bench_edits.py --data ../shared/data --mentions 20000

The store is made of the labelled sets that ``bench_growth`` repeats: two years of feedback, some of
one mention and some of two, of 20,000 customers in three segments, each label a theme and a fifth
of the mentions in none. It is kept in the work folder; each command works on a copy. Prints wall
and CPU seconds without the start of Python, and rows of themes and mentions that were written.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

sys.path.insert(0, str(Path(__file__).parent))
import bench_growth
from bench_themes import ROOT, SETS

from pipelines import tables
from pipelines.concluding import conclude
from pipelines.config import Config
from pipelines.edits.apply import apply_edits
from pipelines.edits.commands import make_edit
from pipelines.edits.requests import EditRequest
from pipelines.job import Job
from pipelines.overview import list_themes, show_theme
from pipelines.runs import Run, begin_run
from pipelines.store import Store, open_store
from pipelines.themes.why import explain_mention

ENCODER = "multilingual-e5-small-q4@1571fc982750"
START = datetime(2024, 1, 1, tzinfo=UTC)
N_DAYS, N_CUSTOMERS, N_MOVED = 730, 20_000, 500
SEGMENTS = ("small", "middle", "large")
MOODS = (("negative", -0.6), ("neutral", 0.0), ("positive", 0.7))
ROWS_A_BATCH = 2_000


class KeptModels:
    """Named, never loaded: the vectors are in the store."""

    encoder_name = ENCODER
    is_default_encoder = True


class BenchJob(Job):
    """A job that reads no text."""

    models = KeptModels()  # type: ignore[assignment]


def main() -> None:
    options = _parse_options()
    bench_growth._prepare_vectors(options)
    options.work.mkdir(parents=True, exist_ok=True)
    kept = options.work / f"edits-{options.mentions}.db"
    if not kept.exists():
        _fill_store(kept, options)
    print(f"{options.mentions:,} mentions, {kept.stat().st_size / 2**20:,.0f} MB")
    print(f"{'command':34} {'wall s':>7} {'CPU s':>6} {'rows written':>12}")
    for name, command in _list_commands(kept):
        copy = kept.with_name(f"{kept.stem}-copy.db")
        shutil.copyfile(kept, copy)
        try:
            _time_command(name, command, copy)
        finally:
            for path in options.work.glob(f"{copy.name}*"):
                path.unlink()


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--mentions", type=int, default=200_000)
    parser.add_argument("--sets", nargs="+", choices=sorted(SETS), default=bench_growth.BASE_SETS)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=Path("/tmp/earful-bench"))  # noqa: S108
    parser.add_argument("--cache", type=Path, help="where the encoder's folder is kept")
    return parser.parse_args(namespace=argparse.Namespace(loss_sets=()))


def _fill_store(path: Path, options: argparse.Namespace) -> None:
    making = path.with_suffix(".part")
    for left in options.work.glob(f"{making.name}*"):
        left.unlink()
    base = bench_growth._read_base(options)
    store = open_store(f"sqlite:///{making}", create=True)
    with begin_run(store, "bench", config_hash="", lock_timeout_s=5) as run:
        run.facts["encoder"] = ENCODER
        _insert_all(run, tables.customer, _make_customers())
        _insert_all(run, tables.theme, _make_themes(base.labels, run.run_id))
        _insert_mentions(run, base, options.mentions)
        run.mark_changed()
        _bring_up(run)
    store.engine.dispose()
    making.rename(path)


def _bring_up(run: Run) -> None:
    apply_edits(run, KeptModels())  # type: ignore[arg-type]
    conclude(run)


def _insert_all(run: Run, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    for batch in _in_batches(rows):
        run.connection.execute(insert(table), batch)


def _in_batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, ROWS_A_BATCH)):
        yield batch


def _make_customers() -> Iterator[dict[str, Any]]:
    for number in range(N_CUSTOMERS):
        yield {"customer_id": f"c{number}", "segment": SEGMENTS[number % len(SEGMENTS)]}


def _make_themes(labels: list[str], run_id: str) -> Iterator[dict[str, Any]]:
    for label in sorted(set(labels)):
        said = {"name": label, "found_name": label, "lang": "en", "origin": "discovered"}
        states = {"status": "active", "found_status": "active"}
        yield {"theme_id": _name_theme(label), **said, **states, "created_run": run_id}


def _name_theme(label: str) -> str:
    return "t" + sha256(label.encode()).hexdigest()[:12]


def _insert_mentions(run: Run, base: bench_growth.Base, n_mentions: int) -> None:
    vectors = bench_growth.Repeats(base.vectors, n_mentions)
    for rows in _in_batches(range(n_mentions)):
        mentions = [_make_mention(row, base, run.run_id) for row in rows]
        firsts = [each for each in mentions if each["position"] == 0]
        run.connection.execute(insert(tables.mention), mentions)
        run.connection.execute(insert(tables.feedback), [_make_feedback(each) for each in firsts])
        blobs = vectors[slice(rows[0], rows[-1] + 1)].astype("<f2")
        run.connection.execute(
            insert(tables.vector),
            [
                {"text_hash": each["text_hash"], "model": ENCODER, "data": blob.tobytes()}
                for each, blob in zip(mentions, blobs, strict=True)
            ],
        )


def _make_mention(row: int, base: bench_growth.Base, run_id: str) -> dict[str, Any]:
    """Two of three mentions are the first of their feedback."""
    own = row % len(base.texts)
    text = bench_growth._name_text(base.texts[own], row // len(base.texts))
    number, position = (row // 3 * 2 + min(row % 3, 1), int(row % 3 == 2))
    chance = int(sha256(f"{row}".encode()).hexdigest()[:6], 16)
    sentiment, score = MOODS[chance % len(MOODS)]
    return {
        "mention_id": f"f{number:07d}-{position}",
        "feedback_id": f"f{number:07d}",
        "position": position,
        "text": text,
        "text_hash": f"h{row:07d}",
        "lang": base.langs[own],
        "sentiment": sentiment,
        "sentiment_score": score,
        "nearest_theme_id": _name_theme(base.labels[own]),
        "theme_strength": 0.4 if chance % 5 == 0 else 0.8,
        "found_reason": "far_from_all" if chance % 5 == 0 else None,
        "found_run": run_id,
    }


def _make_feedback(mention: dict[str, Any]) -> dict[str, Any]:
    """Of the first mention; 60 % have a customer."""
    number = int(mention["feedback_id"][1:])
    chance = int(sha256(mention["feedback_id"].encode()).hexdigest()[:8], 16)
    return {
        **{name: mention[name] for name in ("feedback_id", "text", "text_hash", "lang")},
        "source": "bench",
        "occurred_at": START + timedelta(days=number * 7919 % N_DAYS),
        "customer_id": f"c{chance % N_CUSTOMERS}" if chance % 10 < 6 else None,
        "enriched_run": "bench",
    }


Command = Callable[[Store, Job], int]


def _list_commands(kept: Path) -> Iterator[tuple[str, Command]]:
    """Name and work; the work gives the rows that it wrote."""
    column = tables.mention.c
    with open_store(f"sqlite:///{kept}").read() as connection:
        one, other, *_ = (each["theme_id"] for each in list_themes(connection))
        moved = select(column.mention_id).where(column.theme_id == one).limit(N_MOVED)
        ids = tuple(connection.execute(moved).scalars())

    def look(show: Callable[[Any], object]) -> Command:
        def work(store: Store, _job: Job) -> int:
            with store.read() as connection:
                show(connection)
            return 0

        return work

    def edit(action: str, theme_id: str | None, **asked: Any) -> Command:
        request = EditRequest(action, theme_id, **asked)
        return lambda _store, job: make_edit(job, request, "bench").n_written

    yield "themes list", look(list_themes)
    yield "themes show", look(lambda connection: show_theme(connection, one, 20))
    yield "themes why", look(lambda connection: explain_mention(connection, ids[0]))
    yield "themes rename", edit("rename", one, text="Another name")
    yield "themes mute", edit("mute", one)
    yield "themes group", edit("group", one, other_id=other)
    yield f"themes move, {len(ids)} mentions", edit("move", other, mention_ids=ids)
    yield "themes merge", edit("merge", one, other_id=other)
    yield "themes split", edit("split", one, mention_ids=ids[:3])
    yield "themes pin --keyword", edit("pin", None, text="Refunds", keywords=("refund",))


def _time_command(name: str, command: Command, copy: Path) -> None:
    config = Config.model_validate({"store": {"url": f"sqlite:///{copy}"}})
    job = BenchJob(config, cache_dir=copy.parent)
    wall, cpu = time.perf_counter(), time.process_time()
    n_written = command(open_store(config.store.url), job)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:34} {wall:7.1f} {cpu:6.1f} {n_written:12,}", flush=True)


if __name__ == "__main__":
    main()
