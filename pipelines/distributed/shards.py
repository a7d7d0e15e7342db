"""A shard: some rows of a file, read, masked, split and understood, as Parquet.

All of it is done by the functions that a local run calls, so that the tables are the same.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines import tables
from pipelines.distributed.lake import place_folder
from pipelines.distributed.receipts import ShardReceipt
from pipelines.encoder_pass import TextRow, list_calls, read_texts
from pipelines.ingest import prepare_items
from pipelines.journal import Reading
from pipelines.loading import FileInput, Prepared, ReadSettings
from pipelines.models import Models
from pipelines.parquet_tables import Kind, find_kind, stream_parquet_rows
from pipelines.reading.cutting import Part
from pipelines.reading.fields import Tally
from pipelines.reading.tables import BadRow
from pipelines.recognition import FilePlan, read_part
from pipelines.refused import RefusedRow, hide_person
from pipelines.selection import LEFT_OUT, Chooser, LeftOut, Selection
from pipelines.sketches import sketch_feedback
from pipelines.splitting import FeedbackText, describe_parts
from pipelines.staging import Incoming

LakeRow = Prepared | RefusedRow | LeftOut
# What the store adds to a row, or its later steps do.
_LATER: Final = {
    *("run_id", "ingested_at", "customer_id", "refused", "enriched_run"),
    *("link_confidence", "link_method", "link_via"),
}
_COLUMNS: Final[dict[str, Kind]] = {
    column.name: find_kind(column.type)
    for column in tables.feedback.columns
    if column.name not in _LATER
}
_ROWS: Final[dict[str, Kind]] = {
    "became": "text",
    "row_number": "whole",
    "digest": "text",
    "keys": "json",
    "reason": "text",
    "raw": "text",
    "said": "json",
    "said_at": "moment",
    **_COLUMNS,
}
_PARTS: Final[dict[str, Kind]] = {
    "text_key": "text",
    "char_start": "whole",
    "char_end": "whole",
    "target": "text",
}
_TEXTS: Final[dict[str, Kind]] = {
    "text_hash": "text",
    "vector": "bytes",
    "probabilities": "bytes",
    "lang": "text",
}
_SKETCHES: Final[dict[str, Kind]] = {"text_hash": "text", "sketch": "bytes"}
_HASH_DIGITS: Final = 16


@dataclass(frozen=True)
class ShardOrder:
    """A shard that is wanted.

    :param name: hash of all that decides what is in it.
    :param folder: where it is to be.
    """

    name: str
    folder: Path
    given: FileInput
    planned: FilePlan
    part: Part
    settings: ReadSettings = field(repr=False)


def make_shard(order: ShardOrder, models: Models, known: NDArray[np.uint64]) -> ShardReceipt:
    """Read and understand what belongs to a shard, and put it into the lake.

    :param known: sorted short hashes of texts that have their reading, see :func:`shorten_hashes`.
    :raises InputError: when the file cannot be read any more.
    :raises ConfigError: when a model cannot be used.
    :raises StoreError: when the lake cannot be written.
    """
    chooser = Chooser(order.settings.selection or Selection())
    tallies: list[Tally] = []
    rows = list(_read_rows(order, chooser, tallies))
    distinct = list({key_text(each): each for each in _list_texts(rows)}.values())
    said = describe_parts(distinct)
    texts = {one.part.row.text_hash: one.part.row for own in said for one in own}
    readings = _read_unknown(list(texts.values()), models, known)
    alike = list({each.text_hash: each for each in distinct}.values())
    with place_folder(order.folder / order.name) as placed:
        _write(placed.path, "rows", _ROWS, map(_pack_row, rows))
        parts = (
            (key_text(each), one.part.span.start, one.part.span.end, one.target)
            for each, own in zip(distinct, said, strict=True)
            for one in own
        )
        _write(placed.path, "parts", _PARTS, parts)
        read = ((key, one.vector, one.probabilities, one.lang) for key, one in readings.items())
        _write(placed.path, "texts", _TEXTS, read)
        hashes = [each.text_hash for each in alike]
        _write(placed.path, "sketches", _SKETCHES, zip(hashes, sketch_feedback(alike), strict=True))
    counts = (len(rows), len(texts), len(readings), chooser.n_undated)
    return ShardReceipt(order.name, placed.digest, *counts, (*tallies,))


def key_text(said: FeedbackText) -> str:
    """What decides how a feedback is split: its very text and its language."""
    told = f"{said.lang}\0{said.text}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(told).hexdigest()[:32]


def shorten_hashes(text_hashes: Iterable[str]) -> NDArray[np.uint64]:
    """As much of each hash as tells texts apart, sorted; 8 bytes a text."""
    numbers = [int(each[:_HASH_DIGITS], 16) for each in text_hashes]
    return np.sort(np.array(numbers, dtype=np.uint64))


def load_rows(folder: Path, given: FileInput) -> Iterator[LakeRow]:
    """What a shard holds of its file, in the file's order."""
    for row in _load(folder, "rows"):
        yield _unpack_row(row, given)


