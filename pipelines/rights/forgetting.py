"""Forgetting a person: a request, one transaction for the rows, then files and free pages.

Killed in the transaction, nothing has happened; killed later, the request is open, and the next
``earful forget`` or run finishes it.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select, update

from pipelines import tables
from pipelines.clock import tell_stopped
from pipelines.errors import EarfulError
from pipelines.job import Job
from pipelines.rights.audit import record_audit
from pipelines.rights.blocks import block_keys, forget_files, hash_blocked, is_blocked
from pipelines.rights.cleaning import empty_log, list_files, remove_unfinished, rewrite_store
from pipelines.rights.erasing import Erased, erase_person
from pipelines.rights.ledger import find_ledger
from pipelines.rights.outputs import list_outputs, remove_exports, rewrite_outputs
from pipelines.rights.people import Asked, Person, find_person, hash_asked
from pipelines.rights.requests import note_erased, open_request
from pipelines.rights.scan import choose_tokens, find_traces
from pipelines.runs import Run, make_time_id
from pipelines.secret import load_secret
from pipelines.store import Store, open_store, read_info
from pipelines.syncs.syncing import refresh_files
from pipelines.syncs.takeback import list_holders, take_back
from pipelines.syncs.target import SyncError

_erasure = tables.erasure.c


@dataclass(frozen=True)
class Receipt:
    """What a request came to.

    :param request_id: None where nobody was found.
    :param was_erased: nobody was found, as they had been erased before.
    :param counts: rows by table.
    :param problems: what keeps it from being finished, in words; empty when it is.
    """

    store: str
    request_id: str | None
    was_erased: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    n_shared: int = 0
    digest: str | None = None
    problems: Sequence[str] = ()


def forget_person(job: Job, asked: Asked, *, leaves_synced: bool = False) -> Receipt:
    """Erase a person everywhere, and keep them from coming in again.

    What was sent to other systems is taken back first: afterwards nobody could say whose it was.

    :param leaves_synced: erase them here though a destination still holds something of them.
    :raises ConfigError: when the name is none, or of several customers.
    :raises SyncError: when a destination still holds something of them; nothing is erased then.
    """
    store = open_store(job.config.store.url)
    resume_erasures(job)
    # Until the rows are gone nothing may be sent that this did not see.
    with store.lock(job.lock_timeout_s, "syncs"):
        if not leaves_synced:
            _take_back(store, job, asked)
        return _forget(store, job, asked, leaves_synced=leaves_synced)


def _take_back(store: Store, job: Job, asked: Asked) -> None:
    """Have the destinations of syncs let go of a person."""
    with store.read() as connection:
        person = find_person(
            connection, asked, load_secret(job.secret_path), job.config.text.region
        )
    if problems := take_back(job, store, person.customer_ids):
        raise _still_held(problems)


def _still_held(problems: Sequence[str]) -> SyncError:
    return SyncError(
        f"nobody was erased, as other systems still hold them: {'; '.join(problems)}. Try again "
        "when these can be reached; or empty their record there by hand, then use --leave-synced"
    )


def _forget(store: Store, job: Job, asked: Asked, *, leaves_synced: bool) -> Receipt:
    secret, region = load_secret(job.secret_path), job.config.text.region
    key = hash_asked(asked, secret, region)
    with job.begin(store, "forget") as run:
        person = find_person(run.connection, asked, secret, region)
        if not (person.is_known or _has_consent(run.connection, person)):
            was = is_blocked(run.connection, secret, [key])
            told = {"found": False, "erased_before": was}
            record_audit(run.connection, "forget", {"by": key[0]}, told)
            return Receipt(store.name, None, was_erased=was)
        holders = list_holders(run.connection, person.customer_ids)
        if holders and not leaves_synced:  # a record was linked to them in this moment
            raise _still_held(holders)
        request_id, erased = _erase_rows(run, job, person, secret)
        tokens = choose_tokens(run.connection, erased.texts, erased.ids)
    with tell_stopped(_STOPPED):
        problems = refresh_files(job, store)
        with store.lock(job.lock_timeout_s):
            return _finish(store, job, request_id, tokens, person.n_shared, problems)


_STOPPED = (
    "the rows are erased, but not all that they left in files, logs and free pages: go on with "
    "earful forget --resume, or with the next earful run"
)


def resume_erasures(job: Job) -> list[Receipt]:
    """Finish the requests whose rows are gone, but not yet all that they left behind."""
    store = open_store(job.config.store.url)
    with store.read() as connection:
        open_ids = [row["request_id"] for row in list_open(connection)]
    if not open_ids:
        return []
    with tell_stopped(_STOPPED):
        with store.lock(job.lock_timeout_s, "syncs"):
            problems = refresh_files(job, store)
        with store.lock(job.lock_timeout_s):
            return [_finish(store, job, request_id, None, 0, problems) for request_id in open_ids]


def list_open(connection: Connection) -> list[dict[str, Any]]:
    """Requests that are not finished, with what keeps them from it."""
    columns = (_erasure.request_id, _erasure.requested_at, _erasure.error)
    query = select(*columns).where(_erasure.finished_at.is_(None)).order_by(_erasure.request_id)
    return [dict(row) for row in connection.execute(query).mappings()]


def _has_consent(connection: Connection, person: Person) -> bool:
    query = select(tables.consent.c.consent_id).where(
        tables.consent.c.key_hash.in_([key for _, key in person.keys])
    )
    return connection.execute(query.limit(1)).first() is not None


def _erase_rows(run: Run, job: Job, person: Person, secret: bytes) -> tuple[str, Erased]:
    """Everything that is one transaction: the open request lets guarded tables yield."""
    connection, request_id = run.connection, make_time_id(datetime.now(UTC))
    key_hash = hash_blocked(secret, person.asked)
    open_request(run, request_id, key_hash)
    keeps_words = job.config.erasure.feedback == "deidentify"
    erased = erase_person(run, job.models, person, secret, keeps_words=keeps_words)
    feedback = [("feedback_id", each) for each in person.feedback_ids]
    keys = [*person.keys, *feedback]
    blocked = {hash_blocked(secret, key) for key in keys}
    store_id = read_info(connection, "store_id") or ""
    find_ledger(job).note_erasure(store_id, request_id, key_hash, blocked)
    erased.counts["blocked_key"] += block_keys(connection, secret, keys, request_id)
    forget_files(connection)
    counts = note_erased(connection, request_id, erased.counts)
    told = {"by": person.asked[0], "feedback": job.config.erasure.feedback}
    record_audit(connection, "forget", told, {"request_id": request_id, "counts": counts})
    return request_id, erased


def _finish(
    store: Store,
    job: Job,
    request_id: str,
    tokens: Sequence[str] | None,
    n_shared: int,
    known: Sequence[str],
) -> Receipt:
    """Files, log and free pages; then look for traces, and close the request if there are none.

    :param tokens: what to look for; None after a crash, where it is not known any more.
    :param known: what could not be done so far, in words.
    """
    problems = [*known, *_clean_files(store, job, request_id)]
    n_traces = 0
    try:
        remove_unfinished(store, job.cache_dir, job.lake)
        found = _clean_store(store, tokens)
        n_traces = sum(found.values())
        problems += [f"{n:,} traces are left in {path}" for path, n in found.items()]
    except (EarfulError, OSError) as error:
        problems.append(str(error))
    with store.write() as connection:
        counts, digest = _close(connection, request_id, problems, n_traces)
    try:
        empty_log(store)
    except EarfulError as error:
        job.progress.warn(str(error))
    return Receipt(
        store.name, request_id, counts=counts, n_shared=n_shared, digest=digest, problems=problems
    )


def _clean_files(store: Store, job: Job, request_id: str) -> list[str]:
    blocked = tables.blocked_key.c
    with store.read() as connection:
        query = select(blocked.key_hash).where(blocked.request_id == request_id)
        subjects = set(connection.execute(query).scalars())
    return [*remove_exports(store, subjects), *rewrite_outputs(store, job, is_locked=True)]


def _clean_store(store: Store, tokens: Sequence[str] | None) -> dict[str, int]:
    """Rewrite what may hold traces; on SQLite only where some are found, as that takes a while."""
    if tokens is not None and store.path is not None:
        empty_log(store)
        if not _look(store, tokens):
            return {}
    rewrite_store(store)
    return _look(store, tokens or ())


def _look(store: Store, tokens: Sequence[str]) -> dict[str, int]:
    with store.read() as connection:
        outputs = list_outputs(connection)
    return find_traces([*list_files(store), *outputs], tokens)


def _close(
    connection: Connection, request_id: str, problems: Sequence[str], n_traces: int
) -> tuple[dict[str, int], str | None]:
    row = connection.execute(select(tables.erasure).where(_erasure.request_id == request_id)).one()
    counts = {**(row.counts or {}), "traces": n_traces}
    finished = None if problems else datetime.now(UTC)
    told = [row.request_id, row.key_hash, row.requested_at.isoformat(), counts]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    values = {
        "counts": counts,
        "finished_at": finished,
        "digest": digest if finished else None,
        "error": "; ".join(problems) or None,
    }
    connection.execute(
        update(tables.erasure).where(_erasure.request_id == request_id).values(**values)
    )
    return counts, digest if finished else None
