"""What customers refuse, laid down in the tables: for dashboards, and for everything that counts.

``feedback.refused`` and ``customer.refused`` are made of ``consent``, the links and the policy.
Feedback that may not be analysed loses its mentions, and what was made of them alone.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, func, not_, select, update

from pipelines import tables
from pipelines.bulk import update_rows
from pipelines.copies import note_stale_copies
from pipelines.id_batches import batch_ids
from pipelines.rights.descriptions import drop_hidden_words
from pipelines.rights.gate import FORGOTTEN, allows, allows_customer
from pipelines.rights.leftovers import drop_unused_texts
from pipelines.rights.purposes import Policy, Purpose, read_policy, write_policy
from pipelines.runs import Run
from pipelines.stories.traces import drop_wordings

_feedback, _customer = tables.feedback.c, tables.customer.c
# In the order in which they stand in the column.
_OF_FEEDBACK: tuple[Purpose, ...] = ("analysis", "profiling", "quoting")
_OF_CUSTOMERS: tuple[Purpose, ...] = ("analysis", "profiling")


def lay_down_refusals(run: Run, policy: Policy | None = None, now: datetime | None = None) -> int:
    """Bring ``refused`` in line with consent, links and policy; unmake what it forbids.

    :param policy: that of the configuration; None for that of the store.
    :param now: None for the start of the run.
    :returns: number of feedback and customers whose refusal changed.
    """
    if policy is not None:
        write_policy(run.connection, policy)
    if not _has_something(run.connection):
        return 0
    at = now or run.started_at
    changes = _find_changes(
        _read_present(run.connection, _feedback.feedback_id, _feedback.refused),
        _read_refused(run.connection, at),
    )
    customers = _find_changes(
        _read_present(run.connection, _customer.customer_id, _customer.refused),
        _read_refusing(run.connection, at),
    )
    if not changes and not customers:
        return 0
    _write(run, tables.feedback, changes)
    _write(run, tables.customer, customers)
    refusing = sorted(key for key, refused in changes.items() if refused)
    drop_wordings(run.connection, refusing)
    drop_hidden_words(run, refusing)
    _unmake(run, [key for key, refused in changes.items() if refused and "analysis" in refused])
    note_stale_copies(run.connection)
    run.mark_changed()
    return len(changes) + len(customers)


def _has_something(connection: Connection) -> bool:
    """Whether anything can be refused at all: it is asked in every run."""
    if any(mode != "allowed" for key, mode in read_policy(connection).items() if key != "contact"):
        return True
    for query in (
        select(tables.consent.c.consent_id),
        select(_feedback.feedback_id).where(_feedback.refused.is_not(None)),
    ):
        if connection.execute(query.limit(1)).first() is not None:
            return True
    return False


def _read_present(connection: Connection, key: Any, refused: Any) -> dict[str, str]:
    query = select(key, refused).where(refused.is_not(None), refused != FORGOTTEN)
    return dict(connection.execute(query).all())


def _read_refused(connection: Connection, at: datetime) -> dict[str, str]:
    """What each feedback may not be used for, now."""
    found: dict[str, list[str]] = defaultdict(list)
    for purpose in _OF_FEEDBACK:
        query = select(_feedback.feedback_id).where(
            not_(allows(connection, purpose, at)), func.coalesce(_feedback.refused, "") != FORGOTTEN
        )
        for feedback_id in connection.execute(query).scalars():
            found[feedback_id].append(purpose)
    return {key: ",".join(purposes) for key, purposes in found.items()}


def _read_refusing(connection: Connection, at: datetime) -> dict[str, str]:
    found: dict[str, list[str]] = defaultdict(list)
    for purpose in _OF_CUSTOMERS:
        allowed = allows_customer(connection, purpose, _customer.customer_id, now=at)
        query = select(_customer.customer_id).where(not_(allowed))
        for customer_id in connection.execute(query).scalars():
            found[customer_id].append(purpose)
    return {key: ",".join(purposes) for key, purposes in found.items()}


def _find_changes(present: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str | None]:
    keys = sorted(present.keys() | wanted.keys())
    return {key: wanted.get(key) for key in keys if present.get(key) != wanted.get(key)}


def _write(run: Run, table: Table, changes: Mapping[str, str | None]) -> None:
    key = next(iter(table.primary_key)).name
    rows = [{key: each, "refused": refused} for each, refused in changes.items()]
    update_rows(run.connection, table, rows)


def _unmake(run: Run, feedback_ids: Sequence[str]) -> None:
    """Take away what was read out of feedback; what it says stays, and is read again if allowed."""
    mention = tables.mention.c
    hashes: set[str] = set()
    for batch in batch_ids(feedback_ids):
        query = select(mention.text_hash).where(mention.feedback_id.in_(batch)).distinct()
        hashes.update(run.connection.execute(query).scalars())
        run.connection.execute(delete(tables.mention).where(mention.feedback_id.in_(batch)))
        run.connection.execute(
            update(tables.feedback)
            .where(_feedback.feedback_id.in_(batch))
            .values(enriched_run=None)
        )
    drop_unused_texts(run.connection, sorted(hashes))
