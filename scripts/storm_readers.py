"""Damage files in many ways and read each: an error or rows, never a crash, a hang or a lost row.

Usage: python scripts/storm_readers.py [--inputs 20000] [--seed 7]
Reads tests/data/sources and, where they are, ../shared/data/formats; prints what became of them.
"""

import argparse
import gzip
import json
import random
import socket
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.pipelines.reading.damage import DAMAGES, RARE, check_file  # noqa: E402

FORMATS = ROOT.parent / "shared" / "data" / "formats"
MAX_BYTES = 24_000
RARE_SHARE = 0.002
LARGE_SHARE = 0.005
LARGE_ROWS = 20_000


def load_seeds() -> list[tuple[str, bytes]]:
    """Whole small files, and the beginnings of large ones."""
    own = sorted((ROOT / "tests" / "data" / "sources").iterdir())
    seeds = [(path.name, path.read_bytes()) for path in own if path.name != "expected.json"]
    for path in sorted(FORMATS.glob("*.gz")):
        with gzip.open(path) as stream:
            seeds.append((path.name.removesuffix(".gz"), stream.read(MAX_BYTES)))
    return seeds


def make_workbook() -> bytes:
    """A small workbook with a formula, long text and letters of three scripts."""
    import io

    import xlsxwriter

    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as book:
        sheet = book.add_worksheet()
        rows = [["Review Id", "Comment", "Stars"], ["1", "=1+1", 4], ["2", "האתר נתקע שוב", 1]]
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return stream.getvalue()


def make_parquet() -> bytes:
    """The same table with a list, a struct and a time stamp, in two row groups."""
    import io
    from datetime import UTC, datetime

    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = ["=1+1", "האתר נתקע שוב", None, "The lift is slow \u202e\u200b"]
    stamp = datetime(2026, 5, 1, 12, tzinfo=UTC)
    columns = {
        "Review Id": ["1", "2", "3", "4"],
        "Comment": texts,
        "Stars": [4, 1, None, 5],
        "At": [stamp] * 4,
        "Tags": [["a", "b"], [], None, ["c"]],
        "Author": [{"name": "Dana", "id": 7}] * 4,
    }
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, row_group_size=2)
    return stream.getvalue()


def make_large(rng: random.Random) -> list[tuple[str, bytes]]:
    """Files of some megabytes in each form: damage far behind the sample that decides all."""
    words = ["lift", "courier", "האתר", "slow", "خدمة", "refund", "again", "عالی", "twice"]
    texts = [" ".join(rng.choices(words, k=12)) for _ in range(LARGE_ROWS)]
    lines = [f'{n},"{text}",{n % 5 + 1},2026-01-02' for n, text in enumerate(texts)]
    records = [{"id": str(n), "comment": text, "stars": n % 5} for n, text in enumerate(texts)]
    rows = "\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    return [
        ("large.csv", "\n".join(["Review Id,Comment,Stars,Date", *lines]).encode()),
        ("large.csv.gz", gzip.compress("\n".join(["Id,Comment,Stars,Date", *lines]).encode())),
        ("large.jsonl", rows.encode()),
        ("large.json", json.dumps({"data": records}, ensure_ascii=False, indent=1).encode()),
    ]


def refuse_network(*_: object, **__: object) -> None:
    """Stand in for a socket."""
    raise AssertionError("a reader opened a socket")


def main() -> None:
    """Run the storm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    rng = random.Random(given.seed)
    seeds = [*load_seeds(), ("workbook.xlsx", make_workbook()), ("table.parquet", make_parquet())]
    large = make_large(rng)
    # Only now: what makes the seeds imports ssl, which derives a class of its own from the socket.
    socket.socket = refuse_network  # type: ignore[assignment, misc]
    outcomes: Counter[str] = Counter()
    slowest = (0.0, "")
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.inputs):
            is_large = rng.random() < LARGE_SHARE
            name, data = rng.choice(large) if is_large else seeds[number % len(seeds)]
            chosen = [rng.choice(RARE if rng.random() < RARE_SHARE else DAMAGES)]
            chosen += [rng.choice(DAMAGES)] * (rng.random() < 0.2)
            for damage in chosen:
                data = damage(data, rng)
            path = Path(folder) / name
            path.write_bytes(data)
            started = time.process_time()
            try:
                found = check_file(path)
                outcomes[found] += 1
                outcomes[f"{found} of {path.suffix[1:]}"] += 1
            except Exception:  # noqa: BLE001 - any is what is looked for
                outcomes["FAILED"] += 1
                kept = Path(tempfile.gettempdir()) / f"storm-{number}-{name}"
                kept.write_bytes(data)
                print(f"{kept}: {[each.__name__ for each in chosen]}")
                print(traceback.format_exc(limit=-3))
            slowest = max(slowest, (time.process_time() - started, f"{number} {name}"))
    counts = ", ".join(f"{n:,} {outcome}" for outcome, n in sorted(outcomes.items()))
    print(f"{given.inputs:,} inputs: {counts}; slowest {slowest[0]:.1f} s ({slowest[1]})")
    sys.exit(1 if outcomes["FAILED"] else 0)


if __name__ == "__main__":
    main()
