"""Customers in portions: what is read of them is in memory for some at a time."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, select, union

from pipelines import tables
from pipelines.id_batches import batch_ids

CUSTOMERS_A_BATCH: Final = 5_000


@dataclass(frozen=True)
class CustomerBatch:
    """Some customers, in the order of the database.

    :param is_range: whether they are all that lie between the first and the last of them: to name
        each in a statement would take longer than to run it.
    """

    ids: Sequence[str]
    is_range: bool = False

    def holds(self, column: Any) -> ColumnElement[bool]:
        """SQL for a column with customers, that it holds one of these."""
        if self.is_range:
            return column.between(self.ids[0], self.ids[-1])  # type: ignore[no-any-return]
        return column.in_(self.ids)  # type: ignore[no-any-return]


def batch_customers(
    connection: Connection, customers: Collection[str] | None
) -> Iterator[CustomerBatch]:
    """Some customers; for None all with feedback or events, and all who have a row from then."""
    if customers is not None:
        yield from map(CustomerBatch, batch_ids(sorted(customers)))
        return
    known = (tables.feedback, tables.event, tables.customer_insight, tables.customer_fact)
    parts = (select(table.c.customer_id).where(table.c.customer_id.is_not(None)) for table in known)
    everybody = union(*parts).subquery().c.customer_id
    ids = connection.execute(select(everybody).order_by(everybody)).scalars().all()
    for start in range(0, len(ids), CUSTOMERS_A_BATCH):
        yield CustomerBatch(ids[start : start + CUSTOMERS_A_BATCH], is_range=True)
