"""The step that reads feedback: each row once, and every row accounted for."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from pipelines import tables
from pipelines.copies import note_stale_copies
from pipelines.errors import InputError
from pipelines.feedback_rows import RowSettings, make_feedback_id, prepare_feedback
from pipelines.linking.traits import Traits, hash_traits
from pipelines.loading import FileInput, Prepared, ReadSettings, load_files
from pipelines.progress import Progress
from pipelines.reading.items import FeedbackItem
from pipelines.reading.tables import BadRow
from pipelines.recognition import read_feedback
from pipelines.runs import Run
from pipelines.selection import Chooser, Cut, LeftOut, Selection, find_cut
from pipelines.splitting import FeedbackText
from pipelines.staging import Incoming, Merged, Staging, delete_by_id


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
) -> None:
    """Read feedback from files into the store.

    :param settings: its selection says which feedback is wanted.
    :raises InputError: when none of the files can be read.
    :raises ConfigError: when a mapping names a column that is not there.
    """
    settings = replace(settings, cut=_find_cut(inputs, settings, progress))
    counts = load_files(run, inputs, _FeedbackLoader(run, settings, readings), progress)
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

    def __init__(self, run: Run, settings: ReadSettings, readings: ReadAhead | None) -> None:
        self.staging = Staging(
            run.connection,
            tables.feedback,
            ("edited_at", "occurred_at"),
            history=tables.feedback_version,
        )
        self.settings = settings
        self._run = run
        self._readings = readings
        self._chooser = Chooser(settings.selection or Selection(), settings.cut)

    def read(
        self, given: FileInput, progress: Progress
    ) -> Iterator[FeedbackItem | BadRow | LeftOut]:
        items = read_feedback(
            given.file, given.pairs, timezone=self.settings.timezone, warn=progress.warn
        )
        if self.settings.selection is None:
            yield from items
            return
        n_undated = self._chooser.n_undated
        yield from self._chooser.choose(items)
        if n_undated := self._chooser.n_undated - n_undated:
            progress.warn(
                f"{n_undated:,} feedback of {given.file.name} have no date that can be read, so "
                "--since and --until leave them out"
            )

    def prepare(self, given: FileInput, records: Sequence[FeedbackItem]) -> list[Prepared | BadRow]:
        settings = RowSettings(
            given.source,
            given.channel,
            given.party,
            given.stated,
            self.settings.region,
            self.settings.secret,
            self.settings.masking,
            self.settings.own_accounts,
        )
        if self._readings is not None and records:
            self._readings.expect_texts()
        prepared = [self._prepare(item, settings, given) for item in records]
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

    def _prepare(self, item: FeedbackItem, settings: RowSettings, given: FileInput) -> Prepared:
        prepared = prepare_feedback(item, settings)
        row: dict[str, Any] = {
            **prepared.row,
            "run_id": self._run.run_id,
            "ingested_at": self._run.started_at,
        }
        keys = prepared.keys
        if self.settings.has_traits:
            said = Traits(item.author, item.city, item.birth, item.email, item.phone)
            keys |= hash_traits(settings.secret, said, settings.region)
        incoming = Incoming(row, given.file.name, item.row_number, keys)
        return Prepared(incoming, prepared.digest)


def _say(row: dict[str, Any]) -> FeedbackText:
    return FeedbackText(row["text_hash"], row["text"], row["lang"])
