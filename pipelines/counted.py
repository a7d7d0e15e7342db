"""What counts: the queries that every figure is made of, so that none counts differently."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import and_, func, literal, or_
from sqlalchemy.sql.elements import ColumnElement

from pipelines import tables

# A language counts from so many feedback, or from this share of all, on.
MIN_LANGUAGE_ROWS = 5
MIN_LANGUAGE_SHARE = 0.01
feedback, mention = tables.feedback.c, tables.mention.c

# Mentions with their feedback, without noise: copies, spam and the like count nowhere.
counted_mentions = tables.mention.join(tables.feedback, feedback.feedback_id == mention.feedback_id)
# What its customer does not want analysed has no mentions and counts nowhere either.
is_analysed: ColumnElement[bool] = or_(
    feedback.refused.is_(None), feedback.refused.not_like("%analysis%")
)
is_counted: ColumnElement[bool] = and_(feedback.noise_reason.is_(None), is_analysed)
# Whether a mention belongs to a theme, of all mentions: said so that SQLite reads them in their own
# order. By the index of themes it would fetch each from elsewhere, in four times the time.
has_theme: ColumnElement[bool] = mention.theme_id.concat("").is_not(None)
# One voice counts once: the customer, else the author, else the feedback itself.
voice: Any = func.coalesce(feedback.customer_id, feedback.author_key, feedback.feedback_id)


def is_one_of(column: ColumnElement[Any], ids: Collection[str] | None) -> ColumnElement[bool]:
    """SQL for a column that holds one of these ids; for any row where it may be any."""
    return literal(value=True) if ids is None else column.in_(ids)


def is_main_language(lang: str | None, n: int, total: int) -> bool:
    """Tell whether a language is one of a set of feedback, not a slip of detection or a one-off.

    Short Latin posts whose language cannot be told (`und`) are in none.

    :param n: feedback in the language, of total.
    """
    return lang not in (None, "und") and (n >= MIN_LANGUAGE_ROWS or n >= MIN_LANGUAGE_SHARE * total)
