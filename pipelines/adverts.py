"""Adverts among new feedback: what their mentions' vectors and the signs in their text say."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, or_, select

from nlp.spam import READ_CHARS, SPAM_THRESHOLD, score_spam
from pipelines import tables
from pipelines.bursts import is_burst
from pipelines.feedback_vectors import read_mean_vectors
from pipelines.id_batches import batch_ids
from pipelines.models import Models
from pipelines.noise_marks import NoiseMark, write_marks
from pipelines.runs import Run

_feedback = tables.feedback.c


def mark_adverts(run: Run, models: Models, feedback_ids: Sequence[str]) -> int:
    """Mark the adverts among feedback whose mentions have their vectors.

    The vectors count where they are of the default encoder; else the signs alone do.

    :returns: number of feedback that was marked.
    """
    marked = 0
    for batch in batch_ids(feedback_ids):
        texts = _read_texts(run, batch)
        is_its = tables.vector.c.model == models.encoder_name
        vectors = read_mean_vectors(run.connection, list(texts), is_its)
        changes = list(_find_changes(texts, vectors, is_default=models.is_default_encoder))
        write_marks(run, changes)
        marked += len(changes)
    return marked


def _find_changes(
    texts: dict[str, str], vectors: dict[str, NDArray[Any]], *, is_default: bool
) -> Iterator[NoiseMark]:
    ids = list(vectors)
    rows = np.array([vectors[key] for key in ids]) if is_default else None
    scores = score_spam([texts[key] for key in ids], rows)
    for key, score in zip(ids, scores, strict=True):
        if score >= SPAM_THRESHOLD:
            yield NoiseMark(key, "spam", round(float(score), 3))


def _read_texts(run: Run, feedback_ids: Sequence[str]) -> dict[str, str]:
    """As much of each text as counts; without feedback that is other noise."""
    # An advert is one in each of its copies and in a burst, so that it does not matter which of
    # them came first.
    is_open = or_(
        _feedback.found_noise_reason.is_(None), _feedback.duplicate_of.is_not(None), is_burst
    )
    query = select(_feedback.feedback_id, func.substr(_feedback.text, 1, READ_CHARS)).where(
        _feedback.feedback_id.in_(feedback_ids), is_open
    )
    return dict(run.connection.execute(query).all())
