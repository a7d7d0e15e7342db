"""Bursts: posts of one author that follow each other faster than anybody types.

Times must tell: posts of one moment (an import), of whole minutes or of days are no burst.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final, NamedTuple

from sqlalchemy import and_, case, func, or_, select

from pipelines import tables
from pipelines.noise_marks import NoiseMark, write_marks
from pipelines.runs import Run

__all__ = ["Post", "find_bursts", "is_burst", "mark_bursts"]

# As of survey answers (nlp/data/noise/rows.toml): typists reach 7, the fastest of them 15.
MAX_CHARS_A_SECOND: Final = 15
# A person may send one long post right after another; not so many, at so many moments.
BURST_POSTS: Final = 5
BURST_MOMENTS: Final = 3
# Below that of a survey's rules (0.9), and known by it: this mark is taken back with its reason.
BURST_SCORE: Final = 0.8
_ROWS_A_FETCH: Final = 10_000
_feedback = tables.feedback.c


class Post(NamedTuple):
    """One feedback of an author."""

    feedback_id: str
    at: datetime
    n_chars: int


def find_bursts(posts: Sequence[Post]) -> frozenset[str]:
    """The posts of one author that belong to a burst.

    A post is too fast where its characters since the post before it are more than
    MAX_CHARS_A_SECOND; BURST_POSTS or more in a row, of which all but the first are, at
    BURST_MOMENTS moments or more, are a burst.

    :param posts: in any order.
    """
    ordered = sorted(posts, key=lambda post: (post.at, post.feedback_id))
    return frozenset(
        post.feedback_id
        for stretch in _list_fast(ordered)
        if _is_burst(stretch)
        for post in stretch
    )


def _list_fast(ordered: Sequence[Post]) -> Iterator[Sequence[Post]]:
    start = 0
    for place in range(1, len(ordered) + 1):
        is_fast = place < len(ordered) and _is_fast(ordered[place - 1], ordered[place])
        if not is_fast:
            yield ordered[start:place]
            start = place


def _is_fast(before: Post, post: Post) -> bool:
    return post.n_chars > MAX_CHARS_A_SECOND * (post.at - before.at).total_seconds()


def _is_burst(stretch: Sequence[Post]) -> bool:
    moments = {post.at for post in stretch}
    is_exact = any(moment.second or moment.microsecond for moment in moments)
    return len(stretch) >= BURST_POSTS and len(moments) >= BURST_MOMENTS and is_exact


# What was found to be a burst.
is_burst = and_(_feedback.found_noise_reason == "bot_like", _feedback.noise_score == BURST_SCORE)


def mark_bursts(run: Run, *, of_all: bool) -> list[str]:
    """Mark what belongs to a burst as noise, and as sound what no longer does.

    :param of_all: look at all authors; else at those who have new feedback.
    :returns: ids of the feedback whose mark changed.
    """
    marks = [mark for rows in _read_authors(run, of_all=of_all) for mark in _find_changes(rows)]
    write_marks(run, marks)
    return [mark.feedback_id for mark in marks]


def _find_changes(rows: Sequence[Any]) -> Iterator[NoiseMark]:
    posts = [Post(row.feedback_id, row.occurred_at, row.n_chars) for row in rows]
    bursts = find_bursts(posts)
    for row in rows:
        is_marked = row.found_noise_reason == "bot_like" and row.noise_score == BURST_SCORE
        is_open = row.found_noise_reason is None or row.duplicate_of is not None
        if row.feedback_id in bursts and is_open:
            yield NoiseMark(row.feedback_id, "bot_like", BURST_SCORE)
        elif is_marked and row.feedback_id not in bursts:
            yield NoiseMark(row.feedback_id, None, 0.0)


# Answers to several questions share their moment, and what is said aloud is not typed.
_is_post = and_(
    _feedback.author_key.is_not(None),
    _feedback.occurred_at.is_not(None),
    _feedback.question.is_(None),
    or_(_feedback.channel.is_(None), _feedback.channel != "conversation"),
)


def _read_authors(run: Run, *, of_all: bool) -> Iterator[list[Any]]:
    """The posts of each author who has enough of them for a burst, or had."""
    n_marked = func.sum(case((is_burst, 1), else_=0))
    prolific = (
        select(_feedback.author_key)
        .where(_is_post)
        .group_by(_feedback.author_key)
        .having(or_(func.count() >= BURST_POSTS, n_marked > 0))
    )
    if not of_all:
        is_new = _feedback.enriched_run.is_(None)
        new = select(_feedback.author_key).where(_is_post, is_new)
        prolific = prolific.where(_feedback.author_key.in_(new))
    # At once: no index knows authors, so that each query goes through all feedback.
    query = (
        select(
            *(_feedback.feedback_id, _feedback.author_key, _feedback.occurred_at),
            *(_feedback.found_noise_reason, _feedback.noise_score, _feedback.duplicate_of),
            func.length(_feedback.text).label("n_chars"),
        )
        .where(_is_post, _feedback.author_key.in_(prolific))
        .order_by(_feedback.author_key, _feedback.feedback_id)
        .execution_options(yield_per=_ROWS_A_FETCH)
    )
    for _, own in groupby(run.connection.execute(query), lambda row: row.author_key):
        yield list(own)
