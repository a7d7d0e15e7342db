"""The step that loads CRM records: customers, and the keys by which they are recognised."""

from collections.abc import Iterator, Sequence
from typing import Any

from pipelines import tables
from pipelines.feedback_rows import mask_values
from pipelines.keys import hash_person, normalize_key
from pipelines.known_files import FileCounts
from pipelines.linking.traits import Traits, hash_traits
from pipelines.loading import FileInput, Prepared, ReadSettings, load_files
from pipelines.progress import Progress, count_units
from pipelines.reading.items import CustomerRecord
from pipelines.reading.tables import BadRow
from pipelines.recognition import read_customers
from pipelines.runs import Run
from pipelines.secret import hash_key
from pipelines.staging import Incoming, Merged, Staging, hash_content


def load_customers(
    run: Run,
    inputs: Sequence[FileInput],
    settings: ReadSettings,
    progress: Progress,
) -> None:
    """Read customers from files into the store; of two records of one customer the newer stays.

    :raises InputError: when none of the files can be read.
    :raises ConfigError: when a mapping names a column that is not there.
    """
    counts = load_files(run, inputs, _CustomerLoader(run, settings), progress)
    for told in _describe_versions(counts):
        progress.warn(told)
    run.counts["n_customers"] += counts.read
    run.counts["n_records_rejected"] += counts.rejected
    run.counts["n_records_blocked"] += counts.blocked


def _describe_versions(counts: FileCounts) -> Iterator[str]:
    """Say how many records stand for customers who came more than once."""
    if n_older := counts.older - counts.undecided:
        are, others = ("is", "it is") if n_older == 1 else ("are", "they are")
        yield (
            f"{count_units(n_older, 'records')} {are} older than another of the same customer: the "
            f"newest counts, {others} kept in customer_version"
        )
    if n := counts.undecided:
        yield (
            f"{count_units(n, 'records')} {'differs' if n == 1 else 'differ'} from another of the "
            "same customer, and no date tells which is newer: one was taken by its content, "
            "whatever the order of rows, and the others are kept in customer_version. If a column "
            "says when a record was last changed, name it with: --map edited=COLUMN"
        )


class _CustomerLoader:
    kind = "customers"

    def __init__(self, run: Run, settings: ReadSettings) -> None:
        self.staging = Staging(
            run.connection,
            tables.customer,
            ("edited_at", "valid_from"),
            keep_all_keys=True,
            compares_alike=True,
            history=tables.customer_version,
        )
        self.settings = settings
        self._run_id = run.run_id

    def read(self, given: FileInput, progress: Progress) -> Iterator[CustomerRecord | BadRow]:
        return read_customers(
            given.file, given.pairs, timezone=self.settings.timezone, warn=progress.warn
        )

    def prepare(
        self, given: FileInput, records: Sequence[CustomerRecord]
    ) -> list[Prepared | BadRow]:
        return [self._prepare(record, given) for record in records]

    def make_id(self, given: FileInput, digest: str, occurrence: int) -> str:
        raise NotImplementedError("every customer has an id")  # pragma: no cover

    def finish(self, run: Run, merged: Merged) -> None:
        """Add the keys; those of an older record stay: people are found by a former e-mail too."""
        self.staging.copy_keys(tables.customer_key, source="customers")

    def _prepare(self, record: CustomerRecord, given: FileInput) -> Prepared:
        region = region_of(record.country) or self.settings.region
        keys = hash_person(self.settings.secret, record, region)
        row: dict[str, Any] = {
            "customer_id": self._choose_id(record, keys),
            "segment": record.segment,
            "country": record.country,
            "lang": record.lang,
            "attributes": mask_values(record.attributes, self.settings.masking) or None,
            "valid_from": record.created,
            "edited_at": record.edited,
        }
        row["content_hash"] = hash_content({**row, "keys": keys})
        row |= {"source": given.source, "run_id": self._run_id}
        if self.settings.has_traits:
            said = Traits(record.name, record.city, record.birth, record.email, record.phone)
            keys |= hash_traits(self.settings.secret, said, region)
        return Prepared(Incoming(row, given.file.name, record.row_number, keys))

    def _choose_id(self, record: CustomerRecord, keys: dict[str, str]) -> str:
        """The CRM's own id, unless it is missing or a contact: then a keyed hash."""
        given = record.customer
        if given and not normalize_key("email", given):
            return given
        kind, key = next(iter(keys.items()))
        return make_customer_id(self.settings.secret, kind, key)


def make_customer_id(secret: bytes, kind: str, key: str) -> str:
    """The id of a customer that the CRM names by a contact only."""
    return "c" + hash_key(secret, f"customer {kind}", key)[:24]


def region_of(country: str | None) -> str | None:
    """Country of a record as two letters, when the CRM writes it so."""
    is_code = country is not None and len(country) == 2 and country.isalpha()
    return country.upper() if country and is_code else None
