"""Rows that could not be used: kept with the reason, personal data masked."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipelines import tables
from pipelines.runs import Run
from pipelines.staging import Loser
from pipelines.upserts import upsert_rows

MAX_RAW_CHARS = 10_000
# What to say of each reason, beside those that the readers give (pipelines.reading.tables).
REASONS = {
    "repeated": "the same id and the same content as another row",
    "older_version": "another version of the same id counts: the newer one, where they are dated",
    "unknown_customer": "the customer's e-mail, phone or handle is not in the store",
    "unreadable_file": "the whole file could not be read",
}
_HIDDEN = ("content_hash", "text_hash", "run_id", "ingested_at", "enriched_run", "author_key")


@dataclass(frozen=True)
class Rejection:
    """A row that could not be used.

    :param raw: as it may be stored: masked.
    """

    source: str
    file: str
    row_number: int | None
    reason: str
    raw: str


def reject_rows(run: Run, rejections: Iterable[Rejection]) -> None:
    """Store rejected rows; each is stored once, however often its file is read.

    A row is told by its content and not by its place: a file that gained rows at its head brings
    the same rejected rows again.
    """
    rows = [_make_row(rejection, run) for rejection in rejections]
    if rows and upsert_rows(run.connection, tables.rejected, rows, keep=("run_id",)):
        run.mark_changed()


def describe_loser(source: str, loser: Loser) -> Rejection:
    """The rejection of a row that a better one of its id beat."""
    shown: dict[str, Any] = {
        name: value
        for name, value in sorted(loser.incoming.row.items())  # wherever it was read
        if value is not None and name not in _HIDDEN
    }
    raw = json.dumps(shown, ensure_ascii=False, default=str)[:MAX_RAW_CHARS]
    return Rejection(source, loser.incoming.file, loser.incoming.row_number, loser.reason, raw)


def _make_row(rejection: Rejection, run: Run) -> dict[str, Any]:
    told = f"{rejection.source}\0{rejection.file}\0{rejection.reason}\0{rejection.raw}"
    occurrence = run.rejected[told] = run.rejected[told] + 1
    identity = f"{told}\0{occurrence}".encode("utf-8", "surrogatepass")
    return {
        "rejected_id": f"r{hashlib.sha256(identity).hexdigest()[:24]}",
        "source": rejection.source,
        "file": rejection.file,
        "row_number": rejection.row_number,
        "reason": rejection.reason,
        "raw": rejection.raw,
        "run_id": run.run_id,
    }
