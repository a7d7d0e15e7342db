"""The texts that count, each once, with what is known of them: what theme discovery works on."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from sys import intern
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, and_, delete, func, insert, or_, select

from nlp.cleaning import normalize_text
from nlp.themes.centring import (
    LanguageMeans,
    fit_centres,
    load_language_means,
    name_voices,
    zero_means,
)
from nlp.themes.discovery import Discovery, discover_themes
from nlp.themes.granularity import Granularity
from nlp.themes.steadying import KnownLabels
from pipelines import tables
from pipelines.counted import counted_mentions, feedback, is_counted, mention
from pipelines.models import Models
from pipelines.ragged import Ragged
from pipelines.rights.gate import allows
from pipelines.runs import Run
from pipelines.themes.pool_vectors import MentionVectors, find_vectors, take_vectors

# Of a larger pool the vectors stay in the store and are read by parts: these take 75 MB.
IN_MEMORY_ROWS = 50_000
_ROWS_A_FETCH: Final = 10_000
# Enough of a hash: of a billion mentions two share their key by chance once in 10^20.
_KEY_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Fate:
    """What was found about a mention: of the nearest theme, unless there is a reason.

    People's edits do not change it: what they decide lies over it.
    """

    nearest: str | None
    strength: float
    reason: str | None

    @property
    def theme_id(self) -> str | None:
        """The theme that it was found to belong to."""
        return self.nearest if self.reason is None else None


@dataclass(frozen=True)
class Pool:
    """Distinct mentions in distinct neighbourhoods, in the order of their keys.

    The theme of a mention is decided from its words and those of its neighbours in the same
    feedback; equal feedback therefore shares one fate.

    :param keys: hash of the mention's text and of its neighbours'.
    :param registers: the channel that each came by, "" where unknown.
    :param documents: feedback_id of the first of its mentions.
    :param periods: the month of the first of its mentions, "" where unknown.
    :param mentions: all mentions that share the fate, those that may be quoted first.
    :param counts: how many of these count, that is, are no copies.
    :param quotes: verbatim text of the first of these.
    :param vectors: (n, dim) unit rows with their context mixed in; an array, or, where there are
        many, what reads them by parts.
    :param fates: what an earlier run decided; None where none did.
    :param waiting: mentions that nobody has decided about, whether or not their like was decided.
    """

    keys: list[str]
    langs: list[str]
    registers: list[str]
    documents: list[str]
    periods: list[str]
    mentions: Sequence[list[str]]
    counts: list[int]
    quotes: list[str]
    vectors: Any
    fates: list[Fate | None]
    waiting: Sequence[list[str]]

    @cached_property
    def texts(self) -> list[str]:
        """Normalised, when they are first needed: of a large pool mostly those of few rows are."""
        return list(map(_normalize_quote, self.quotes, self.langs))

    @cached_property
    def is_new(self) -> Any:
        """(n,) whether no run has decided about it yet."""
        return np.array([fate is None for fate in self.fates], dtype=bool)

    @cached_property
    def themes(self) -> list[str | None]:
        """Theme of each as found, None while unassigned."""
        return [fate.theme_id if fate else None for fate in self.fates]

    def take(self, rows: Iterable[int]) -> "Pool":
        """Only these rows."""
        chosen = [int(row) for row in rows]
        return Pool(
            [self.keys[row] for row in chosen],
            [self.langs[row] for row in chosen],
            [self.registers[row] for row in chosen],
            [self.documents[row] for row in chosen],
            [self.periods[row] for row in chosen],
            [self.mentions[row] for row in chosen],
            [self.counts[row] for row in chosen],
            [self.quotes[row] for row in chosen],
            take_vectors(self.vectors, chosen),
            [self.fates[row] for row in chosen],
            [self.waiting[row] for row in chosen],
        )


def load_pool(run: Run, models: Models) -> Pool:
    """Every distinct mention of feedback that counts; its copies stand beside it."""
    return read_pool(run.connection, models.encoder_name)


def read_pool(connection: Connection, encoder_name: str) -> Pool:
    """See :func:`load_pool`; of the vectors of this encoder."""
    return _collapse(_read_mentions(connection, encoder_name, _select_members(encoder_name)))


def load_theme_pool(connection: Connection, encoder_name: str, theme_id: str) -> Pool:
    """The distinct mentions of one theme, as people see it: after edits."""
    own = set(
        connection.execute(select(mention.mention_id).where(mention.theme_id == theme_id)).scalars()
    )
    speaks = select(mention.feedback_id).where(mention.theme_id == theme_id)
    query = _select_members(encoder_name).where(mention.feedback_id.in_(speaks))
    pool = _collapse(_read_mentions(connection, encoder_name, query))
    return pool.take(row for row, ids in enumerate(pool.mentions) if own & {*ids})


def load_found_pool(connection: Connection, encoder_name: str, theme_ids: Sequence[str]) -> Pool:
    """The distinct mentions that were found to belong to some themes: before edits."""
    is_found = and_(mention.nearest_theme_id.in_(theme_ids), mention.found_reason.is_(None))
    speaks = select(mention.feedback_id).where(is_found)
    query = _select_members(encoder_name).where(mention.feedback_id.in_(speaks))
    pool = _collapse(_read_mentions(connection, encoder_name, query))
    wanted = set(theme_ids)
    return pool.take(
        row
        for row, fate in enumerate(pool.fates)
        if fate and fate.reason is None and fate.nearest in wanted
    )


@dataclass(frozen=True)
class Members:
    """The distinct mentions of a theme, in the order of their keys; those that may be quoted first.

    :param quotes: verbatim.
    :param vectors: (n, dim) unit rows with their context mixed in.
    """

    mention_ids: list[str]
    quotes: list[str]
    vectors: Any


def load_members(
    connection: Connection, encoder_name: str, theme_ids: Sequence[str], max_members: int
) -> dict[str, Members]:
    """The mentions of some themes that may be quoted, as people see them: after edits.

    Only feedback in which these are is read: of a million mentions a tenth.

    :param max_members: mentions of each theme; the first by the hash that is their feedback's id,
        which is as good as by lot.
    :returns: by theme; empty where a theme has no mention with a vector.
    """
    is_quotable = and_(is_counted, allows(connection, "quoting"))
    order = (mention.feedback_id, mention.position)
    place = func.row_number().over(partition_by=mention.theme_id, order_by=order)
    ranked = (
        select(mention.feedback_id, place.label("place"))
        .select_from(counted_mentions)
        .where(mention.theme_id.in_(theme_ids), is_quotable)
        .subquery()
    )
    speaks = select(ranked.c.feedback_id).where(ranked.c.place <= max_members)
    query = _select_members(encoder_name).where(mention.feedback_id.in_(speaks), is_quotable)
    read = _read_mentions(connection, encoder_name, query)
    own: dict[str, list[int]] = {theme_id: [] for theme_id in theme_ids}
    for at, row in enumerate(read.rows):
        # In the same order: what others' feedback says of a theme beyond its first is left out.
        if row.theme_id in own and len(own[row.theme_id]) < max_members:
            own[row.theme_id].append(at)
    found = {}
    for theme_id, places in own.items():
        alike = read.group_alike(np.array(places, dtype=np.intp))
        first = alike.values[alike.starts].tolist()
        mention_ids, quotes = (
            [getattr(read.rows[at], name) for at in first] for name in ("mention_id", "text")
        )
        found[theme_id] = Members(mention_ids, quotes, read.vectors[first])
    return found


def _select_members(encoder_name: str) -> Select[Any]:
    """Mentions that count and their copies, those that have a vector, in reading order."""
    vector = tables.vector.c
    return (
        select(
            mention.mention_id,
            mention.feedback_id,
            mention.text_hash,
            mention.text,
            mention.lang,
            mention.nearest_theme_id,
            mention.theme_strength,
            mention.found_reason,
            mention.theme_id,
            feedback.noise_reason,
            feedback.channel,
            feedback.occurred_at,
        )
        .select_from(counted_mentions)
        .join(
            tables.vector,
            and_(vector.text_hash == mention.text_hash, vector.model == encoder_name),
        )
        .where(or_(is_counted, feedback.duplicate_of.is_not(None)))
        .order_by(mention.feedback_id, mention.position)
    )


class _Mention(NamedTuple):
    """A mention as it is read; what many have in common is one object, for there are millions.

    :param theme_strength: set where it was decided about.
    """

    mention_id: str
    feedback_id: str
    text_hash: str
    text: str
    lang: str
    nearest_theme_id: str | None
    theme_strength: float
    found_reason: str | None
    theme_id: str | None
    noise_reason: str | None
    channel: str
    period: str


@dataclass(frozen=True)
class _Read:
    """Mentions in reading order.

    :param keys: (n, 2) hash of the text of each and of those that it is read with.
    """

    rows: Sequence[_Mention]
    keys: NDArray[np.uint64]
    vectors: MentionVectors

    @cached_property
    def is_copy(self) -> NDArray[np.bool_]:
        """(n,) whether it stands behind what it copies."""
        return np.array([row.noise_reason is not None for row in self.rows], dtype=bool)

    def group_alike(self, chosen: NDArray[np.intp]) -> "Ragged[int]":
        """Places by key, in the order of the keys; copies stand behind what they copy.

        What only copies say in its very words is left out: it shares the fate of what it copies.
        """
        keys, is_copy = self.keys[chosen], self.is_copy[chosen]
        order = np.lexsort((chosen, is_copy, keys[:, 1], keys[:, 0]))
        keys, is_copy, places = keys[order], is_copy[order], chosen[order]
        is_first = np.ones(len(places), dtype=bool)
        is_first[1:] = (keys[1:] != keys[:-1]).any(axis=1)
        is_kept = ~is_copy[is_first][np.cumsum(is_first) - 1] if len(places) else is_first
        return Ragged(places[is_kept], np.flatnonzero(is_first[is_kept]))


def _read_mentions(connection: Connection, encoder_name: str, query: Select[Any]) -> _Read:
    rows = list(_stream_mentions(connection, query))
    hashes = [row.text_hash for row in rows]
    vectors = find_vectors(connection, encoder_name, hashes, [row.feedback_id for row in rows])
    keys = bytearray()
    near = zip(rows, vectors.starts.tolist(), vectors.sizes.tolist(), strict=True)
    for place, (row, start, size) in enumerate(near):
        named = "\0".join((*hashes[start : start + size], str(place - start), row.lang))
        keys += hashlib.sha256(named.encode()).digest()[:_KEY_BYTES]
    return _Read(rows, np.frombuffer(keys, dtype=">u8").astype(np.uint64).reshape(-1, 2), vectors)


def _stream_mentions(connection: Connection, query: Select[Any]) -> Iterator[_Mention]:
    feedback_id = ""
    for row in connection.execute(query.execution_options(yield_per=_ROWS_A_FETCH)):
        mention_id, of_feedback, text_hash, text, lang, nearest, strength, *rest = row
        found_reason, theme_id, noise_reason, channel, occurred_at = rest
        feedback_id = feedback_id if of_feedback == feedback_id else of_feedback
        yield _Mention(
            mention_id,
            feedback_id,
            text_hash,
            text,
            intern(lang),
            nearest and intern(nearest),
            strength,
            found_reason and intern(found_reason),
            theme_id and intern(theme_id),
            noise_reason and intern(noise_reason),
            intern(channel or ""),
            _month_of(occurred_at),
        )


def _collapse(read: _Read) -> Pool:
    """One row for each key: the first mention that counts stands for all."""
    rows = read.rows
    alike = read.group_alike(np.arange(len(rows)))
    first = alike.values[alike.starts]
    chosen = [rows[at] for at in first.tolist()]
    is_waiting = np.array(
        [row.nearest_theme_id is None and row.found_reason is None for row in rows], dtype=bool
    )
    # What a near-copy says beyond its original is set aside with it, whatever its words.
    is_aside = np.array([row.found_reason == "noise" for row in rows], dtype=bool)
    is_decided = ~is_waiting & ~is_aside
    ids = np.array([row.mention_id for row in rows], dtype=object)
    vectors = read.vectors.take(first)
    return Pool(
        keys=[key.hex() for key in _list_digests(read.keys[first])],
        langs=[row.lang for row in chosen],
        registers=[row.channel for row in chosen],
        documents=[row.feedback_id for row in chosen],
        periods=[row.period for row in chosen],
        mentions=alike.map(ids),
        counts=alike.tally(~read.is_copy).tolist(),
        quotes=[row.text for row in chosen],
        vectors=vectors if len(first) > IN_MEMORY_ROWS else vectors[:],
        fates=[_read_fate(rows, at) for at in alike.find_first(is_decided).tolist()],
        waiting=alike.only(is_waiting).map(ids),
    )


def _list_digests(keys: NDArray[np.uint64]) -> Iterator[bytes]:
    data = keys.astype(">u8").tobytes()
    return (data[at : at + _KEY_BYTES] for at in range(0, len(data), _KEY_BYTES))


def _normalize_quote(quote: str, lang: str) -> str:
    """The same object where nothing changes: there may be millions."""
    text = normalize_text(quote, lang)
    return quote if text == quote else text


def _month_of(at: datetime | None) -> str:
    return intern(f"{at.year}-{at.month:02d}") if at else ""


def _read_fate(rows: Sequence[_Mention], place: int) -> Fate | None:
    """What was decided about a mention; of -1 nothing was."""
    if place < 0:
        return None
    decided = rows[place]
    return Fate(decided.nearest_theme_id, decided.theme_strength, decided.found_reason)


def find_encoder(connection: Connection) -> str:
    """The encoder of the last run that read texts; empty where none did."""
    column = tables.run.c
    query = (
        select(column.encoder)
        .where(column.encoder.is_not(None), column.status == "done")
        .order_by(column.run_id.desc())
        .limit(1)
    )
    return connection.execute(query).scalar() or ""


def means_of(*, is_default_encoder: bool, dim: int) -> LanguageMeans:
    """The shipped means of the default encoder; none of another."""
    return load_language_means() if is_default_encoder else zero_means(dim)


def fixed_means(models: Models, dim: int) -> LanguageMeans:
    """The shipped language means, for the encoder that they were made with."""
    return means_of(is_default_encoder=models.is_default_encoder, dim=dim)


def discover_pool(
    models: Models,
    pool: Pool,
    *,
    known: KnownLabels | None = None,
    centres: Mapping[str, Any] | None = None,
    granularity: Granularity = "normal",
) -> Discovery:
    """Find the themes of a pool; see :func:`nlp.themes.discovery.discover_themes`."""
    return discover_themes(
        pool.texts,
        pool.vectors,
        pool.langs,
        registers=pool.registers,
        documents=pool.documents,
        periods=pool.periods,
        means=fixed_means(models, pool.vectors.shape[1]),
        known=known,
        centres=centres,
        granularity=granularity,
        counts=pool.counts,
    )


def read_centres(run: Run, models: Models, known: Pool) -> dict[str, Any]:
    """What is subtracted from each language and voice, as it was when the themes were found.

    After a change of the encoder it is fitted anew, to the members of the themes.
    """
    if stored := find_centres(run.connection, models.encoder_name):
        return stored
    means = fixed_means(models, known.vectors.shape[1])
    centres = fit_centres(known.vectors[:], name_voices(known.langs, known.registers), means)
    write_centres(run, models, centres)
    return dict(centres)


def find_centres(connection: Connection, encoder_name: str) -> dict[str, Any]:
    """What is kept of :func:`read_centres`; empty where nothing is."""
    column = tables.language_centre.c
    query = select(column.lang, column.data).where(column.model == encoder_name)
    stored = connection.execute(query).all()
    return {lang: np.frombuffer(data, dtype="<f4") for lang, data in stored}


def write_centres(run: Run, models: Models, centres: Any) -> None:
    """Keep what is subtracted from each language, in the place of what was before."""
    column = tables.language_centre.c
    run.connection.execute(
        delete(tables.language_centre).where(column.model == models.encoder_name)
    )
    rows = [
        {
            "lang": lang,
            "model": models.encoder_name,
            "data": np.ascontiguousarray(centre, dtype="<f4").tobytes(),
        }
        for lang, centre in sorted(centres.items())
    ]
    if rows:
        run.connection.execute(insert(tables.language_centre), rows)
