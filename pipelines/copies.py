"""Copies among feedback: nearly the same words again, by one voice or too long to be chance.

Texts that say nearly the same are in one group (:mod:`pipelines.likeness`). Only groups that got
feedback since the last time are looked at, unless feedback has changed or got another customer.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, case, func, or_, select, update

from pipelines import tables
from pipelines.counted import is_analysed
from pipelines.id_batches import batch_ids
from pipelines.likeness import extend_groups
from pipelines.repeats import Repeat, Said, find_repeats
from pipelines.runs import Run
from pipelines.store import read_info, write_info

COPY_SCORE = 1.0
# Set where feedback that was looked at before may repeat others now, or no longer.
_STALE = "copies_stale"
_feedback, _likeness = tables.feedback.c, tables.likeness.c
_voice = func.coalesce(_feedback.customer_id, _feedback.author_key)
_joined = tables.feedback.join(tables.likeness, _likeness.text_hash == _feedback.text_hash)


def mark_copies(run: Run) -> int:
    """Mark every feedback that repeats an earlier one as noise, and the first of them as it was.

    See :func:`pipelines.repeats.find_repeats`. Feedback that is other noise is left alone.

    :returns: number of feedback whose mark changed.
    """
    is_stale = bool(read_info(run.connection, _STALE))
    touched = extend_groups(run.connection, is_thinned=is_stale)
    groups = None if is_stale else sorted(touched | _read_groups_of_new(run.connection))
    changes = list(_find_changes(run.connection, groups))
    if changes:
        run.connection.execute(_UPDATE, changes)
        run.mark_changed()
    if is_stale:
        write_info(run.connection, _STALE, "")
    return len(changes)


def note_stale_copies(connection: Connection) -> None:
    """Have all groups looked at anew: known feedback changed its text, its voice or is gone."""
    write_info(connection, _STALE, "yes")


# What people say goes before: feedback that they called no noise keeps no reason.
_UPDATE = (
    update(tables.feedback)
    .where(_feedback.feedback_id == bindparam("id"))
    .values(
        found_noise_reason=bindparam("reason"),
        noise_reason=case((_feedback.noise_edit_id.is_(None), bindparam("reason"))),
        noise_score=bindparam("score"),
        duplicate_of=bindparam("original"),
    )
)


def _may_repeat() -> Any:
    """No noise of another kind; but adverts, which stay what they are, are repeated as well."""
    is_open = or_(
        _feedback.found_noise_reason.is_(None),
        _feedback.duplicate_of.is_not(None),
        _feedback.found_noise_reason == "spam",
    )
    return and_(is_open, is_analysed)


def _read_groups_of_new(connection: Connection) -> set[str]:
    query = select(_likeness.group_hash).select_from(_joined)
    return set(connection.execute(query.where(_feedback.enriched_run.is_(None))).scalars())


def _find_changes(connection: Connection, groups: Sequence[str] | None) -> Iterator[dict[str, Any]]:
    for rows in _read_groups(connection, groups):
        found = find_repeats([_say(row) for row in rows])
        for row in rows:
            repeat = found.get(row.feedback_id)
            if row.found_noise_reason == "spam":
                continue
            if _describe(repeat) != (row.found_noise_reason, row.duplicate_of):
                reason, original = _describe(repeat)
                score = COPY_SCORE if repeat else 0.0
                yield {
                    "id": row.feedback_id,
                    "reason": reason,
                    "score": score,
                    "original": original,
                }


def _describe(repeat: Repeat | None) -> tuple[str | None, str | None]:
    return (repeat.reason, repeat.original) if repeat else (None, None)


def _say(row: Any) -> Said:
    return Said(row.feedback_id, row.voice, row.occurred_at, row.n_chars, row.question)


def _read_groups(connection: Connection, groups: Sequence[str] | None) -> Iterator[list[Any]]:
    """The feedback of each group that has more than one, or has a mark; all groups for None."""
    if groups is None:
        yield from _read_together(connection, _select_rows().where(_is_shared()))
        return
    for batch in batch_ids(groups):
        yield from _read_together(connection, _select_rows().where(_likeness.group_hash.in_(batch)))


def _read_together(connection: Connection, query: Select[Any]) -> Iterable[list[Any]]:
    rows = connection.execute(query).all()
    for _, together in groupby(rows, lambda row: row.group_hash):
        yield list(together)


def _select_rows() -> Select[Any]:
    return (
        select(
            _feedback.feedback_id,
            _feedback.occurred_at,
            _feedback.question,
            _feedback.found_noise_reason,
            _feedback.duplicate_of,
            _likeness.group_hash,
            _voice.label("voice"),
            func.length(_feedback.text).label("n_chars"),
        )
        .select_from(_joined)
        .where(_may_repeat())
        .order_by(_likeness.group_hash, _feedback.feedback_id)
    )


def _is_shared() -> Any:
    """Of a group with several feedback, or marked when it still had."""
    shared = (
        select(_likeness.group_hash)
        .select_from(_joined)
        .group_by(_likeness.group_hash)
        .having(func.count() > 1)
    )
    return or_(_likeness.group_hash.in_(shared), _feedback.duplicate_of.is_not(None))
