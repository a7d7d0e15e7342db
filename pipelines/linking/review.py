"""The queue of links that a person may accept: feedback that no key links, and who it may be of."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from pipelines import tables
from pipelines.linking.items import FEEDBACK
from pipelines.linking.owners import join_holders
from pipelines.linking.passes import list_shared
from pipelines.linking.scratch import Scratch
from pipelines.upserts import replace_rows


@dataclass(frozen=True)
class Candidate:
    """A feedback and who may have said it.

    :param evidence: kinds of keys and traits that the two have in common.
    """

    feedback_id: str
    customer_id: str
    probability: float
    evidence: tuple[str, ...]


def make_review_id(feedback_id: str, customer_id: str) -> str:
    """The id of a candidate: the same in every run."""
    return "r" + hashlib.sha256(f"{feedback_id}\0{customer_id}".encode()).hexdigest()[:12]


def write_shared_candidates(
    connection: Connection, scratch: Scratch, run_id: str, limit: int
) -> int:
    """Who may have said what no key links, by the keys that a few customers share.

    :returns: number of rows that changed.
    """
    found = _find_by_shared_keys(connection, scratch, limit)
    return write_candidates(connection, found, "shared_key", run_id)


def write_candidates(
    connection: Connection, candidates: Iterable[Candidate], method: str, run_id: str
) -> int:
    """Make the queue hold just these candidates of a method, less those that were answered.

    :returns: number of rows that changed.
    """
    given = tables.link_answer.c
    answered = {
        tuple(row)
        for row in connection.execute(select(given.feedback_id, given.customer_id).distinct())
    }
    rows = (
        {
            "review_id": make_review_id(each.feedback_id, each.customer_id),
            "feedback_id": each.feedback_id,
            "customer_id": each.customer_id,
            "probability": each.probability,
            "method": method,
            "evidence": list(each.evidence),
            "run_id": run_id,
        }
        for each in candidates
        if (each.feedback_id, each.customer_id) not in answered
    )
    queue = tables.link_review
    return replace_rows(connection, queue, rows, queue.c.method == method)


def _find_by_shared_keys(
    connection: Connection, scratch: Scratch, limit: int
) -> Iterator[Candidate]:
    """Each customer of a feedback's surest shared key is as likely as the others."""
    shared = list_shared(scratch, FEEDBACK, limit)
    customer, held = join_holders(scratch, shared)
    left = shared.c
    query = (
        select(
            left.item_id,
            customer,
            func.min(left.n_customers),
            func.aggregate_strings(left.key_type, " "),
        )
        .select_from(held)
        .group_by(left.item_id, customer)
        .order_by(left.item_id, customer)
    )
    for feedback_id, customer_id, n_customers, kinds in connection.execute(query).all():
        evidence = tuple(sorted(set(kinds.split(" "))))
        yield Candidate(feedback_id, customer_id, 1 / n_customers, evidence)
