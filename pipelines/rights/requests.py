"""The row of an erasure while its rows go: append-only tables yield as long as it is open."""

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, update

from pipelines import tables
from pipelines.runs import Run


def open_request(run: Run, request_id: str, key_hash: str | None = None) -> None:
    """Open a request, in the transaction in which the rows go.

    :param key_hash: of the person, as in ``blocked_key``; None where it is of nobody.
    """
    run.connection.execute(
        insert(tables.erasure).values(
            request_id=request_id, key_hash=key_hash, requested_at=run.started_at
        )
    )


def note_erased(
    connection: Connection, request_id: str, counts: Mapping[str, int]
) -> dict[str, int]:
    """Write down that the rows are gone; files and free pages are not yet.

    :returns: the counts that are not 0, by table.
    """
    counted = {name: n for name, n in sorted(counts.items()) if n}
    connection.execute(
        update(tables.erasure)
        .where(tables.erasure.c.request_id == request_id)
        .values(erased_at=datetime.now(UTC), counts=counted)
    )
    return counted
