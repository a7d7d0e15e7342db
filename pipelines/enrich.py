"""The step that reads the texts: mentions, vectors, sentiment."""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, Table, and_, func, or_, select, true, update
from sqlalchemy.sql.elements import ColumnElement

from nlp.cleaning import normalize_text
from pipelines import tables
from pipelines.adverts import mark_adverts
from pipelines.bulk import insert_rows, update_rows
from pipelines.copies import mark_copies
from pipelines.counted import is_analysed
from pipelines.edits.noise import lay_sound
from pipelines.encoder_pass import TextRow
from pipelines.engine import LOCAL, Engine
from pipelines.models import Models
from pipelines.progress import Progress
from pipelines.readings import Felt, Readings, sentiment_key, write_sentiment
from pipelines.runs import Run
from pipelines.splitting import FeedbackText, SaidPart
from pipelines.store import read_info, write_info

_is_waiting = and_(tables.feedback.c.enriched_run.is_(None), is_analysed)
# By the index of the column itself SQLite would go through all texts for those of few mentions.
_text_hash = tables.mention.c.text_hash.concat("")
SPLIT_BATCH = 1_000
ENCODE_BATCH = 1_024


def enrich_feedback(
    run: Run,
    models: Models,
    readings: Readings,
    progress: Progress,
    engine: Engine = LOCAL,
    *,
    is_settled: bool = False,
) -> None:
    """Split new feedback into mentions, and give every mention its vector and its sentiment.

    One pass of the encoder per distinct text. A model that changed reads all texts again.

    :param is_settled: whether an earlier run has read all.
    """
    run.facts["encoder"] = models.encoder_name
    run.facts["sentiment_model"] = models.sentiment_name
    if not is_settled:
        mark_copies(run, engine)
        _read_new_feedback(run, readings, models, engine)
        _read_old_texts(run, readings, models)
        _score_texts(run, models, progress)
    lay_sound(run)
    run.counts["n_noise"] = _count_noise(run)


def _read_new_feedback(run: Run, readings: Readings, models: Models, engine: Engine) -> None:
    """Split new feedback on this thread, while the models read what was split before.

    Then tell the adverts among what was read, while the models read on.
    """
    waiting = select(tables.feedback.c.feedback_id).where(_is_waiting)
    total = _count(run.connection, waiting)
    if total:
        split: deque[list[str]] = deque()
        readings.read(
            _split_new_feedback(run, split, engine),
            total,
            "feedback",
            when_stored=lambda: mark_adverts(run, models, split.popleft()),
        )


def _read_old_texts(run: Run, readings: Readings, models: Models) -> None:
    """Read texts of earlier runs that have no vector of this encoder."""
    missing = _without_vector(models.encoder_name)
    total = _count(run.connection, missing)
    if total:
        batches = _batches(run.connection, missing, ENCODE_BATCH)
        readings.read(((len(batch), _normalise(batch)) for batch in batches), total, "texts")


def _normalise(batch: Sequence[Any]) -> list[TextRow]:
    return [TextRow(row.text_hash, normalize_text(row.text, row.lang), row.lang) for row in batch]


def _split_new_feedback(
    run: Run, split: deque[list[str]], engine: Engine
) -> Iterator[tuple[int, list[TextRow]]]:
    """Split new feedback into mentions, batch by batch; yield its number and its texts.

    :param split: the ids of each batch are added to it.
    """
    feedback = tables.feedback.c
    query = (
        select(feedback.feedback_id, feedback.text_hash, feedback.text, feedback.lang)
        .where(_is_waiting)
        .order_by(feedback.feedback_id)
        .limit(SPLIT_BATCH)
    )
    last = ""
    # Behind the last, for to pass over those that were read takes longer with each batch.
    while batch := run.connection.execute(query.where(feedback.feedback_id > last)).all():
        last = batch[-1].feedback_id
        split.append([row.feedback_id for row in batch])
        yield len(batch), _split_batch(run, batch, engine)


def _split_batch(run: Run, batch: Sequence[Any], engine: Engine) -> list[TextRow]:
    """Write the mentions of some feedback; return their texts."""
    texts = [FeedbackText(row.text_hash, row.text, row.lang) for row in batch]
    parts = engine.describe_parts(texts)
    mentions = [
        _make_mention(row, position, said, run.run_id)
        for row, own in zip(batch, parts, strict=True)
        for position, said in enumerate(own)
    ]
    insert_rows(run.connection, tables.mention, mentions)
    run.counts["n_mentions"] += len(mentions)
    marks = [{"feedback_id": row.feedback_id, "enriched_run": run.run_id} for row in batch]
    update_rows(run.connection, tables.feedback, marks)
    return [said.part.row for own in parts for said in own]


