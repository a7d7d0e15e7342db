"""Files into tables: what feedback, customers and events have in common.

A file is read whole or not at all, and not again while neither it nor the way it is read changes.
One that returns to what it held before is read again: what it said in between is not what holds.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, replace
from itertools import islice
from typing import Any, Protocol

from nlp.masking import STANDARD, Masking
from pipelines.errors import InputError
from pipelines.known_files import (
    FileCounts,
    Place,
    Reading,
    find_counts,
    find_later,
    hash_file,
    note_reading,
)
from pipelines.progress import Progress
from pipelines.reading.layouts import hash_layouts
from pipelines.reading.streams import InputFile
from pipelines.reading.tables import BadRow
from pipelines.refused import RefusedRow, hide_person
from pipelines.rejections import Rejection, describe_loser, reject_rows
from pipelines.rights.blocks import Blocks
from pipelines.rights.stated_by_key import record_happened, record_unsaid
from pipelines.runs import Run
from pipelines.selection import Cut, LeftOut, Selection
from pipelines.staging import Incoming, Merged, Staging

BATCH_ROWS = 500
# Raise when the same file would give other rows than before: then known files are read again.
READING_VERSION = 13


@dataclass(frozen=True)
class FileInput:
    """A file, and as what it is to be read.

    :param pairs: ``ROLE=COLUMN``, as given with --map or in the configuration.
    :param party: zero, first, second or third; None means as its layout says, else first.
    :param stated: declared or inferred; None means as its layout says, else declared.
    :param digest: hash of what it holds, where that is not the hash of its bytes.
    """

    file: InputFile
    source: str
    channel: str | None = None
    party: str | None = None
    pairs: tuple[str, ...] = ()
    stated: str | None = None
    digest: str | None = None


@dataclass(frozen=True)
class Prepared:
    """A row ready to be staged.

    :param digest: hash of the content, when the row has no id yet: the id is then made from it.
    :param keys: whom it is about, where these keys are not kept with it.
    """

    incoming: Incoming
    digest: str | None = None
    keys: dict[str, str] | None = None


@dataclass(frozen=True)
class ReadSettings:
    """How files are read.

    :param secret: behind keyed hashes.
    :param region: two-letter country of phone numbers without a country code.
    :param timezone: zone of dates without one.
    :param masking: what of personal data is masked.
    :param selection: which feedback is wanted; None for all of it.
    :param cut: where the newest of these end; None where there is no limit, or it is not reached.
    :param has_traits: keep keyed hashes of names and the like, for the review queue.
    :param own_accounts: folded names and handles whose posts are no feedback.
    """

    secret: bytes
    region: str
    timezone: str
    masking: Masking = STANDARD
    selection: Selection | None = None
    cut: Cut | None = None
    has_traits: bool = False
    own_accounts: frozenset[str] = frozenset()


class Loader(Protocol):
    """What differs between feedback, customers and events."""

    kind: str
    staging: Staging
    settings: ReadSettings

    def read(self, given: FileInput, progress: Progress) -> Iterator[Any]:
        """Records of a file; bad or refused rows; LEFT_OUT for what is not wanted."""

    def prepare(self, given: FileInput, records: Sequence[Any]) -> list[Prepared | BadRow]:
        """The rows of some records."""

    def make_id(self, given: FileInput, digest: str, occurrence: int) -> str:
        """The id of a row that has none: of the nth with this content."""

    def finish(self, run: Run, merged: Merged) -> None:
        """Follow up on the merge, while the keys are still staged."""


def load_files(
    run: Run, inputs: Sequence[FileInput], loader: Loader, progress: Progress
) -> FileCounts:
    """Read every file, and merge what they say into the store.

    A file that cannot be read is a rejected row, unless it is the only one.

    :raises InputError: when none of the files can be read.
    """
    counts = FileCounts()
    failures: list[InputError] = []
    for given in inputs:
        try:
            counts.add(_load_known_or_new(run, given, inputs, loader, progress))
        except InputError as error:
            failures.append(error)
            if len(inputs) == 1:
                raise
            progress.warn(str(error))
            reject_rows(run, [_reject_file(given, error)])
            counts.add(FileCounts(read=1, rejected=1))
    if failures and len(failures) == len(inputs):
        raise InputError(f"none of the {len(inputs):,} files with {loader.kind} could be read")
    merged = loader.staging.merge()
    sources = {given.file.name: given.source for given in inputs}
    reject_rows(run, [describe_loser(sources[each.incoming.file], each) for each in merged.losers])
    if merged.n_new or merged.updated:
        run.mark_changed()
    loader.finish(run, merged)
    loader.staging.drop()
    counts.add(
        FileCounts(
            new=merged.n_new,
            known=merged.n_known,
            updated=len(merged.updated),
            rejected=len(merged.losers),
            older=len(merged.losers),
        )
    )
    return counts


def is_known(run: Run, loader: Loader, given: FileInput, inputs: Sequence[FileInput]) -> bool:
    """Whether the store holds what a file says, so that it is not read again.

    :param inputs: all files that are given with it.
    :raises InputError: when it cannot be read.
    """
    reading = hash_reading(given, loader.kind, loader.settings)
    return _find_known(run, loader, given, inputs, reading) is not None


def hash_reading(given: FileInput, loader_kind: str, settings: ReadSettings) -> Reading:
    """What a file holds, and all that decides which rows it gives."""
    return Reading(
        given.digest or hash_file(given.file), _hash_settings(given, loader_kind, settings)
    )


def _find_known(
    run: Run, loader: Loader, given: FileInput, inputs: Sequence[FileInput], reading: Reading
) -> FileCounts | None:
    known = find_counts(run.connection, reading)
    if known is None or _has_returned(run, reading, _place(given, loader), inputs, loader):
        return None
    return known


def _place(given: FileInput, loader: Loader) -> Place:
    return Place(loader.kind, given.source, given.file.name)


def _load_known_or_new(
    run: Run, given: FileInput, inputs: Sequence[FileInput], loader: Loader, progress: Progress
) -> FileCounts:
    reading = hash_reading(given, loader.kind, loader.settings)
    if known := _find_known(run, loader, given, inputs, reading):
        progress.start(f"reading {given.file.name}", 0)
        progress.finish("not changed since it was read")
        return known
    run.unsettle()
    with run.connection.begin_nested():
        counts = _load_file(run, given, loader, progress)
        note_reading(run.connection, reading, _place(given, loader), counts, run.run_id)
    return counts


def _has_returned(
    run: Run, reading: Reading, place: Place, inputs: Sequence[FileInput], loader: Loader
) -> bool:
    """Whether a known file held something else, or was read otherwise, in a later run.

    Several files of one name, all of them read now, are no versions of one.
    """
    later = find_later(run.connection, reading, place)
    for each in inputs if later else ():
        if (each.source, each.file.name) == (place.source, place.file):
            with suppress(InputError):
                later.discard(hash_reading(each, loader.kind, loader.settings))
    return bool(later)


def _hash_settings(given: FileInput, kind: str, settings: ReadSettings) -> str:
    masking = (*astuple(replace(settings.masking, keep=frozenset())), sorted(settings.masking.keep))
    how = (READING_VERSION, hash_layouts(), kind, settings.region, settings.timezone)
    origin = (given.channel, given.party, given.stated)
    what = (given.source, *origin, given.pairs, given.file.format, given.file.layout)
    wanted = (settings.selection, settings.cut) if settings.selection else ()
    traits = ("traits",) if settings.has_traits else ()
    own = sorted(settings.own_accounts)
    return hashlib.sha256(repr((how, masking, what, own, *wanted, *traits)).encode()).hexdigest()[
        :32
    ]


def _load_file(run: Run, given: FileInput, loader: Loader, progress: Progress) -> FileCounts:
    occurrences: Counter[str] = Counter()
    blocks = Blocks.read(run.connection, loader.settings.secret)
    counts = FileCounts()
    progress.start(f"reading {given.file.name}")
    records = loader.read(given, progress)
    while batch := list(islice(records, BATCH_ROWS)):
        counts.add(_load_batch(run, given, loader, batch, occurrences, blocks))
        progress.advance(len(batch))
    rejected = f", {counts.rejected:,} rejected" if counts.rejected else ""
    progress.finish(f"{counts.read:,} read{rejected}")
    return counts


def _load_batch(
    run: Run,
    given: FileInput,
    loader: Loader,
    batch: Sequence[Any],
    occurrences: Counter[str],
    blocks: Blocks,
) -> FileCounts:
    bad = [_refuse(loader, row) for row in batch if isinstance(row, BadRow | RefusedRow)]
    rows: list[Incoming] = []
    good = [record for record in batch if not isinstance(record, BadRow | RefusedRow | LeftOut)]
    n_left_out = sum(isinstance(record, LeftOut) for record in batch)
    for prepared in loader.prepare(given, good):
        if isinstance(prepared, BadRow):
            bad.append(_refuse(loader, prepared))
        else:
            named = _name_row(given, loader, prepared, occurrences)
            if not blocks.holds_row(loader.kind, named.row, prepared.keys or named.keys):
                rows.append(named)
    bad = [row for row in bad if not blocks.holds_person(row.keys)]
    record_unsaid(run, given.source, bad)
    if loader.kind == "events":  # what it says holds for its moment, also where it is edited later
        record_happened(run, given.source, rows)
    losers = loader.staging.add(rows)
    reject_rows(run, [_reject_row(given, row) for row in bad])
    reject_rows(run, [describe_loser(given.source, loser) for loser in losers])
    n_rejected = len(bad) + len(losers)
    # What is neither stored nor rejected nor left out is of somebody who was erased.
    n_blocked = len(batch) - len(rows) - len(bad) - n_left_out
    return FileCounts(
        read=len(batch),
        rejected=n_rejected,
        left_out=n_left_out,
        blocked=n_blocked,
        older=sum(loser.reason == "older_version" for loser in losers),
        undecided=sum(loser.is_undecided for loser in losers),
    )


def _name_row(
    given: FileInput, loader: Loader, prepared: Prepared, occurrences: Counter[str]
) -> Incoming:
    if prepared.digest is None:
        return prepared.incoming
    occurrence = occurrences[prepared.digest]
    occurrences[prepared.digest] += 1
    key = next(iter(loader.staging.table.primary_key)).name
    row = {**prepared.incoming.row, key: loader.make_id(given, prepared.digest, occurrence)}
    return replace(prepared.incoming, row=row)


def _refuse(loader: Loader, row: BadRow | RefusedRow) -> RefusedRow:
    settings = loader.settings
    if isinstance(row, RefusedRow):
        return row
    return hide_person(row, settings.secret, settings.region, settings.masking)


def _reject_row(given: FileInput, row: RefusedRow) -> Rejection:
    return Rejection(given.source, given.file.name, row.number, row.reason, row.raw)


def _reject_file(given: FileInput, error: InputError) -> Rejection:
    return Rejection(given.source, given.file.name, None, "unreadable_file", str(error))
