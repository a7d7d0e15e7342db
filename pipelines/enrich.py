"""The step that reads the texts: mentions, vectors, sentiment."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, and_, bindparam, func, insert, or_, select, update

from nlp.cleaning import normalize_text, text_hash
from nlp.mentions import Span, split_texts
from nlp.sentiment import sentiment_of
from nlp.targets import find_target
from pipelines import tables
from pipelines.copies import mark_copies
from pipelines.journal import Journal, Reading
from pipelines.models import Models
from pipelines.progress import Progress
from pipelines.runs import Run
from pipelines.store import read_info, write_info

SPLIT_BATCH = 1_000
# Texts a batch of the encoder pass: what a crash can cost, and what is held in memory.
ENCODE_BATCH = 1_024
VECTOR_TYPE = np.dtype("<f2")
PROBABILITY_TYPE = np.dtype("<f4")


def enrich_feedback(run: Run, models: Models, journal: Journal, progress: Progress) -> None:
    """Split new feedback into mentions, and give every mention its vector and its sentiment.

    One pass of the encoder per distinct text. A model that changed reads all texts again.
    """
    mark_copies(run)
    _split_feedback(run, progress)
    run.facts["encoder"] = models.encoder_name
    run.facts["sentiment_model"] = models.sentiment_name
    _read_texts(run, models, journal, progress)
    _score_texts(run, models, progress)
    run.counts["n_noise"] = _count_noise(run)


def vectors_of(data: Sequence[bytes]) -> Any:
    """(n, dim) float16 vectors from what the table holds."""
    return np.frombuffer(b"".join(data), dtype=VECTOR_TYPE).reshape(len(data), -1)


def sentiment_key(models: Models) -> str:
    """What a stored sentiment depends on: it may be read in the encoder's pass."""
    return f"{models.encoder_name} + {models.sentiment_name}"


def _split_feedback(run: Run, progress: Progress) -> None:
    feedback = tables.feedback.c
    waiting = feedback.enriched_run.is_(None)
    total = run.connection.execute(
        select(func.count()).select_from(tables.feedback).where(waiting)
    ).scalar_one()
    if not total:
        return
    progress.start("splitting into mentions", total, "feedback")
    query = (
        select(feedback.feedback_id, feedback.text, feedback.lang, feedback.noise_reason)
        .where(waiting)
        .order_by(feedback.feedback_id)
        .limit(SPLIT_BATCH)
    )
    while batch := run.connection.execute(query).all():
        _split_batch(run, batch)
        progress.advance(len(batch))
    run.mark_changed()
    progress.finish(f"{run.counts['n_mentions']:,} mentions")


def _split_batch(run: Run, batch: Sequence[Any]) -> None:
    spans = split_texts([row.text for row in batch], [row.lang for row in batch])
    mentions = [
        _make_mention(row, position, span, run.run_id)
        for row, row_spans in zip(batch, spans, strict=True)
        for position, span in enumerate(row_spans)
    ]
    if mentions:
        run.connection.execute(insert(tables.mention), mentions)
    run.counts["n_mentions"] += len(mentions)
    run.connection.execute(
        update(tables.feedback)
        .where(tables.feedback.c.feedback_id == bindparam("id"))
        .values(enriched_run=run.run_id),
        [{"id": row.feedback_id} for row in batch],
    )


def _make_mention(row: Any, position: int, span: Span, run_id: str) -> dict[str, Any]:
    text = row.text[span.start : span.end]
    return {
        "mention_id": f"{row.feedback_id}-{position}",
        "feedback_id": row.feedback_id,
        "position": position,
        "char_start": span.start,
        "char_end": span.end,
        "text": text,
        "text_hash": text_hash(normalize_text(text, row.lang)),
        "lang": row.lang,
        "target": find_target(text, row.lang),
        "run_id": run_id,
    }


def _read_texts(run: Run, models: Models, journal: Journal, progress: Progress) -> None:
    """The one pass of the encoder: vectors and sentiment of every text that has no vector."""
    missing = _without(tables.vector, models.encoder_name)
    total = _count(run.connection, missing)
    if not total:
        return
    key = sentiment_key(models)
    # What an unfinished run has left may be all that is missing: then no model is needed.
    if journal.count() < total:
        progress.start("loading the encoder", unit="")
        models.load()
        progress.finish(models.encoder_name)
    progress.start("reading the texts", total, "texts")
    for batch in _batches(run.connection, missing, ENCODE_BATCH):
        known = journal.find(key, [row.text_hash for row in batch])
        read = _read_batch([row for row in batch if row.text_hash not in known], models)
        journal.add(key, read)
        _write_readings(run, {**known, **read}, models)
        progress.advance(len(batch))
    run.mark_changed()
    progress.finish()


