"""Makes the index from the store: one pass over the mentions that count, in the order of texts."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, BinaryIO

import numpy as np
from sqlalchemy import Connection, Select, and_, func, select, true
from sqlalchemy.sql.elements import ColumnElement

from nlp.postings import make_postings, number_words
from nlp.quantised import quantise_rows
from nlp.themes.centring import LanguageMeans, centre_rows, voice_of
from pipelines import tables
from pipelines.asking.array_file import ArrayWriter
from pipelines.counted import counted_mentions, feedback, is_counted, mention, voice
from pipelines.progress import Progress
from pipelines.readings import vectors_of
from pipelines.vector_lake.reading import load_vectors

_BATCH = 8_192
_NAMED = ("lang", "source", "theme", "segment", "sentiment")
_ANY: ColumnElement[bool] = true()
NO_TIME = np.iinfo(np.int64).min


def write_index(
    connection: Connection,
    encoder_name: str,
    means: LanguageMeans,
    file: BinaryIO,
    stamp: str,
    progress: Progress,
    chosen: ColumnElement[bool] = _ANY,
) -> None:
    """Write the index of all mentions that count and have a vector.

    :param means: what is subtracted from each language.
    :param stamp: what it is made from.
    :param chosen: of which mentions, all of some texts.
    """
    writer, gathered = ArrayWriter(file), _Gathered()
    progress.start("making the index", unit="mentions", total=_count(connection, chosen))
    for rows in _read_batches(connection, encoder_name, chosen):
        first = _first_of_texts(rows)
        texts = [rows[at] for at in first]
        vectors = vectors_of(load_vectors(connection, [row.data for row in texts]))
        voices = [voice_of(row.lang or "und", row.channel or "") for row in texts]
        quantised = quantise_rows(centre_rows(vectors, voices, means))
        writer.append("numbers", quantised.numbers)
        gathered.add(rows, texts, first, quantised.scales)
        progress.advance(len(rows))
    if not gathered.n_texts:
        writer.append("numbers", np.zeros((0, 1), dtype=np.int8))
    gathered.write(writer)
    writer.finish({"stamp": stamp, "names": gathered.list_names()})
    progress.finish(f"{gathered.n_texts:,} distinct texts")


class _Gathered:
    """All but the vectors, which are too large to be held: 150 bytes a text."""

    def __init__(self) -> None:
        self.n_texts = self.n_mentions = 0
        self._parts: dict[str, list[Any]] = {}
        self._codes: dict[str, dict[str | None, int]] = {name: {} for name in (*_NAMED, "voice")}

    def add(
        self, rows: Sequence[Any], texts: Sequence[Any], first: Sequence[int], scales: Any
    ) -> None:
        """Take a batch of mentions, whole texts of them."""
        self._keep("scales", scales)
        self._keep("text_hashes", np.array([row.text_hash for row in texts], dtype="S32"))
        self._keep("starts", np.array(first, dtype=np.int64) + self.n_mentions)
        self._keep("words", number_words([row.text for row in texts], self.n_texts))
        self._keep("mention_ids", np.array([row.mention_id.encode() for row in rows]))
        times = [int(row.occurred_at.timestamp()) if row.occurred_at else NO_TIME for row in rows]
        self._keep("at", np.array(times, dtype=np.int64))
        for name, codes in self._codes.items():
            numbers = [codes.setdefault(value, len(codes)) for value in _values(rows, name)]
            self._keep(name, np.array(numbers, dtype=np.int32))
        self.n_texts += len(texts)
        self.n_mentions += len(rows)

    def write(self, writer: ArrayWriter) -> None:
        """Write what was taken."""
        pairs = self._take("words", np.uint64)
        postings = make_postings(pairs, self.n_texts)
        del pairs
        self._keep("starts", np.array([self.n_mentions], dtype=np.int64))
        for name, array in (
            ("words", postings.words),
            ("word_starts", postings.starts),
            ("word_rows", postings.rows),
            ("scales", self._take("scales", np.float32)),
            ("text_hashes", self._take("text_hashes", "S32")),
            ("mention_ids", self._take("mention_ids", "S1")),
            *((name, self._take(name, np.int64)) for name in ("starts", "at")),
            *((name, self._take(name, np.int32)) for name in self._codes),
        ):
            writer.append(name, array)

    def list_names(self) -> dict[str, list[str | None]]:
        """What the numbers of each column mean."""
        return {name: list(self._codes[name]) for name in _NAMED}

    def _keep(self, name: str, part: Any) -> None:
        self._parts.setdefault(name, []).append(part)

    def _take(self, name: str, kind: Any) -> Any:
        parts = self._parts.pop(name, [])
        return np.concatenate(parts) if parts else np.zeros(0, dtype=kind)


def _values(rows: Sequence[Any], name: str) -> Iterator[str | None]:
    return (getattr(row, name) for row in rows)


def _first_of_texts(rows: Sequence[Any]) -> list[int]:
    places = groupby(range(len(rows)), key=lambda at: rows[at].text_hash)
    return [next(own) for _, own in places]


def _read_batches(
    connection: Connection, encoder_name: str, chosen: ColumnElement[bool]
) -> Iterator[list[Any]]:
    """Mentions by text; no text is in two batches."""
    query = _select_mentions(encoder_name).where(chosen).execution_options(yield_per=_BATCH)
    held: list[Any] = []
    for part in connection.execute(query).partitions():
        held += part
        last = held[-1].text_hash
        end = len(held)
        while end and held[end - 1].text_hash == last:
            end -= 1
        if end:
            yield held[:end]
            held = held[end:]
    if held:
        yield held


def _select_mentions(encoder_name: str) -> Select[Any]:
    vector, customer = tables.vector.c, tables.customer.c
    return (
        select(
            mention.mention_id,
            mention.text_hash,
            mention.text,
            mention.lang,
            mention.sentiment,
            mention.theme_id.label("theme"),
            feedback.source,
            feedback.channel,
            feedback.occurred_at,
            voice.label("voice"),
            customer.segment,
            vector.data,
        )
        .select_from(counted_mentions)
        .join(
            tables.vector,
            and_(vector.text_hash == mention.text_hash, vector.model == encoder_name),
        )
        .outerjoin(tables.customer, customer.customer_id == feedback.customer_id)
        .where(is_counted)
        .order_by(mention.text_hash, mention.mention_id)
    )


def _count(connection: Connection, chosen: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(counted_mentions).where(is_counted, chosen)
    return connection.execute(query).scalar_one()
