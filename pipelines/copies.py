"""Copies among feedback: the same words again, by one voice or too long to be chance."""

from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, func, or_, select, update

from pipelines import tables
from pipelines.runs import Run

# "Great app" is said by many people; sixty equal characters are a form letter or a repost.
LONG_TEXT_CHARS = 60
COPY_SCORE = 1.0


def mark_copies(run: Run) -> int:
    """Mark every feedback that repeats an earlier one as noise, and the first of them as it was.

    Copies of one voice (customer, else author) count whatever their length; those of others from
    LONG_TEXT_CHARS on. Feedback that is noise for another reason is left alone.

    :returns: number of feedback whose mark changed.
    """
    changes = _find_changes(run.connection)
    if changes:
        run.connection.execute(_UPDATE, changes)
        run.mark_changed()
    return len(changes)


_UPDATE = (
    update(tables.feedback)
    .where(tables.feedback.c.feedback_id == bindparam("id"))
    .values(
        noise_reason=bindparam("reason"),
        noise_score=bindparam("score"),
        duplicate_of=bindparam("original"),
    )
)


def _find_changes(connection: Connection) -> list[dict[str, Any]]:
    feedback, original = tables.feedback.c, _original_of().subquery()
    query = (
        select(feedback.feedback_id, original.c.original)
        .select_from(
            tables.feedback.outerjoin(original, original.c.feedback_id == feedback.feedback_id)
        )
        .where(
            _may_be_copy(),
            feedback.duplicate_of.is_distinct_from(original.c.original),
        )
        .order_by(feedback.feedback_id)
    )
    return [
        {
            "id": feedback_id,
            "reason": "copy" if of else None,
            "score": COPY_SCORE if of else 0.0,
            "original": of,
        }
        for feedback_id, of in connection.execute(query)
    ]


def _may_be_copy() -> Any:
    reason = tables.feedback.c.noise_reason
    return or_(reason.is_(None), reason == "copy")


def _original_of() -> Any:
    """Each copy with the feedback that it repeats: the earliest of its voice, or of all."""
    feedback = tables.feedback.c
    voice = func.coalesce(feedback.customer_id, feedback.author_key)
    order = (feedback.occurred_at.is_(None), feedback.occurred_at, feedback.feedback_id)
    by_voice: dict[str, Any] = {"partition_by": [feedback.text_hash, voice], "order_by": order}
    by_text: dict[str, Any] = {"partition_by": feedback.text_hash, "order_by": order}
    ranked = (
        select(
            feedback.feedback_id,
            voice.label("voice"),
            func.length(feedback.text).label("n_chars"),
            func.row_number().over(**by_voice).label("place_of_voice"),
            func.first_value(feedback.feedback_id).over(**by_voice).label("first_of_voice"),
            func.row_number().over(**by_text).label("place"),
            func.first_value(feedback.feedback_id).over(**by_text).label("first"),
        )
        .where(_may_be_copy())
        .subquery()
    )
    is_long = and_(ranked.c.place > 1, ranked.c.n_chars >= LONG_TEXT_CHARS)
    is_own = and_(ranked.c.place_of_voice > 1, ranked.c.voice.is_not(None))
    return select(
        ranked.c.feedback_id,
        func.coalesce(_when(is_long, ranked.c.first), _when(is_own, ranked.c.first_of_voice)).label(
            "original"
        ),
    ).where(or_(is_long, is_own))


def _when(condition: Any, value: Any) -> Any:

    return case((condition, value))
