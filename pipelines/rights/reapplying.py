"""Erasing anew in a store that is older than erasures, by keyed hashes: nobody's name is kept."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, union

from pipelines import tables
from pipelines.errors import ConfigError
from pipelines.job import Job
from pipelines.keys import hash_keys
from pipelines.rights.blocks import Key, forget_files, hash_blocked
from pipelines.rights.erasing import Erased, erase_feedback, erase_person
from pipelines.rights.people import Person, find_person_by_key
from pipelines.rights.purging import erase_before
from pipelines.rights.requests import note_erased
from pipelines.runs import Run
from pipelines.secret import load_secret
from pipelines.store import Store

_own_key, _key = tables.feedback_key.c, tables.customer_key.c


def reapply_erasures(store: Store, job: Job, rows: Sequence[Mapping[str, Any]]) -> int:
    """Do what a ledger says was done since, each request under its own id, in one transaction.

    Files and free pages follow with ``earful forget --resume``, as after any erasure.

    :param rows: of the ledger: persons and purges.
    :returns: how many were not in the store yet.
    """
    n_done = 0
    with job.begin(store, "restore") as run:
        known = set(run.connection.execute(select(tables.erasure.c.request_id)).scalars())
        for row in rows:
            if row["request_id"] not in known:
                known.add(row["request_id"])
                _reapply(run, job, row)
                n_done += 1
    return n_done


def _reapply(run: Run, job: Job, row: Mapping[str, Any]) -> None:
    connection, request_id = run.connection, row["request_id"]
    # Open while rows go: the tables that are only appended to yield.
    asked = {"requested_at": datetime.fromisoformat(row["at"]).astimezone(UTC)}
    connection.execute(
        insert(tables.erasure).values(request_id=request_id, key_hash=row.get("key_hash"), **asked)
    )
    erased = Erased()
    if row["kind"] == "purge":
        erase_before(run, job, datetime.fromisoformat(row["before"]), erased)
    else:
        _erase_blocked(run, job, set(row["blocked"]), request_id, erased)
    note_erased(connection, request_id, erased.counts)


def _erase_blocked(run: Run, job: Job, blocked: set[str], request_id: str, erased: Erased) -> None:
    secret = load_secret(job.secret_path)
    keeps_words = job.config.erasure.feedback == "deidentify"
    for person in _find_persons(run.connection, secret, job.config.text.region, blocked):
        done = erase_person(run, job.models, person, secret, keeps_words=keeps_words)
        erased.counts.update(done.counts)
    # What was said under no key at all is known by its own id.
    ids = run.connection.execute(select(tables.feedback.c.feedback_id)).scalars()
    left = [each for each in ids if hash_blocked(secret, ("feedback_id", each)) in blocked]
    if left:
        erase_feedback(run, job.models, left, erased, keeps_words=keeps_words)
    there = set(run.connection.execute(select(tables.blocked_key.c.key_hash)).scalars())
    new = [{"key_hash": each, "request_id": request_id} for each in sorted(blocked - there)]
    if new:
        run.connection.execute(insert(tables.blocked_key), new)
    erased.counts["blocked_key"] += len(new)
    forget_files(run.connection)


def _find_persons(
    connection: Connection, secret: bytes, region: str, blocked: set[str]
) -> Iterator[Person]:
    """Those whose keys are blocked; a key that several customers share is nobody's alone."""
    for key, customer_id in _list_keys(connection, secret, region):
        if hash_blocked(secret, key) in blocked:
            try:
                person = find_person_by_key(connection, key, customer_id)
            except ConfigError:
                continue
            if person.is_known:
                yield person


def _list_keys(
    connection: Connection, secret: bytes, region: str
) -> Iterator[tuple[Key, str | None]]:
    """Every key of the store, those of customers first."""
    named = [tables.customer, tables.event, tables.feedback, tables.customer_key]
    ids = union(*(select(table.c.customer_id) for table in named))
    for customer_id in sorted(each for each in connection.execute(ids).scalars() if each):
        hashes = hash_keys(secret, {"customer_id": customer_id}, region)
        if "customer_id" in hashes:
            yield ("customer_id", hashes["customer_id"]), customer_id
    for column in (_key, _own_key):
        query = select(column.key_type, column.key_hash).distinct()
        for kind, key in sorted(tuple(row) for row in connection.execute(query)):
            yield (kind, key), None
