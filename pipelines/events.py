"""The step that loads operational events (O-data): orders, refunds, churn, tickets ..."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from pipelines import tables
from pipelines.feedback_rows import mask_values
from pipelines.keys import hash_person
from pipelines.link import find_customers
from pipelines.loading import FileInput, Prepared, ReadSettings, load_files
from pipelines.progress import Progress
from pipelines.reading.items import EventRecord
from pipelines.reading.tables import BadRow
from pipelines.recognition import read_events
from pipelines.runs import Run
from pipelines.staging import Incoming, Merged, Staging, hash_content


def load_events(
    run: Run,
    inputs: Sequence[FileInput],
    settings: ReadSettings,
    progress: Progress,
) -> None:
    """Read events from files into the store.

    An event may name its customer by id, also before that customer is known, or by an e-mail,
    phone or handle that the store can resolve.

    :raises InputError: when none of the files can be read.
    :raises ConfigError: when a mapping names a column that is not there.
    """
    counts = load_files(run, inputs, _EventLoader(run, settings), progress)
    run.counts["n_events"] += counts.read
    run.counts["n_records_rejected"] += counts.rejected
    run.counts["n_records_blocked"] += counts.blocked


class _EventLoader:
    kind = "events"

    def __init__(self, run: Run, settings: ReadSettings) -> None:
        self.staging = Staging(run.connection, tables.event, ("at",))
        self.settings = settings
        self._run = run

    def read(self, given: FileInput, progress: Progress) -> Iterator[EventRecord | BadRow]:
        return read_events(
            given.file, given.pairs, timezone=self.settings.timezone, warn=progress.warn
        )

    def prepare(self, given: FileInput, records: Sequence[EventRecord]) -> list[Prepared | BadRow]:
        secret, region = self.settings.secret, self.settings.region
        hashes = [hash_person(secret, record, region) for record in records]
        known = find_customers(
            self._run.connection, (key for keys in hashes for key in keys.values())
        )
        return [
            self._prepare(record, keys, known, given)
            for record, keys in zip(records, hashes, strict=True)
        ]

    def make_id(self, given: FileInput, digest: str, occurrence: int) -> str:
        return _make_event_id(given.source, "content", digest, str(occurrence))

    def finish(self, run: Run, merged: Merged) -> None:
        """Nothing follows: events have no keys of their own."""

    def _describe(self, record: EventRecord) -> dict[str, str] | None:
        attributes = mask_values(record.attributes, self.settings.masking)
        if record.currency:
            attributes["currency"] = record.currency
        return attributes or None

    def _prepare(
        self, record: EventRecord, keys: dict[str, str], known: dict[str, str], given: FileInput
    ) -> Prepared | BadRow:
        resolved = (known[key] for key in keys.values() if key in known)
        customer_id = next(resolved, record.customer)
        if customer_id is None:
            return BadRow(record.row_number, "unknown_customer", f"{record.kind} at {record.at}")
        row: dict[str, Any] = {
            "customer_id": customer_id,
            "at": record.at,
            "kind": record.kind or "event",
            "amount": record.amount,
            "attributes": self._describe(record),
        }
        row["content_hash"] = hash_content(row)
        if record.source_id is None:
            incoming = Incoming(row, given.file.name, record.row_number)
            return Prepared(incoming, row["content_hash"], keys)
        row["event_id"] = _make_event_id(given.source, "id", record.source_id)
        return Prepared(Incoming(row, given.file.name, record.row_number), keys=keys)


def _make_event_id(*parts: str) -> str:
    return "e" + hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:24]
