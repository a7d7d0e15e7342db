"""Files damaged in the ways that files are, and the check that each ends in rows or an error."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC
from pathlib import Path

from pipelines.errors import ConfigError, InputError
from pipelines.reading import (
    BadRow,
    Tally,
    customer_records,
    event_records,
    feedback_items,
    find_files,
    open_tables,
    plan_table,
    sample_table,
)

READERS = {"customers": customer_records, "events": event_records}
MAX_SECONDS = 20.0
Damage = Callable[[bytes, random.Random], bytes]


def _put(data: bytes, at: int, what: bytes) -> bytes:
    return data[:at] + what + data[at:]


def _place(data: bytes, rng: random.Random) -> int:
    return rng.randrange(len(data) + 1)


def cut(data: bytes, rng: random.Random) -> bytes:
    """Truncate, mostly at a whole kilobyte."""
    n_kilobytes = len(data) // 1024
    return data[: 1024 * rng.randint(1, n_kilobytes)] if n_kilobytes else data[: _place(data, rng)]


def flip(data: bytes, rng: random.Random) -> bytes:
    """Change one to three bytes."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def put_nulls(data: bytes, rng: random.Random) -> bytes:
    """Zero bytes in the middle, one or many."""
    return _put(data, _place(data, rng), b"\0" * rng.choice((1, 2, 7, 600)))


def put_mark(data: bytes, rng: random.Random) -> bytes:
    """A byte order mark in the middle."""
    mark = rng.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff"))
    return _put(data, _place(data, rng), mark)


def mix_encodings(data: bytes, rng: random.Random) -> bytes:
    """A line of another encoding among the others."""
    line = "\nשלום לכם, תודה על המשלוח, été,مرحبا\n"
    codec = rng.choice(("cp1255", "cp1256", "cp1252", "utf-16-le", "utf-8", "shift_jis"))
    at = data.find(b"\n", _place(data, rng)) + 1
    return _put(data, at, line.encode(codec, errors="replace"))


def put_signs(data: bytes, rng: random.Random) -> bytes:
    """Quotes, brackets, formulas, bidi controls and zero-width characters where they hurt."""
    signs = ('"', "{", "}", "[", "]", "\\", ",", "\n", "=cmd|'/c calc'!A1", "\u202e", "\u200b")
    return _put(data, _place(data, rng), rng.choice(signs).encode() * rng.choice((1, 1, 3, 2_000)))


def repeat_part(data: bytes, rng: random.Random) -> bytes:
    """A part of the file again, as a broken copy leaves it."""
    start = _place(data, rng)
    part = data[start : start + rng.randint(1, 4_096)]
    return _put(data, _place(data, rng), part)


def widen(data: bytes, rng: random.Random) -> bytes:
    """A line of 10,000 cells, as the header or below it."""
    cells = b",".join(b"c%d" % number for number in range(10_000)) + b"\n"
    return cells + data if rng.random() < 0.5 else _put(data, data.find(b"\n") + 1, cells)


DAMAGES: Sequence[Damage] = (
    *(cut, flip, put_nulls, put_mark, mix_encodings, put_signs, repeat_part),
)
RARE: Sequence[Damage] = (widen,)


def check_file(path: Path) -> str:
    """Read a file to its end and hold it against the promises.

    :returns: `rows`, or `error` where it is refused by one clear message.
    """
    started = time.process_time()
    try:
        read_all(path)
    except (InputError, ConfigError) as error:
        assert str(error), path
        outcome = "error"
    else:
        outcome = "rows"
    assert time.process_time() - started < MAX_SECONDS, path
    return outcome


def read_all(path: Path) -> None:
    """Every row of every table becomes a record or is rejected."""
    (file,) = find_files([str(path)])
    samples = [sample_table(table) for table in open_tables(file)]
    for table, sample in zip(open_tables(file), samples, strict=True):
        plan = plan_table(sample)
        tally = Tally()
        read = READERS.get(plan.kind.kind, feedback_items)
        found = list(read(table, plan.mapping, plan.formats, UTC, tally))
        n_bad = sum(isinstance(each, BadRow) for each in found)
        rows = {each.row_number for each in found if not isinstance(each, BadRow)}
        assert len(found) - n_bad == tally.n_items
        assert sample.n_rows + sample.n_bad == tally.n_rows
        assert len(rows) <= tally.n_rows - n_bad
        assert n_bad + tally.n_items >= tally.n_rows
