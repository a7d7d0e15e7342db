"""The step that links feedback and events to customers by their keys."""

from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from pipelines import tables
from pipelines.copies import note_stale_copies
from pipelines.id_batches import batch_ids
from pipelines.linking.links import link_store
from pipelines.runs import Run

# A household or a small office shares a phone; what more customers share is nobody's own.
MAX_KEY_CUSTOMERS = 5


def link_feedback(run: Run, limit: int = MAX_KEY_CUSTOMERS) -> int:
    """Give each feedback and event the customer that its best key names.

    An own id comes before an order, an e-mail, a number, a phone and a handle. A key that several
    customers share links nobody. All is linked anew in each run: a CRM file may come after the
    feedback.

    :param limit: keys of more customers than this are nobody's own.
    :returns: number of rows whose customer changed.
    """
    changed, had_read = link_store(run.connection, run.run_id, limit)
    # What is linked before it is enriched for the first time repeats nothing yet.
    if had_read:
        note_stale_copies(run.connection)
    if changed:
        run.mark_changed()
    return changed


def find_customers(connection: Connection, keys: Iterable[str]) -> dict[str, str]:
    """Customer by keyed hash, for keys that belong to exactly one customer."""
    wanted = sorted(set(keys))
    found: dict[str, str] = {}
    column = tables.customer_key.c
    for batch in batch_ids(wanted):
        query = (
            select(column.key_hash, func.min(column.customer_id))
            .where(column.key_hash.in_(batch))
            .group_by(column.key_hash)
            .having(func.count(column.customer_id.distinct()) == 1)
        )
        found.update(connection.execute(query).all())
    return found
