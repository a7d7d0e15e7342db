"""Mentions of near-copies: they go where the mention goes that they repeat."""

from typing import Any

from sqlalchemy import Select, and_, case, or_, select

from pipelines import tables
from pipelines.bulk import update_rows
from pipelines.counted import feedback, mention
from pipelines.runs import Run


def share_fates(run: Run) -> int:
    """Give the mentions of near-copies the fate of those at the same place of the original.

    Copies in the very same words share it already. Where the original has no such mention, the
    mention of the copy is noise.

    :returns: number of mentions that changed.
    """
    rows = [dict(row) for row in run.connection.execute(_select_differing()).mappings()]
    if rows:
        update_rows(run.connection, tables.mention, rows)
        run.mark_changed(is_derived=True)
    return len(rows)


def _select_differing() -> Select[Any]:
    original, repeated = tables.feedback.alias("original"), tables.mention.alias("repeated")
    reason = case((repeated.c.mention_id.is_(None), "noise"), else_=repeated.c.found_reason)
    at_same_place = and_(
        repeated.c.feedback_id == feedback.duplicate_of, repeated.c.position == mention.position
    )
    return (
        select(
            mention.mention_id,
            repeated.c.nearest_theme_id,
            repeated.c.theme_strength,
            reason.label("found_reason"),
            repeated.c.found_run,
        )
        .select_from(tables.mention)
        .join(tables.feedback, feedback.feedback_id == mention.feedback_id)
        .join(original, original.c.feedback_id == feedback.duplicate_of)
        .outerjoin(repeated, at_same_place)
        .where(
            feedback.noise_reason.is_not(None),
            feedback.text_hash != original.c.text_hash,
            or_(
                mention.nearest_theme_id.is_distinct_from(repeated.c.nearest_theme_id),
                mention.theme_strength.is_distinct_from(repeated.c.theme_strength),
                mention.found_reason.is_distinct_from(reason),
            ),
        )
        .order_by(mention.mention_id)
    )
