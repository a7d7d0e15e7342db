"""Letting go of what is old: feedback, events, rejected rows and actions from before a day."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, select

from pipelines import tables
from pipelines.errors import ConfigError
from pipelines.job import Job
from pipelines.rights.audit import record_audit
from pipelines.rights.blocks import forget_files, write_purge_date
from pipelines.rights.erasing import Erased, erase_feedback
from pipelines.rights.forgetting import resume_erasures
from pipelines.rights.ledger import find_ledger
from pipelines.rights.requests import note_erased, open_request
from pipelines.rights.synced_words import forgetting_old_names
from pipelines.rights.upkeep import publish_anew
from pipelines.runs import Run
from pipelines.store import open_store, read_info

_AGE = re.compile(r"\s*(\d+)\s*([dwmy])\s*", re.IGNORECASE)
_DAYS = {"d": 1, "w": 7, "m": 30.4375, "y": 365.25}
_feedback = tables.feedback.c


@dataclass(frozen=True)
class Purged:
    """What was, or would be, let go.

    :param counts: rows by table.
    """

    store: str
    before: datetime
    is_dry: bool
    counts: dict[str, int]
    problems: list[str] = field(default_factory=list)


def parse_age(given: str) -> timedelta:
    """An age as ``90d``, ``12w``, ``18m`` or ``2y``.

    :raises ConfigError: when it is none, or longer ago than there are dates.
    """
    found = _AGE.fullmatch(given)
    if not found or not int(found[1]):
        raise ConfigError(f"{given!r} is no age; write it as 90d, 12w, 18m or 2y")
    try:
        age = timedelta(days=int(found[1]) * _DAYS[found[2].lower()])
        datetime.now(UTC) - age
    except OverflowError as error:
        raise ConfigError(f"{given!r} is longer ago than there are dates") from error
    return age


def purge_store(job: Job, older_than: str, *, is_dry: bool) -> Purged:
    """Delete what is older than an age, with all that was made of it; it does not come in again.

    Feedback without a date is as old as its import. Customers stay: they are the CRM's to delete.
    """
    before = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    before -= parse_age(older_than)
    store = open_store(job.config.store.url)
    if not is_dry:
        resume_erasures(job)  # of a purge that was killed
    with store.read() as connection:
        counts = _count(connection, before)
    if is_dry or not any(counts.values()):
        return Purged(store.name, before, is_dry, counts)
    with job.begin(store, "purge") as run:
        connection, erased = run.connection, Erased()
        request_id = f"purge {run.run_id}"
        # Open while rows go, so that the log of edits lets go of their words too.
        open_request(run, request_id)
        store_id = read_info(connection, "store_id") or ""
        find_ledger(job).note_purge(store_id, request_id, before)
        erase_before(run, job, before, erased)
        counts = note_erased(connection, request_id, erased.counts)
        told = {"older_than": older_than, "before": before.isoformat()}
        record_audit(connection, "purge", told, {"request_id": request_id, "counts": counts})
    # The request is finished as one of a person is: files, log and free pages.
    problems = [problem for each in resume_erasures(job) for problem in each.problems]
    return Purged(store.name, before, is_dry, counts, problems)


def erase_before(run: Run, job: Job, before: datetime, erased: Erased) -> None:
    """Delete what is older than a day, in a transaction whose request is open.

    :param erased: gets the counts.
    """
    with forgetting_old_names(run.connection):
        _erase_old(run, job, before, erased)


def _erase_old(run: Run, job: Job, before: datetime, erased: Erased) -> None:
    connection = run.connection
    ids = list(connection.execute(_old_feedback(before)).scalars())
    erase_feedback(run, job.models, ids, erased)
    others = (
        (tables.event, _old_events(before)),
        (tables.rejected, _old_rejected(before)),
        (tables.action, _old_actions(before)),
    )
    for table, is_old in others:
        statement = delete(table).where(is_old).execution_options(preserve_rowcount=True)
        erased.counts[table.name] += connection.execute(statement).rowcount
    write_purge_date(connection, before)
    forget_files(connection)
    run.mark_changed()
    publish_anew(run, job.models)


def _count(connection: Connection, before: datetime) -> dict[str, int]:
    queries = {
        "feedback": _old_feedback(before),
        "event": select(tables.event.c.event_id).where(_old_events(before)),
        "rejected": select(tables.rejected.c.rejected_id).where(_old_rejected(before)),
        "action": select(tables.action.c.action_id).where(_old_actions(before)),
    }
    return {
        name: connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        for name, query in queries.items()
    }


def _old_feedback(before: datetime) -> Any:
    at = func.coalesce(_feedback.occurred_at, _feedback.ingested_at)
    return select(_feedback.feedback_id).where(at < before).order_by(_feedback.feedback_id)


def _old_events(before: datetime) -> Any:
    return tables.event.c.at < before


def _old_actions(before: datetime) -> Any:
    return tables.action.c.created_at < before


def _old_rejected(before: datetime) -> Any:
    """Rejected rows have no date but that of the run that rejected them first."""
    run = tables.run.c
    return tables.rejected.c.run_id.in_(select(run.run_id).where(run.started_at < before))
