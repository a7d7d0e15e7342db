"""Why feedback should not count, written beside what people say of it."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, case, update

from pipelines import tables
from pipelines.runs import Run


class NoiseMark(NamedTuple):
    """What was found of a feedback; no reason where it is sound.

    :param original: the feedback that it repeats, of copies and campaigns.
    """

    feedback_id: str
    reason: str | None
    score: float
    original: str | None = None


def write_marks(run: Run, marks: Sequence[NoiseMark]) -> None:
    """Write what was found; feedback that people called no noise still counts."""
    if not marks:
        return
    rows = [
        {"id": mark.feedback_id, "why": mark.reason, "score": mark.score, "of": mark.original}
        for mark in marks
    ]
    run.connection.execute(_UPDATE, rows)
    run.mark_changed()


_feedback = tables.feedback.c
_UPDATE = (
    update(tables.feedback)
    .where(_feedback.feedback_id == bindparam("id"))
    .values(
        found_noise_reason=bindparam("why"),
        noise_reason=case((_feedback.noise_edit_id.is_(None), bindparam("why"))),
        noise_score=bindparam("score"),
        duplicate_of=bindparam("of"),
    )
)
