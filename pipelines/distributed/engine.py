"""The engine of a run on a cluster: what its steps ask for was computed there before."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select

from nlp.mentions import Span
from nlp.near_copies import Collisions, Sketches, find_likes
from nlp.themes.assignment import Assignment, KnownThemes
from nlp.themes.centring import LanguageMeans
from nlp.themes.vectors import READ_ROWS
from pipelines import tables
from pipelines.capacity import measure_file
from pipelines.distributed.lake import Lake
from pipelines.distributed.receipts import ShardReceipt, add_tallies
from pipelines.distributed.shards import (
    LakeRow,
    ShardOrder,
    key_text,
    load_parts,
    load_readings,
    load_rows,
    load_sketches,
    shorten_hashes,
)
from pipelines.distributed.shelf import Shelf
from pipelines.distributed.workers import Workers
from pipelines.engine import LOCAL
from pipelines.errors import EarfulError, InputError
from pipelines.ingest import tell_undated
from pipelines.journal import Journal
from pipelines.known_files import hash_file
from pipelines.loading import FileInput, ReadSettings, hash_reading
from pipelines.models import Models
from pipelines.progress import Progress
from pipelines.reading.cutting import Part
from pipelines.readings import sentiment_key
from pipelines.recognition import FilePlan, tell_problems
from pipelines.runs import Run, code_version
from pipelines.secret import fingerprint_secret
from pipelines.splitting import FeedbackText, SaidPart, describe_parts, make_part

if TYPE_CHECKING:
    from pipelines.distributed.tasks import Planned

# From so many texts on a step is worth the way to the nodes and back.
MANY = 100_000
# As many are hashed in a second.
HASHED_HERE_BYTES = 1_000_000_000
# A row of an export, about: what it really takes only changes how many shards there are.
ROW_BYTES = 400
# A file is cut so that each worker gets some shards: who is done early takes what is left.
SHARDS_A_WORKER = 3
# A shard costs a task, four files and a line in the ledger: smaller ones are not worth it.
LEAST_SHARD_ROWS = 1_000
# Raise when the same rows would give other shards than before.
SHARD_VERSION = 1


class ClusterEngine:
    """Has files read by the workers of a cluster, and gives what they made of them.

    :param journal: gets what the models have read, where the later steps look for it.
    :param shard_rows: rows of a shard at most.
    :param n_workers: how many the shards of a file are shared among; 0 where nobody knows.
    """

    def __init__(
        self,
        run: Run,
        models: Models,
        journal: Journal,
        lake: Lake,
        shard_rows: int,
        n_workers: int,
        progress: Progress,
    ) -> None:
        self._run, self._models, self._journal = run, models, journal
        self._lake, self._progress = lake, progress
        self._workers: Workers | None = None
        self._shard_rows, self._n_workers = shard_rows, n_workers
        self._shelf = Shelf()
        self._read: dict[FileInput, tuple[FilePlan, list[ShardOrder]] | EarfulError] = {}

    def use(self, workers: Workers) -> None:
        """Have these do what is asked for from now on."""
        self._workers = workers

    def close(self) -> None:
        """Let go of what is only needed in the run."""
        self._shelf.close()

    def read_files(
        self,
        inputs: Sequence[FileInput],
        settings: ReadSettings,
        is_known: Callable[[FileInput, Sequence[FileInput]], bool],
    ) -> Sequence[FileInput]:
        """See :class:`~pipelines.ingest.Elsewhere`.

        :raises WorkersError: when the workers are lost.
        :raises ConfigError: when a model cannot be used.
        """
        hashed = self._hash(inputs)
        new = []
        for given in hashed:
            with suppress(InputError):  # the loading says it
                if not is_known(given, hashed):
                    new.append(given)
        self._plan(new, settings)
        self._make_shards()
        if self._workers and not self._workers.end_reading():
            self._workers = None
        return hashed

    def list_rows(self, given: FileInput, warn: Callable[[str], None]) -> Iterator[LakeRow]:
        """See :class:`~pipelines.ingest.Elsewhere`."""
        found = self._read[given]
        if isinstance(found, EarfulError):
            raise found
        plan, orders = found
        for order in orders:
            yield from load_rows(order.folder / order.name, given)
        receipts = [self._lake.done[order.name] for order in orders]
        tell_problems(given.file, plan, add_tallies(receipts), warn)
        tell_undated(given, sum(receipt.n_undated for receipt in receipts), warn)

    def describe_parts(self, batch: Sequence[FeedbackText]) -> list[list[SaidPart]]:
        """See :class:`~pipelines.engine.Engine`."""
        found = self._shelf.find_parts([key_text(each) for each in batch])
        missing = [each for each in batch if key_text(each) not in found]
        described = iter(describe_parts(missing))
        return [
            [
                SaidPart(make_part(each, Span(start, end)), target)
                for start, end, target in found[key_text(each)]
            ]
            if key_text(each) in found
            else next(described)
            for each in batch
        ]

    def sketch_feedback(self, batch: Sequence[FeedbackText]) -> list[bytes]:
        """See :class:`~pipelines.engine.Engine`."""
        found = self._shelf.find_sketches([each.text_hash for each in batch])
        missing = [each for each in batch if each.text_hash not in found]
        sketched = iter(LOCAL.sketch_feedback(missing))
        return [found.get(each.text_hash) or next(sketched) for each in batch]

    def find_likes(
        self, sketches: Sketches, is_new: Any, read: Callable[[Sequence[int]], list[list[int]]]
    ) -> Iterator[tuple[int, int]]:
        """See :class:`~pipelines.engine.Engine`."""
        if self._workers is None or len(is_new) < MANY:
            return LOCAL.find_likes(sketches, is_new, read)
        return find_likes(sketches, is_new, read, self._collide)

    def assign_themes(
        self,
        texts: Sequence[str],
        vectors: Any,
        langs: Sequence[str],
        known: KnownThemes,
        *,
        registers: Sequence[str],
        means: LanguageMeans,
    ) -> Assignment:
        """See :class:`~pipelines.engine.Engine`."""
        if self._workers is None or len(texts) < MANY:
            return LOCAL.assign_themes(
                texts, vectors, langs, known, registers=registers, means=means
            )
        self._share(themes=known, means=means)
        blocks = [slice(at, at + READ_ROWS) for at in range(0, len(texts), READ_ROWS)]
        given = ((texts[block], vectors[block], langs[block], registers[block]) for block in blocks)
        done: dict[int, Assignment] = dict(self._give("assign", given))
        parts = [done[number] for number in range(len(blocks))]
        return Assignment(
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.strengths for part in parts]),
            tuple(reason for part in parts for reason in part.reasons),
        )

    def _collide(self, bands: Any, counts: Any, is_new: Any) -> Iterator[Collisions]:
        """Collisions of the bands of texts: each task gets some of the values of one band."""
        places = np.flatnonzero(counts)
        n_parts = -(-len(places) // MANY)

        def list_parts() -> Iterator[tuple[Any, Any, Any]]:
            for band in bands.T:
                part_of = band[places] % n_parts
                for number in range(n_parts):
                    own = places[part_of == number]
                    yield band[own], own, is_new[own]

        for _, found in self._give("collide", list_parts()):
            yield from found

    def _hash(self, inputs: Sequence[FileInput]) -> list[FileInput]:
        """The files by paths that hold everywhere, with their digests; without, if unreadable."""
        placed = [_place_absolute(given) for given in inputs]
        unknown = [at for at, given in enumerate(placed) if given.digest is None]
        self._progress.start("looking at the files", len(unknown), "files")
        files = [placed[at] for at in unknown]
        for number, found in self._give_hashes(files):
            if isinstance(found, str):
                placed[unknown[number]] = replace(placed[unknown[number]], digest=found)
            self._progress.advance()
        self._progress.finish()
        return placed

    def _give_hashes(self, files: Sequence[FileInput]) -> Iterator[tuple[int, Any]]:
        """Few bytes are hashed here: no worker is to be started where nothing is new."""
        if sum(map(measure_file, files)) > HASHED_HERE_BYTES:
            yield from self._give("hash", files)
            return
        for number, given in enumerate(files):
            with suppress(EarfulError):  # the loading says it
                yield number, hash_file(given.file)

    def _plan(self, inputs: Sequence[FileInput], settings: ReadSettings) -> None:
        self._progress.start("cutting the files into shards", len(inputs), "files")
        orders = [
            (given, size_shards(given, self._shard_rows, self._n_workers)) for given in inputs
        ]
        plans: dict[int, Planned | EarfulError] = dict(self._give("plan", orders))
        for number, given in enumerate(inputs):
            planned = plans[number]
            if isinstance(planned, EarfulError):
                self._read[given] = planned
                continue
            for warning in planned.warnings:
                self._progress.warn(warning)
            plan = planned.plan
            parts = plan.parts if plan.plans else ()
            names = [self._name(given, plan, part, settings) for part in parts]
            self._read[given] = (
                plan,
                [
                    ShardOrder(name, self._lake.shards, given, plan, part, settings)
                    for name, part in zip(names, parts, strict=True)
                ],
            )
        self._progress.finish()

    def _name(self, given: FileInput, plan: FilePlan, part: Part, settings: ReadSettings) -> str:
        """Hash of all that decides what is in a shard."""
        reading = hash_reading(given, "feedback", settings)
        models = sentiment_key(self._models)
        secret = fingerprint_secret(settings.secret)
        told = (SHARD_VERSION, code_version(), reading, given.file.name, part, models, secret)
        return hashlib.sha256(repr((told, plan.encoding)).encode()).hexdigest()[:32]

    def _make_shards(self) -> None:
        """Have the shards made that are not done yet, and keep what the models have read."""
        orders = {
            order.name: order
            for found in self._read.values()
            if not isinstance(found, EarfulError)
            for order in found[1]
        }
        done = [name for name in orders if name in self._lake.done]
        due = [order for name, order in orders.items() if name not in self._lake.done]
        self._progress.start("reading in shards", len(orders), "shards")
        for name in done:
            self._keep(self._lake.done[name])
        if due:
            self._share(known=self._list_known())
        for _, receipt in self._give("shard", due):
            if isinstance(receipt, EarfulError):
                raise receipt
            self._lake.note(receipt)
            self._keep(receipt)
        self._progress.finish(f"{len(done):,} were done before" if done else "")

    def _share(self, **values: Any) -> None:
        assert self._workers is not None, "use() comes first"
        self._workers.share(**values)

    def _give(self, task: str, arguments: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        """Have tasks done: the number of each and its result.

        :raises WorkersError: when the workers are lost.
        """
        assert self._workers is not None, "use() comes first"
        yield from self._workers.map(task, arguments)

    def _list_known(self) -> Any:
        """Short hashes of the texts that the store has vectors of."""
        vector = tables.vector.c
        query = select(vector.text_hash).where(vector.model == self._models.encoder_name)
        rows = self._run.connection.execute(query.execution_options(yield_per=10_000)).scalars()
        return shorten_hashes(rows)

    def _keep(self, receipt: ShardReceipt) -> None:
        folder = self._lake.shards / receipt.name
        self._journal.add(sentiment_key(self._models), load_readings(folder))
        self._shelf.add_parts(load_parts(folder))
        self._shelf.add_sketches(load_sketches(folder))
        self._progress.advance()


def size_shards(given: FileInput, shard_rows: int, n_workers: int) -> int:
    """Rows of each shard of a file; by nothing else, so that the next run finds the same shards.

    :param shard_rows: the most.
    :param n_workers: 0 where nobody knows how many there are.
    """
    if not n_workers:
        return shard_rows
    rows = measure_file(given) // (ROW_BYTES * SHARDS_A_WORKER * n_workers)
    return min(shard_rows, max(LEAST_SHARD_ROWS, rows))


def _place_absolute(given: FileInput) -> FileInput:
    return replace(given, file=replace(given.file, path=given.file.path.absolute()))