def _read_batch(rows: Sequence[Any], models: Models) -> dict[str, Reading]:
    if not rows:
        return {}
    texts = [normalize_text(row.text, row.lang) for row in rows]
    found = models.read(texts, [row.lang for row in rows])
    vectors = np.ascontiguousarray(found.vectors, dtype=VECTOR_TYPE)
    probabilities = np.ascontiguousarray(found.probabilities, dtype=PROBABILITY_TYPE)
    return {
        row.text_hash: Reading(vectors[place].tobytes(), probabilities[place].tobytes())
        for place, row in enumerate(rows)
    }


def _write_readings(run: Run, readings: dict[str, Reading], models: Models) -> None:
    run.connection.execute(
        insert(tables.vector),
        [
            {"text_hash": key, "model": models.encoder_name, "data": reading.vector}
            for key, reading in readings.items()
        ],
    )
    probabilities = {
        key: np.frombuffer(reading.probabilities, dtype=PROBABILITY_TYPE)
        for key, reading in readings.items()
    }
    _write_sentiment(run, probabilities, sentiment_key(models))


def _score_texts(run: Run, models: Models, progress: Progress) -> None:
    """Texts whose vector is older than the sentiment model; then every mention gets its feeling."""
    key = sentiment_key(models)
    missing = _without(tables.text_sentiment, key)
    total = _count(run.connection, missing)
    if total:
        progress.start("reading the feeling", total, "texts")
        for batch in _batches(run.connection, missing, ENCODE_BATCH):
            _score_batch(run, batch, models)
            progress.advance(len(batch))
        progress.finish()
    if total or run.counts["n_mentions"] or read_info(run.connection, "sentiment") != key:
        _copy_sentiment(run, key)
        write_info(run.connection, "sentiment", key)
        run.mark_changed()


def _score_batch(run: Run, batch: Sequence[Any], models: Models) -> None:
    texts = [normalize_text(row.text, row.lang) for row in batch]
    found = models.score(texts, [row.lang for row in batch])
    probabilities = {row.text_hash: found[place] for place, row in enumerate(batch)}
    _write_sentiment(run, probabilities, sentiment_key(models))


def _write_sentiment(run: Run, probabilities: dict[str, Any], key: str) -> None:
    rows = []
    for key_of_text, given in probabilities.items():
        sentiment = sentiment_of(given)
        rows.append(
            {
                "text_hash": key_of_text,
                "model": key,
                "sentiment": sentiment.label,
                "sentiment_score": round(sentiment.score, 6),
                "confidence": round(sentiment.confidence, 6),
            }
        )
    run.connection.execute(insert(tables.text_sentiment), rows)


def _copy_sentiment(run: Run, key: str) -> None:
    mention, found = tables.mention.c, tables.text_sentiment.c
    names = ("sentiment", "sentiment_score", "confidence")
    run.connection.execute(
        update(tables.mention)
        .where(
            found.text_hash == mention.text_hash,
            found.model == key,
            or_(*(mention[name].is_distinct_from(found[name]) for name in names)),
        )
        .values({name: found[name] for name in names})
    )


def _without(table: Any, model: str) -> Select[Any]:
    """Distinct texts without a row of this model in the table, the longest first.

    So the time left is rather over- than underestimated. Equal hashes mean equal normalised texts:
    any mention can stand for its text.
    """
    mention = tables.mention.c
    chosen = (
        select(mention.text_hash, func.min(mention.mention_id).label("mention_id"))
        .select_from(
            tables.mention.outerjoin(
                table, and_(table.c.text_hash == mention.text_hash, table.c.model == model)
            )
        )
        .where(table.c.text_hash.is_(None))
        .group_by(mention.text_hash)
        .subquery()
    )
    return (
        select(mention.text_hash, mention.text, mention.lang)
        .join(chosen, chosen.c.mention_id == mention.mention_id)
        .order_by(func.length(mention.text).desc(), mention.text_hash)
    )


def _count(connection: Connection, query: Select[Any]) -> int:
    return connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()


def _batches(connection: Connection, query: Select[Any], size: int) -> Iterator[list[Any]]:
    # The sort is finished before the first row comes: rows inserted meanwhile are not seen.
    rows = iter(connection.execute(query.execution_options(yield_per=size)))
    while batch := list(islice(rows, size)):
        yield batch


def _count_noise(run: Run) -> int:
    feedback = tables.feedback.c
    query = select(func.count()).where(
        feedback.enriched_run == run.run_id, feedback.noise_reason.is_not(None)
    )
    return run.connection.execute(query).scalar_one()