def load_parts(folder: Path) -> Iterator[tuple[str, list[tuple[int, int, str | None]]]]:
    """Where the parts of each text begin and end and what they are said of, by `key_text`."""
    parts: dict[str, list[tuple[int, int, str | None]]] = {}
    for row in _load(folder, "parts"):
        place = (row["char_start"], row["char_end"], row["target"])
        parts.setdefault(row["text_key"], []).append(place)
    yield from parts.items()


def load_readings(folder: Path) -> dict[str, Reading]:
    """What the models made of the texts of a shard, by hash."""
    return {
        row["text_hash"]: Reading(row["vector"], row["probabilities"], row["lang"])
        for row in _load(folder, "texts")
    }


def load_sketches(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The sketches of the texts of feedback, by hash."""
    for row in _load(folder, "sketches"):
        yield row["text_hash"], row["sketch"]


def _read_rows(order: ShardOrder, chooser: Chooser, tallies: list[Tally]) -> Iterator[LakeRow]:
    settings = order.settings
    items = read_part(
        order.given.file, order.planned, order.part, timezone=settings.timezone, tallies=tallies
    )
    for item in chooser.choose(items):
        if isinstance(item, LeftOut):
            yield item
        elif isinstance(item, BadRow):
            yield hide_person(item, settings.secret, settings.region, settings.masking)
        else:
            yield from prepare_items(order.given, [item], settings)


def _list_texts(rows: Sequence[LakeRow]) -> Iterator[FeedbackText]:
    for each in rows:
        if isinstance(each, Prepared):
            row = each.incoming.row
            yield FeedbackText(row["text_hash"], row["text"], row["lang"])


def _read_unknown(
    texts: Sequence[TextRow], models: Models, known: NDArray[np.uint64]
) -> dict[str, Reading]:
    numbers = np.array([int(row.text_hash[:_HASH_DIGITS], 16) for row in texts], dtype=np.uint64)
    is_new = ~np.isin(numbers, known)
    unknown = [row for row, new in zip(texts, is_new.tolist(), strict=True) if new]
    readings: dict[str, Reading] = {}
    for call in list_calls(unknown):
        readings |= read_texts(call, models)
    return readings


def _pack_row(row: LakeRow) -> tuple[Any, ...]:
    if isinstance(row, LeftOut):
        return ("left out", *[None] * (len(_ROWS) - 1))
    if isinstance(row, RefusedRow):
        named, said = json.dumps(dict(row.keys)), json.dumps(dict(row.said))
        whom = ("refused", row.number, None, named)
        return (*whom, row.reason, row.raw, said, row.said_at, *[None] * len(_COLUMNS))
    incoming = row.incoming
    values = {**incoming.row, "attributes": json.dumps(incoming.row["attributes"])}
    told = ("feedback", incoming.row_number, row.digest, json.dumps(incoming.keys))
    return (*told, *[None] * 4, *(values.get(name) for name in _COLUMNS))


def _unpack_row(row: dict[str, Any], given: FileInput) -> LakeRow:
    if row["became"] == "left out":
        return LEFT_OUT
    keys = json.loads(row["keys"])
    if row["became"] == "refused":
        said = json.loads(row["said"])
        told = (row["row_number"], row["reason"], row["raw"])
        return RefusedRow(*told, keys, said, row["said_at"])
    values = {name: row[name] for name in _COLUMNS}
    values["attributes"] = json.loads(values["attributes"])
    if row["digest"] is not None:
        del values["feedback_id"]  # is made from it
    incoming = Incoming(values, given.file.name, row["row_number"], keys)
    return Prepared(incoming, row["digest"])


def _write(folder: Path, name: str, kinds: dict[str, Kind], rows: Iterable[Sequence[Any]]) -> None:
    with (folder / f"{name}.parquet").open("wb") as file:
        stream_parquet_rows(file, kinds, rows)


def _load(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    from pyarrow import parquet

    for batch in parquet.ParquetFile(folder / f"{name}.parquet").iter_batches(batch_size=5_000):
        yield from batch.to_pylist()
