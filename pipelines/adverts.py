"""Adverts among new feedback: what their mentions' vectors and the signs in their text say."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import and_, bindparam, case, func, or_, select, update

from nlp.spam import READ_CHARS, SPAM_THRESHOLD, score_spam
from pipelines import tables
from pipelines.encoder_pass import VECTOR_TYPE
from pipelines.id_batches import batch_ids
from pipelines.models import Models
from pipelines.runs import Run

_feedback, _mention, _vector = tables.feedback.c, tables.mention.c, tables.vector.c


def mark_adverts(run: Run, models: Models, feedback_ids: Sequence[str]) -> int:
    """Mark the adverts among feedback whose mentions have their vectors.

    The vectors count where they are of the default encoder; else the signs alone do.

    :returns: number of feedback that was marked.
    """
    marked = 0
    for batch in batch_ids(feedback_ids):
        texts = _read_texts(run, batch)
        vectors = _mean_vectors(run, models.encoder_name, list(texts))
        changes = list(_find_changes(texts, vectors, is_default=models.is_default_encoder))
        if changes:
            run.connection.execute(_UPDATE, changes)
            run.mark_changed()
        marked += len(changes)
    return marked


def _find_changes(
    texts: dict[str, str], vectors: dict[str, NDArray[Any]], *, is_default: bool
) -> Iterator[dict[str, Any]]:
    ids = list(vectors)
    rows = np.array([vectors[key] for key in ids]) if is_default else None
    scores = score_spam([texts[key] for key in ids], rows)
    for key, score in zip(ids, scores, strict=True):
        if score >= SPAM_THRESHOLD:
            yield {"id": key, "score": round(float(score), 3)}


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


def _read_texts(run: Run, feedback_ids: Sequence[str]) -> dict[str, str]:
    """As much of each text as counts; without feedback that is other noise."""
    # An advert is one in each of its copies, so that it does not matter which came first.
    is_open = or_(_feedback.found_noise_reason.is_(None), _feedback.duplicate_of.is_not(None))
    query = select(_feedback.feedback_id, func.substr(_feedback.text, 1, READ_CHARS)).where(
        _feedback.feedback_id.in_(feedback_ids), is_open
    )
    return dict(run.connection.execute(query).all())


def _mean_vectors(
    run: Run, encoder_name: str, feedback_ids: Sequence[str]
) -> dict[str, NDArray[Any]]:
    is_its = and_(_vector.text_hash == _mention.text_hash, _vector.model == encoder_name)
    query = (
        select(_mention.feedback_id, _vector.data)
        .join(tables.vector, is_its)
        .where(_mention.feedback_id.in_(feedback_ids))
        .order_by(_mention.feedback_id, _mention.position)
    )
    together: dict[str, list[bytes]] = {}
    for feedback_id, data in run.connection.execute(query):
        together.setdefault(feedback_id, []).append(data)
    return {key: mean_vector(blobs) for key, blobs in together.items()}


def mean_vector(blobs: Sequence[bytes]) -> Any:
    """The direction of what a feedback says: the mean of its mentions, of unit length."""
    vectors = np.frombuffer(b"".join(blobs), dtype=VECTOR_TYPE).reshape(len(blobs), -1)
    mean = vectors.astype(np.float32).mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-9)