def _make_mention(row: Any, position: int, said: SaidPart, run_id: str) -> dict[str, Any]:
    part = said.part
    return {
        "mention_id": f"{row.feedback_id}-{position}",
        "feedback_id": row.feedback_id,
        "position": position,
        "char_start": part.span.start,
        "char_end": part.span.end,
        "text": part.text,
        "text_hash": part.row.text_hash,
        "lang": row.lang,
        "target": said.target,
        "run_id": run_id,
    }


def _score_texts(run: Run, models: Models, progress: Progress) -> None:
    """Texts whose vector is older than the sentiment model; then every mention gets its feeling."""
    key = sentiment_key(models)
    # What an earlier run read with this model has its feeling: only new mentions lack one.
    was_read = read_info(run.connection, "sentiment") == key
    is_due = tables.mention.c.sentiment.is_(None) if was_read else true()
    missing = _without_sentiment(key, is_due)
    total = _count(run.connection, missing)
    if total:
        progress.start("reading the feeling", total, "texts")
        for batch in _batches(run.connection, missing, ENCODE_BATCH):
            _score_batch(run, batch, models)
            progress.advance(len(batch))
        progress.finish()
    if total or run.counts["n_mentions"] or not was_read:
        _copy_sentiment(run, key, is_due)
        write_info(run.connection, "sentiment", key)
        run.mark_changed()


def _score_batch(run: Run, batch: Sequence[Any], models: Models) -> None:
    texts = [normalize_text(row.text, row.lang) for row in batch]
    found = models.score(texts, [row.lang for row in batch])
    felt = (Felt(row.text_hash, row.lang, found[place]) for place, row in enumerate(batch))
    write_sentiment(run, felt, sentiment_key(models))


def _copy_sentiment(run: Run, key: str, is_due: ColumnElement[bool]) -> None:
    mention, found = tables.mention.c, tables.text_sentiment.c
    names = ("sentiment", "sentiment_score", "confidence")
    run.connection.execute(
        update(tables.mention)
        .where(
            found.text_hash == _text_hash,
            found.lang == mention.lang,
            found.model == key,
            is_due,
            or_(*(mention[name].is_distinct_from(found[name]) for name in names)),
        )
        .values({name: found[name] for name in names})
    )


def _without_vector(model: str) -> Select[Any]:
    """Distinct texts that this encoder has not read; see `_without`."""
    mention = tables.mention.c
    return _without(tables.vector, model, ("text_hash",), [mention.text_hash], true())


def _without_sentiment(model: str, is_due: ColumnElement[bool]) -> Select[Any]:
    """Distinct texts, by the languages that they are said in, without a sentiment.

    Words that two languages share have one for each, whichever was read first.
    """
    texts = [_text_hash, tables.mention.c.lang]
    return _without(tables.text_sentiment, model, ("text_hash", "lang"), texts, is_due)


def _without(
    table: Table,
    model: str,
    names: Sequence[str],
    texts: Sequence[ColumnElement[Any]],
    is_due: ColumnElement[bool],
) -> Select[Any]:
    """Texts without a row of this model in the table, the longest first.

    So the time left is rather over- than underestimated. Equal hashes mean equal normalised texts:
    any mention can stand for its text.

    :param names: the columns of which no two rows are to be equal.
    :param texts: what distinct texts are told apart by.
    :param is_due: which mentions are looked at.
    """
    mention = tables.mention.c
    is_its = and_(*(table.c[name] == mention[name] for name in names), table.c.model == model)
    chosen = (
        select(func.min(mention.mention_id).label("mention_id"))
        .select_from(tables.mention.outerjoin(table, is_its))
        .where(table.c.text_hash.is_(None), is_due)
        .group_by(*texts)
        .subquery()
    )
    return (
        select(mention.text_hash, mention.text, mention.lang)
        .join(chosen, chosen.c.mention_id == mention.mention_id)
        .order_by(func.length(mention.text).desc(), mention.text_hash, mention.lang)
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
