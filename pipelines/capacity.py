"""Whether a run fits into the memory and onto the disk that there are, told before it begins.

The needs are those that `scripts/bench_scale.py` measured, for texts of which none is said twice;
what they come to is told, not promised.
"""

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select

from pipelines import tables
from pipelines.config_sections import LimitsConfig
from pipelines.errors import EarfulError, NoRoomError
from pipelines.loading import FileInput
from pipelines.reading.opening import open_tables
from pipelines.reading.plans import plan_table
from pipelines.reading.sampling import sample_table
from pipelines.store import Store

# Of the public texts 85 bytes make a mention, in UTF-8.
BYTES_A_MENTION: Final = 85
# Memory: of the models; of each mention while themes are found, which is from so many on in a part
# of them; and of a worker with its models, beside a run that waits for it. By the measurements of
# 2026-11-23: 2.0 GB with 158,000 mentions, 3.7 with 1,580,000, 3.4 with two workers.
BASE_MEMORY: Final = 1_500_000_000
MEMORY_A_MENTION: Final = 3_300
MANY_MENTIONS: Final = 200_000
MEMORY_BEYOND: Final = 1_150
WORKER_MEMORY: Final = 1_500_000_000
WAITING_MEMORY: Final = 500_000_000
# Disk: what stays in the store, what its log holds until the run is committed (the same again), and
# what is kept of an unfinished run.
STORED_A_ROW: Final = 1_250
STORED_A_MENTION: Final = 1_600
KEPT_A_MENTION: Final = 950
# No export has shorter rows, id and date included.
_LEAST_ROW_BYTES: Final = 40
_CGROUP_LIMITS: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@dataclass(frozen=True)
class Load:
    """What there is to read, or was read before."""

    n_rows: int = 0
    n_mentions: int = 0

    def __add__(self, other: "Load") -> "Load":
        return Load(self.n_rows + other.n_rows, self.n_mentions + other.n_mentions)

    def less(self, n_rows: int) -> "Load":
        """Without so many of the rows, if there are so many."""
        left = max(self.n_rows - n_rows, 0)
        return Load(left, round(self.n_mentions * left / max(self.n_rows, 1)))


@dataclass(frozen=True)
class Need:
    """What a run needs at its peak, in bytes.

    :param store: on the disk of the store, where that is a file here.
    :param cache: on the disk of the cache; as much in the lake, where there are workers.
    """

    memory: int
    store: int
    cache: int


@dataclass(frozen=True)
class Places:
    """Where a run works.

    :param limits: what it may use there.
    :param n_workers: processes beside it, which put what they make into the lake.
    """

    limits: LimitsConfig
    cache_dir: Path
    n_workers: int = 0
    lake: Path = Path()


def check_room(store: Store, inputs: Sequence[FileInput], places: Places) -> None:
    """Refuse feedback that a run cannot take in, before a row of it is read.

    What fits even if each byte were new text is not looked at; else the files are read once, to
    count.

    :raises NoRoomError: with what is needed, what there is, and what to do.
    """
    known = _count_known(store)
    size = sum(measure_file(given) for given in inputs)
    bound = Load(size // _LEAST_ROW_BYTES, size // BYTES_A_MENTION)
    if inputs and _find_shortage(store, known, bound, places):
        load = _weigh_new(store, inputs)
        if shortage := _find_shortage(store, known, load, places):
            raise NoRoomError(
                f"{load.n_rows:,} feedback with about {load.n_mentions:,} mentions do not fit: a "
                f"run needs {shortage}. Nothing was read. Read less at once (--since, --limit, "
                "some of the files), make room, or say under [limits] what there really is"
            )


def estimate_need(known: Load, new: Load, n_workers: int = 0) -> Need:
    """What a run needs that reads so much into a store that holds so much."""
    n_mentions = known.n_mentions + new.n_mentions
    n_beyond = max(n_mentions - MANY_MENTIONS, 0)
    memory = MEMORY_A_MENTION * (n_mentions - n_beyond) + MEMORY_BEYOND * n_beyond
    # The workers are gone when themes are found.
    with_workers = WAITING_MEMORY + WORKER_MEMORY * n_workers if n_workers else 0
    stored = STORED_A_ROW * new.n_rows + STORED_A_MENTION * new.n_mentions
    return Need(
        max(BASE_MEMORY + memory, with_workers), 2 * stored, KEPT_A_MENTION * new.n_mentions
    )


def _count_known(store: Store) -> Load:
    with store.read() as connection:
        counts = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (tables.feedback, tables.mention)
        ]
    return Load(*counts)


def _weigh_new(store: Store, inputs: Sequence[FileInput]) -> Load:
    """What files hold beyond what their sources gave before: exports often hold all again."""
    found: dict[str, Load] = {}
    for given in inputs:
        found[given.source] = found.get(given.source, Load()) + _weigh(given)
    source = tables.feedback.c.source
    with store.read() as connection:
        counts: Any = connection.execute(select(source, func.count()).group_by(source))
        stored: dict[str, int] = dict(counts.all())
    return sum((each.less(stored.get(name, 0)) for name, each in found.items()), Load())


def measure_file(given: FileInput) -> int:
    """Bytes of a file; those of a packed one are taken for three times as many."""
    file = given.file
    with suppress(OSError):
        size = file.path.stat().st_size
        return size * 3 if file.member or file.path.suffix != f".{file.ending}" else size
    return 0


def _weigh(given: FileInput) -> Load:
    """Rows of a file and, by the length of the texts in a sample, their mentions."""
    load = Load()
    with suppress(EarfulError):  # reading will say what is wrong with it
        for table in open_tables(given.file):
            sample = sample_table(table)
            texts = plan_table(sample, given.pairs, "feedback").mapping.texts
            said = [row.get(name, "") for row in sample.rows for name in texts]
            n_parts = sum(-(-len(text.encode(errors="ignore")) // BYTES_A_MENTION) for text in said)
            share = sample.n_rows / max(len(sample.rows), 1)
            load += Load(round(share * sum(map(bool, said))), round(share * n_parts))
    return load


def _find_shortage(store: Store, known: Load, new: Load, places: Places) -> str:
    """What there is too little of, in words; empty where there is enough."""
    need, limits = estimate_need(known, new, places.n_workers), places.limits
    memory = _gigabytes(limits.memory_gb) or read_memory()
    if need.memory > memory:
        beside = f" with {places.n_workers} workers ([engine] workers)" if places.n_workers else ""
        return f"about {_tell(need.memory)} of memory{beside}, and {_tell(memory)} are there"
    wanted = Counter({places.cache_dir: need.cache})
    if store.path:
        wanted[store.path.parent] += need.store
    if places.n_workers:
        wanted[places.lake if places.lake.exists() else places.lake.parent] += need.cache
    for folder, size in wanted.items():
        free = _gigabytes(limits.disk_gb) or _read_free(folder)
        if free is not None and size > free:
            return f"about {_tell(size)} of disk in {folder}, and {_tell(free)} are there"
    return ""


def read_memory() -> int:
    """Memory that this process may use: the machine's, or that of its container."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _CGROUP_LIMITS:
        with suppress(OSError, ValueError):  # "max" is no limit
            sizes.append(int(path.read_text(encoding="ascii")))
    return min(sizes)


def _read_free(folder: Path) -> int | None:
    with suppress(OSError):
        return shutil.disk_usage(folder).free
    return None


def _gigabytes(number: float) -> int:
    return round(number * 1e9)


def _tell(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"
