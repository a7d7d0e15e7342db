"""Adverts among new feedback: what their mentions' vectors and the signs in their text say."""

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import Any

import numpy as np
from sqlalchemy import Select, and_, bindparam, case, or_, select, update

from nlp.spam import SPAM_THRESHOLD, score_spam
from pipelines import tables
from pipelines.encoder_pass import VECTOR_TYPE
from pipelines.models import Models
from pipelines.runs import Run

BATCH_ROWS = 2_000
_feedback, _mention, _vector = tables.feedback.c, tables.mention.c, tables.vector.c


def mark_adverts(run: Run, models: Models) -> int:
    """Mark the adverts among the feedback that this run has read, once it has its vectors.

    The vectors count where they are of the default encoder; else the signs alone do.

    :returns: number of feedback that was marked.
    """
    marked = 0
    rows = _read_new(run, models.encoder_name)
    while batch := list(islice(rows, BATCH_ROWS)):
        vectors = np.array([vector for _, _, vector in batch])
        texts = [text for _, text, _ in batch]
        scores = score_spam(texts, vectors if models.is_default_encoder else None)
        changes = [
            {"id": batch[at][0], "score": round(float(score), 3)}
            for at, score in enumerate(scores)
            if score >= SPAM_THRESHOLD
        ]
        if changes:
            run.connection.execute(_UPDATE, changes)
            run.mark_changed()
        marked += len(changes)
    return marked


_UPDATE = (
    update(tables.feedback)
    .where(_feedback.feedback_id == bindparam("id"))
    .values(
        noise_score=bindparam("score"),
        found_noise_reason="spam",
        noise_reason=case((_feedback.noise_edit_id.is_(None), "spam")),
        duplicate_of=None,
    )
)


def _read_new(run: Run, encoder_name: str) -> Iterator[tuple[str, str, Any]]:
    rows = run.connection.execute(_select_new(run.run_id, encoder_name)).all()
    for feedback_id, together in groupby(rows, lambda row: row.feedback_id):
        own = list(together)
        yield feedback_id, own[0].text, mean_vector([row.data for row in own])


def mean_vector(blobs: Sequence[bytes]) -> Any:
    """The direction of what a feedback says: the mean of its mentions, of unit length."""
    vectors = np.frombuffer(b"".join(blobs), dtype=VECTOR_TYPE).reshape(len(blobs), -1)
    mean = vectors.astype(np.float32).mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-9)


def _select_new(run_id: str, encoder_name: str) -> Select[Any]:
    # An advert is one in each of its copies, so that it does not matter which came first.
    is_open = or_(_feedback.found_noise_reason.is_(None), _feedback.duplicate_of.is_not(None))
    is_its = and_(_vector.text_hash == _mention.text_hash, _vector.model == encoder_name)
    return (
        select(_feedback.feedback_id, _feedback.text, _vector.data)
        .join(tables.mention, _mention.feedback_id == _feedback.feedback_id)
        .join(tables.vector, is_its)
        .where(_feedback.enriched_run == run_id, is_open)
        .order_by(_feedback.feedback_id, _mention.position)
    )
