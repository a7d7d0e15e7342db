"""All links of a store, worked out anew: a CRM file may come after the feedback."""

from sqlalchemy import Connection, delete

from pipelines.linking.items import EVENTS, FEEDBACK
from pipelines.linking.owners import add_crm_owners, add_order_owners, add_tied_owners
from pipelines.linking.passes import link_by_keys, link_by_several, link_by_tied_keys
from pipelines.linking.records import merge_customers
from pipelines.linking.review import write_shared_candidates
from pipelines.linking.scratch import Scratch, make_scratch
from pipelines.linking.writing import (
    apply_answers,
    drop_refused,
    write_event_links,
    write_feedback_links,
    write_shared_keys,
)

# Ties of ties: a former e-mail that a feedback with the own id names, a handle beside that e-mail.
# The confidence falls with each, so that rounds end by themselves; this is the last that may be.
MAX_ROUNDS = 8


def link_store(connection: Connection, run_id: str, limit: int) -> tuple[int, bool]:
    """Link every event and feedback, and say which records are one customer.

    :param limit: keys of more customers than this link nobody and join no records.
    :returns: number of rows that changed, and whether a feedback among them was enriched before.
    """
    with make_scratch(connection) as scratch:
        n_merged = merge_customers(connection, scratch, limit)
        add_crm_owners(connection, scratch, (FEEDBACK, EVENTS))
        _analyze(connection, scratch)
        n_events = _link_events(connection, scratch, limit)
        _link_feedback(connection, scratch, limit)
        n_feedback, had_read = write_feedback_links(connection, scratch)
        write_shared_keys(connection, scratch, limit)
        write_shared_candidates(connection, scratch, run_id, limit)
    return n_merged + n_events + n_feedback, had_read


def _link_events(connection: Connection, scratch: Scratch, limit: int) -> int:
    link_by_keys(connection, scratch, EVENTS, limit)
    n_changed = write_event_links(connection, scratch)
    add_order_owners(connection, scratch, EVENTS)
    connection.execute(delete(scratch.link))
    return n_changed


def _link_feedback(connection: Connection, scratch: Scratch, limit: int) -> None:
    apply_answers(connection, scratch)
    link_by_keys(connection, scratch, FEEDBACK, limit)
    drop_refused(connection, scratch)
    for number in range(1, MAX_ROUNDS + 1):
        if not add_tied_owners(connection, scratch, FEEDBACK, number):
            break
        link_by_tied_keys(connection, scratch, FEEDBACK, number)
        drop_refused(connection, scratch)
    link_by_several(connection, scratch, FEEDBACK, limit)
    drop_refused(connection, scratch)


def _analyze(connection: Connection, scratch: Scratch) -> None:
    """PostgreSQL knows nothing of a temporary table's size, and would loop over a million rows."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ANALYZE {scratch.owner.name}")
