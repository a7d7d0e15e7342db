"""Consent in rows that are neither a customer nor a feedback: known by the contact that they name.

These are events, such as orders, and rows that hold no words.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, select, tuple_

from pipelines import tables
from pipelines.id_batches import batch_ids
from pipelines.key_columns import is_same_key
from pipelines.reading.consents import WITHDRAWN
from pipelines.refused import RefusedRow
from pipelines.rights.blocks import Key
from pipelines.rights.consent_rows import add_consents
from pipelines.rights.stated import PERSONAL, Answer, find_changes, has_answers, list_answers
from pipelines.runs import Run
from pipelines.staging import Incoming

_consent, _event, _key = tables.consent.c, tables.event.c, tables.event_key.c
_Subject = tuple[Key, str, str]


@dataclass(frozen=True)
class _Said:
    """What one row says, and of whom.

    :param customer_id: by which the row names them, where it does.
    :param at: None where the row has no date.
    """

    key: Key
    at: datetime | None
    answers: Mapping[str, str]
    customer_id: str | None = None


def record_unsaid(run: Run, source: str, rows: Iterable[RefusedRow]) -> None:
    """Append what rejected rows state of consent, where it changes what such rows said before."""
    said = [
        _Said(key, row.said_at or run.started_at, row.said)
        for row in rows
        if row.said and (key := _choose_key(row.keys))
    ]
    _record(run, source, "feedback", said)


def record_happened(run: Run, source: str, rows: Iterable[Incoming]) -> None:
    """Append what events state of consent, where it changes what such rows said before."""
    said = [
        _Said(key, each.row["at"], answers, each.row["named_customer"])
        for each in rows
        if (answers := each.row["attributes"] or {})
        and any(list_answers(answers))
        and (key := _choose_key(each.keys))
    ]
    _record(run, source, "events", said)


def record_lifted(run: Run, read_keys: Table) -> None:
    """Append what events that are stored say after a refusal that has only now been read.

    That somebody does not refuse is no news when it is read, and is one once an older refusal is.

    :param read_keys: the keys of the events that were read, with the columns of ``event_key``.
    """
    refused = (
        select(_consent.key_type, _consent.key_hash)
        .join(read_keys, is_same_key(read_keys.c, _consent))
        .where(_consent.via == "events", _consent.status == WITHDRAWN)
        .distinct()
    )
    for batch in batch_ids([(row[0], row[1]) for row in run.connection.execute(refused)]):
        _record(run, None, "events", _read_happened(run, batch))


def _read_happened(run: Run, keys: Sequence[Key]) -> Iterator[_Said]:
    """What events of the past whose surest key is one of some say of consent."""
    wanted = select(_key.event_id).where(tuple_(_key.key_type, _key.key_hash).in_(keys))
    found: dict[str, dict[str, str]] = defaultdict(dict)
    of_events = select(_key.event_id, _key.key_type, _key.key_hash)
    for event_id, kind, key in run.connection.execute(of_events.where(_key.event_id.in_(wanted))):
        found[event_id][kind] = key
    columns = (_event.event_id, _event.at, _event.attributes, _event.named_customer)
    query = select(*columns).where(
        _event.event_id.in_(wanted), _event.at <= run.started_at, has_answers(_event)
    )
    for event_id, at, attributes, named in run.connection.execute(query):
        key = _choose_key(found[event_id])
        if key is not None and key in keys:
            yield _Said(key, at, attributes, named)


def _record(run: Run, source: str | None, via: str, said: Iterable[_Said]) -> None:
    answers: dict[_Subject, list[Answer]] = defaultdict(list)
    named: dict[Key, str | None] = {}
    for each in said:
        named[each.key] = each.customer_id
        at = min(each.at or run.started_at, run.started_at)
        for purpose, channel, status in list_answers(each.answers):
            # A permission of no day may be older than a withdrawal.
            if each.at or status == WITHDRAWN:
                answers[each.key, purpose, channel].append(Answer(at, status))
    known = _read_known(run.connection, via, sorted({key for key, _, _ in answers}))
    new = [
        {
            "customer_id": named[key],
            "key_type": key[0],
            "key_hash": key[1],
            "purpose": purpose,
            "channel": channel or None,
            "status": each.status,
            "source": source,
            "via": via,
            "at": each.at,
            "expires_at": None,
        }
        for (key, purpose, channel), told in sorted(answers.items())
        for each in find_changes(told, known.get((key, purpose, channel), ()))
    ]
    run.counts["n_consents"] += add_consents(run.connection, new)


def _choose_key(keys: Mapping[str, str]) -> Key | None:
    """The surest of the keys that a row names."""
    return next(((kind, keys[kind]) for kind in PERSONAL if kind in keys), None)


def _read_known(
    connection: Connection, via: str, keys: Sequence[Key]
) -> dict[_Subject, list[Answer]]:
    found: dict[_Subject, list[Answer]] = defaultdict(list)
    if not keys:
        return found
    columns = (_consent.key_type, _consent.key_hash)
    said = (_consent.purpose, _consent.channel, _consent.at, _consent.status)
    query = select(*columns, *said).where(
        tuple_(*columns).in_(keys), _consent.via == via, _consent.feedback_id.is_(None)
    )
    for kind, key, purpose, channel, at, status in connection.execute(query):
        found[(kind, key), purpose, channel or ""].append(Answer(at, status))
    return found
