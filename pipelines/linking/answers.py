"""What people answer to probable links: logged, never changed, and obeyed by every later run."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, insert, select

from pipelines import tables
from pipelines.concluding import conclude
from pipelines.errors import ConfigError
from pipelines.job import Job
from pipelines.link import link_feedback
from pipelines.rights.gate import allows
from pipelines.rights.outputs import follow_run
from pipelines.rights.upkeep import configured_policy, respect_refusals
from pipelines.store import open_store


@dataclass(frozen=True)
class Answered:
    """What answers did.

    :param n_linked: rows whose customer changed.
    """

    run_id: str
    store: str
    answer: str
    n_answers: int
    n_linked: int


def answer_reviews(job: Job, review_ids: Sequence[str], answer: str, author: str) -> Answered:
    """Accept or refuse links of the review queue, link anew, and bring insights up to date.

    :param answer: accepted or refused.
    :raises ConfigError: when one of them is not in the queue; nothing is written then.
    """
    store = open_store(job.config.store.url)
    with job.begin(store, "customers review") as run:
        asked = _find_reviews(run.connection, review_ids)
        rows = [
            {
                "answer_id": f"{run.run_id}-{secrets.token_hex(4)}",
                "feedback_id": each["feedback_id"],
                "customer_id": each["customer_id"],
                "answer": answer,
                "author": author,
                "at": run.started_at,
            }
            for each in asked
        ]
        run.connection.execute(insert(tables.link_answer), rows)
        n_linked = link_feedback(run, job.config.linking.max_key_customers)
        _drop_answered(run.connection, asked)
        # What somebody refuses in a feedback comes with its link.
        respect_refusals(run, job.models, configured_policy(job.config))
        conclude(run, job.config)
    follow_run(job)
    return Answered(run.run_id, store.name, answer, len(rows), n_linked)


def list_reviews(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """The surest candidates first, each with the words of its feedback."""
    review, feedback = tables.link_review.c, tables.feedback.c
    query = (
        select(
            review.review_id,
            review.feedback_id,
            review.customer_id,
            review.probability,
            review.method,
            review.evidence,
            case((allows(connection, "quoting"), feedback.text)).label("text"),
            feedback.occurred_at,
        )
        .join(tables.feedback, feedback.feedback_id == review.feedback_id)
        .order_by(review.probability.desc(), review.review_id)
        .limit(limit)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def list_shared_keys(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Keys that link nobody since several share them, those of most feedback first."""
    shared = tables.shared_key.c
    query = (
        select(tables.shared_key)
        .order_by(shared.n_feedback.desc(), shared.n_customers.desc(), shared.key_hash)
        .limit(limit)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def count_reviews(connection: Connection) -> int:
    """How many candidates wait for an answer."""
    return connection.execute(select(func.count()).select_from(tables.link_review)).scalar_one()


def _find_reviews(connection: Connection, review_ids: Sequence[str]) -> list[dict[str, Any]]:
    review = tables.link_review.c
    query = select(tables.link_review).where(review.review_id.in_(review_ids))
    found = {row["review_id"]: dict(row) for row in connection.execute(query).mappings()}
    unknown = [each for each in review_ids if each not in found]
    if unknown:
        raise ConfigError(
            f"{len(unknown):,} of {len(review_ids):,} are not in the review queue (first: "
            f"{unknown[0]!r}); see what is: earful customers review list"
        )
    return [found[each] for each in dict.fromkeys(review_ids)]


def _drop_answered(connection: Connection, asked: Sequence[dict[str, Any]]) -> None:
    """Take what was answered from the queue; of an accepted feedback every other offer too."""
    review = tables.link_review
    linked = select(tables.feedback.c.feedback_id).where(tables.feedback.c.customer_id.is_not(None))
    done = review.c.review_id.in_([each["review_id"] for each in asked])
    connection.execute(review.delete().where(done | review.c.feedback_id.in_(linked)))
