"""Why feedback should not count, written beside what people say of it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import case

from pipelines import tables
from pipelines.bulk import update_rows
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
        {
            "feedback_id": mark.feedback_id,
            "found_noise_reason": mark.reason,
            "noise_score": mark.score,
            "duplicate_of": mark.original,
        }
        for mark in marks
    ]
    update_rows(run.connection, tables.feedback, rows, _derive_reason)
    run.mark_changed()


def _derive_reason(given: Mapping[str, Any]) -> dict[str, Any]:
    is_open = tables.feedback.c.noise_edit_id.is_(None)
    return {"noise_reason": case((is_open, given["found_noise_reason"]))}
