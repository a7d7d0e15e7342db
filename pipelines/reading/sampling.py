"""A bounded sample of a table that does not depend on the order of its rows."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from pipelines.reading.layouts import Recognised
from pipelines.reading.tables import Row, Table, check_width

N_SAMPLE = 2_000
_VALUE_CHARS = 600


@dataclass(slots=True)
class Sample:
    """What a table looks like.

    :param columns: names, also of keys that only later JSON rows have.
    :param rows: the values of up to 2,000 distinct rows, cut at 600 characters a value.
    :param n_rows: usable rows read.
    :param n_bad: rows that cannot be used.
    :param n_lost_bytes: rows with bytes that could not be decoded.
    :param place: the file and sheet, for messages.
    :param format: as in :class:`~pipelines.reading.tables.Table`, and so are `labels`, `closed`,
        `fields`, `zone` and `recognised`.
    """

    columns: list[str]
    rows: list[dict[str, str]] = field(default_factory=list)
    n_rows: int = 0
    n_bad: int = 0
    n_lost_bytes: int = 0
    place: str = ""
    format: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    zone: str | None = None
    recognised: Recognised | None = None


def sample_table(table: Table, n_sample: int = N_SAMPLE) -> Sample:
    """Read a table to its end and keep the rows whose content hashes lowest.

    What is decided from such a sample (roles, order of dates, scale of ratings) is the same for
    the same rows in any order. The table's rows are used up: open it again to read them.

    :raises InputError: for more than 16,384 columns; JSON shows them only as it is read.
    """
    sample = Sample(
        list(table.columns),
        format=table.format,
        labels=table.labels,
        closed=table.closed,
        fields=table.fields,
        zone=table.zone,
        recognised=table.recognised,
    )
    later: set[str] = set()
    known = set(table.columns)
    sample.place = table.file + (f" [{table.sheet}]" if table.sheet else "")
    kept: list[tuple[int, dict[str, str]]] = []
    taken: set[int] = set()
    for row in table.rows:
        if not isinstance(row, Row):
            sample.n_bad += 1
            continue
        sample.n_rows += 1
        sample.n_lost_bytes += row.has_lost_bytes
        if row.values.keys() - known:
            later |= row.values.keys() - known
            check_width(table.file, len(known) + len(later))
        rank = -_hash_values(row.values.values())
        if len(kept) < n_sample:
            if rank not in taken:
                taken.add(rank)
                heapq.heappush(kept, (rank, _cut(row.values)))
        elif rank > kept[0][0] and rank not in taken:
            taken.add(rank)
            taken.discard(heapq.heapreplace(kept, (rank, _cut(row.values)))[0])
    sample.columns += sorted(later)
    sample.rows = [values for _, values in sorted(kept, key=lambda item: -item[0])]
    return sample


def _hash_values(values: Iterable[str]) -> int:
    data = "\x1f".join(values).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest())


def _cut(values: dict[str, str]) -> dict[str, str]:
    return {name: value[:_VALUE_CHARS] for name, value in values.items() if value}
