"""The step that reads feedback: each row once, and every row accounted for."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from pipelines import tables
from pipelines.copies import note_stale_copies
from pipelines.errors import InputError
from pipelines.feedback_rows import RowSettings, make_feedback_id, prepare_feedback
from pipelines.linking.traits import Traits, hash_traits
from pipelines.loading import FileInput, Prepared, ReadSettings, is_known, load_files
from pipelines.progress import Progress
from pipelines.reading.items import FeedbackItem
from pipelines.reading.tables import BadRow
from pipelines.recognition import read_feedback
from pipelines.refused import RefusedRow
from pipelines.runs import Run
from pipelines.selection import Chooser, Cut, LeftOut, Selection, find_cut
from pipelines.splitting import FeedbackText
from pipelines.staging import Incoming, Merged, Staging, delete_by_id


class Elsewhere(Protocol):
    """Has files read somewhere else, before they are loaded."""

    def read_files(
        self,
        inputs: Sequence[FileInput],
        settings: ReadSettings,
        is_known: Callable[[FileInput, Sequence[FileInput]], bool],
    ) -> Sequence[FileInput]:
        """Have the files read that are not known; give all of them with their digests.

        :param is_known: whether the store holds what a file says, of all files.
        """

    def list_rows(
        self, given: FileInput, warn: Callable[[str], None]
    ) -> Iterator[Prepared | RefusedRow | LeftOut]:
        """The rows of a file that was read, in its order.

        :raises InputError: when it could not be read.
        """


class ReadAhead(Protocol):
    """Is told what will be stored, before it is."""

    def expect_texts(self) -> None:
        """There will be feedback to read."""

    def read_ahead(self, feedback: Sequence[FeedbackText]) -> None:
        """This will be stored, unless its file is given up."""


def ingest_feedback(
    run: Run,
    inputs: Sequence[FileInput],
    settings: ReadSettings,
    progress: Progress,
    readings: ReadAhead | None = None,
    elsewhere: Elsewhere | None = None,
) -> None:
    """Read feedback from files into the store.

    :param settings: its selection says which feedback is wanted.
    :param elsewhere: what reads the files; None for this process.
    :raises InputError: when none of the files can be read.
    :raises ConfigError: when a mapping names a column that is not there.
    """
    settings = replace(settings, cut=_find_cut(inputs, settings, progress))
    loader = _FeedbackLoader(run, settings, readings, elsewhere)
    if elsewhere:
        inputs = elsewhere.read_files(inputs, settings, partial(is_known, run, loader))
    counts = load_files(run, inputs, loader, progress)
    for name in ("read", "new", "known", "updated", "rejected", "left_out", "blocked"):
        run.counts[f"n_{name}"] += getattr(counts, name)


def _find_cut(
    inputs: Sequence[FileInput], settings: ReadSettings, progress: Progress
) -> Cut | None:
    """Where the newest end, over all files; one that cannot be read is left to the loading."""
    if settings.selection is None or settings.selection.limit is None:
        return None
    progress.start("choosing the newest", unit="")
    found = find_cut(_read_all(inputs, settings), settings.selection)
    progress.finish(f"{settings.selection.limit:,} at most")
    return found


def _read_all(
    inputs: Sequence[FileInput], settings: ReadSettings
) -> Iterator[FeedbackItem | BadRow]:
    for given in inputs:
        with suppress(InputError):
            yield from read_feedback(
                given.file, given.pairs, timezone=settings.timezone, warn=lambda _: None
            )


class _FeedbackLoader:
    kind = "feedback"

    def __init__(
        self,
        run: Run,
        settings: ReadSettings,
        readings: ReadAhead | None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self.staging = Staging(
            run.connection,
            tables.feedback,
            ("edited_at", "occurred_at"),
            history=tables.feedback_version,
        )
        self.settings = settings
        self._run = run
        self._readings = readings
        self._elsewhere = elsewhere
        self._chooser = Chooser(settings.selection or Selection(), settings.cut)

    def read(
        self, given: FileInput, progress: Progress
    ) -> Iterator[FeedbackItem | BadRow | LeftOut | Prepared | RefusedRow]:
        if self._elsewhere:
            yield from self._elsewhere.list_rows(given, progress.warn)
            return
        items = read_feedback(
            given.file, given.pairs, timezone=self.settings.timezone, warn=progress.warn
        )
        if self.settings.selection is None:
            yield from items
            return
        n_undated = self._chooser.n_undated
        yield from self._chooser.choose(items)
        tell_undated(given, self._chooser.n_undated - n_undated, progress.warn)

    def prepare(
        self, given: FileInput, records: Sequence[FeedbackItem | Prepared]
    ) -> list[Prepared | BadRow]:
        if self._readings is not None and records:
            self._readings.expect_texts()
        items = [record for record in records if isinstance(record, FeedbackItem)]
        made = iter(prepare_items(given, items, self.settings))
        prepared = [record if isinstance(record, Prepared) else next(made) for record in records]
        for each in prepared:
            each.incoming.row["run_id"] = self._run.run_id
            each.incoming.row["ingested_at"] = self._run.started_at
        if self._readings is not None:
            self._readings.read_ahead([_say(each.incoming.row) for each in prepared])
        return [*prepared]

    def make_id(self, given: FileInput, digest: str, occurrence: int) -> str:
        return make_feedback_id(given.source, "content", digest, str(occurrence))

    def finish(self, run: Run, merged: Merged) -> None:
        if merged.updated:
            note_stale_copies(run.connection)
        delete_by_id(run.connection, tables.mention, "feedback_id", merged.updated)
        delete_by_id(run.connection, tables.feedback_key, "feedback_id", merged.updated)
        self.staging.copy_keys(tables.feedback_key)


def tell_undated(given: FileInput, n_undated: int, warn: Callable[[str], None]) -> None:
    """Tell how many feedback of a file are not wanted for want of a date, if any."""
    if n_undated:
        warn(
            f"{n_undated:,} feedback of {given.file.name} have no date that can be read, so "
            "--since and --until leave them out"
        )


def prepare_items(
    given: FileInput, items: Sequence[FeedbackItem], settings: ReadSettings
) -> list[Prepared]:
    """The rows of some feedback of a file, without what the run adds to them."""
    how = RowSettings(
        given.source,
        given.channel,
        given.party,
        given.stated,
        settings.region,
        settings.secret,
        settings.masking,
        settings.own_accounts,
    )
    return [_prepare(item, how, given, has_traits=settings.has_traits) for item in items]


def _prepare(
    item: FeedbackItem, settings: RowSettings, given: FileInput, *, has_traits: bool
) -> Prepared:
    prepared = prepare_feedback(item, settings)
    keys = prepared.keys
    if has_traits:
        said = Traits(item.author, item.city, item.birth, item.email, item.phone)
        keys |= hash_traits(settings.secret, said, settings.region)
    return Prepared(Incoming(prepared.row, given.file.name, item.row_number, keys), prepared.digest)


def _say(row: dict[str, Any]) -> FeedbackText:
    return FeedbackText(row["text_hash"], row["text"], row["lang"])
