"""The step that loads operational events (O-data): orders, refunds, churn, tickets ..."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from pipelines import tables
from pipelines.feedback_rows import mask_values
from pipelines.keys import hash_keys, hash_person, normalize_key
from pipelines.loading import FileInput, Prepared, ReadSettings, load_files
from pipelines.progress import Progress
from pipelines.reading.items import EventRecord
from pipelines.reading.tables import BadRow
from pipelines.recognition import read_events
from pipelines.rights.stated_by_key import record_lifted
from pipelines.runs import Run
from pipelines.staging import Incoming, Merged, Staging, delete_by_id, hash_content


def load_events(
    run: Run,
    inputs: Sequence[FileInput],
    settings: ReadSettings,
    progress: Progress,
) -> None:
    """Read events from files into the store.

    An event may name its customer by id, e-mail, phone or handle, also before that customer is
    known: the step that links gives it its customer.

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

    def read(self, given: FileInput, progress: Progress) -> Iterator[EventRecord | BadRow]:
        return read_events(
            given.file, given.pairs, timezone=self.settings.timezone, warn=progress.warn
        )

    def prepare(self, given: FileInput, records: Sequence[EventRecord]) -> list[Prepared | BadRow]:
        return [self._prepare(record, given) for record in records]

    def make_id(self, given: FileInput, digest: str, occurrence: int) -> str:
        return _make_event_id(given.source, "content", digest, str(occurrence))

    def finish(self, run: Run, merged: Merged) -> None:
        """Add the keys; those of an older version of an event go with it."""
        delete_by_id(run.connection, tables.event_key, "event_id", merged.updated)
        self.staging.copy_keys(tables.event_key)
        record_lifted(run, self.staging.keys)

    def _prepare(self, record: EventRecord, given: FileInput) -> Prepared | BadRow:
        keys = hash_person(self.settings.secret, record, self.settings.region, record.order)
        if not keys.keys() - {"order"}:
            return BadRow(record.row_number, "unknown_customer", f"{record.kind} at {record.at}")
        named = record.customer
        if named and normalize_key("email", named):
            # A contact in the place of an id: it is a key, and never kept as it is.
            keys |= hash_keys(self.settings.secret, {"email": named})
            named = None
        row: dict[str, Any] = {
            "customer_id": named,
            "named_customer": named,
            "at": record.at,
            "kind": record.kind or "event",
            "amount": record.amount,
            "currency": record.currency,
            "attributes": mask_values(record.attributes, self.settings.masking) or None,
        }
        row["content_hash"] = hash_content({**row, "keys": keys})
        incoming = Incoming(row, given.file.name, record.row_number, keys)
        if record.source_id is None:
            return Prepared(incoming, row["content_hash"])
        row["event_id"] = _make_event_id(given.source, "id", record.source_id)
        return Prepared(incoming)


def _make_event_id(*parts: str) -> str:
    return "e" + hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:24]
