"""Copies among feedback: nearly the same words again, by one voice or too long to be chance.

Texts that say nearly the same are in one group (:mod:`pipelines.likeness`). Only groups that got
feedback since the last time are looked at, unless feedback has changed or got another customer.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from pipelines import tables
from pipelines.bursts import mark_bursts
from pipelines.counted import is_analysed
from pipelines.engine import LOCAL, Engine
from pipelines.id_batches import batch_ids
from pipelines.likeness import extend_groups
from pipelines.noise_marks import NoiseMark, write_marks
from pipelines.repeats import Repeat, Said, find_repeats
from pipelines.runs import Run
from pipelines.store import read_info, write_info

COPY_SCORE = 1.0
# Set where feedback that was looked at before may repeat others now, or no longer.
_STALE = "copies_stale"
_feedback, _likeness = tables.feedback.c, tables.likeness.c
_voice = func.coalesce(_feedback.customer_id, _feedback.author_key)
_joined = tables.feedback.join(tables.likeness, _likeness.text_hash == _feedback.text_hash)


def mark_copies(run: Run, engine: Engine = LOCAL) -> int:
    """Mark every feedback that repeats an earlier one as noise, and the first of them as it was.

    See :func:`pipelines.repeats.find_repeats`. Bursts are marked before, see
    :func:`pipelines.bursts.find_bursts`. Feedback that is other noise is left alone.

    :returns: number of feedback whose mark changed.
    """
    is_stale = bool(read_info(run.connection, _STALE))
    bursts = mark_bursts(run, of_all=is_stale)
    touched = extend_groups(run.connection, engine, is_thinned=is_stale)
    touched |= _read_groups(run.connection, bursts)
    groups = None if is_stale else sorted(touched | _read_groups_of_new(run.connection))
    changes = list(_find_changes(run.connection, groups))
    write_marks(run, changes)
    if is_stale:
        write_info(run.connection, _STALE, "")
    return len(bursts) + len(changes)


def note_stale_copies(connection: Connection) -> None:
    """Have all groups looked at anew: known feedback changed its text, its voice or is gone."""
    write_info(connection, _STALE, "yes")


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


def _read_groups(connection: Connection, feedback_ids: Sequence[str]) -> set[str]:
    query = select(_likeness.group_hash).select_from(_joined)
    return {
        group
        for batch in batch_ids(feedback_ids)
        for group in connection.execute(query.where(_feedback.feedback_id.in_(batch))).scalars()
    }


def _find_changes(connection: Connection, groups: Sequence[str] | None) -> Iterator[NoiseMark]:
    for rows in _read_feedback(connection, groups):
        found = find_repeats([_say(row) for row in rows])
        for row in rows:
            repeat = found.get(row.feedback_id)
            if row.found_noise_reason == "spam":
                continue
            if _describe(repeat) != (row.found_noise_reason, row.duplicate_of):
                reason, original = _describe(repeat)
                yield NoiseMark(row.feedback_id, reason, COPY_SCORE if repeat else 0.0, original)


def _describe(repeat: Repeat | None) -> tuple[str | None, str | None]:
    return (repeat.reason, repeat.original) if repeat else (None, None)


def _say(row: Any) -> Said:
    return Said(row.feedback_id, row.voice, row.occurred_at, row.n_chars, row.question)


def _read_feedback(connection: Connection, groups: Sequence[str] | None) -> Iterator[list[Any]]:
    """The feedback of each group that has more than one, or has a mark; all groups for None."""
    shared = (
        connection.execute(_select_shared(None)).scalars().all()
        if groups is None
        else [
            group
            for batch in batch_ids(groups)
            for group in connection.execute(_select_shared(batch)).scalars()
        ]
    )
    for batch in batch_ids(shared):
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


def _select_shared(groups: Sequence[str] | None) -> Select[Any]:
    """Groups with several feedback, or with one that is marked since it had.

    :param groups: of which groups; None for all.
    """
    query = (
        select(_likeness.group_hash)
        .select_from(_joined)
        .group_by(_likeness.group_hash)
        .having(func.count() + func.count(_feedback.duplicate_of) > 1)
    )
    return query if groups is None else query.where(_likeness.group_hash.in_(groups))
