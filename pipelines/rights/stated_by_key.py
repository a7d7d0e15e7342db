"""Consent in rows that hold no feedback: known by the contact of the person who left them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, select, tuple_

from pipelines import tables
from pipelines.refused import RefusedRow
from pipelines.rights.blocks import Key
from pipelines.rights.consent_rows import add_consents
from pipelines.rights.stated import PERSONAL, Answer, find_changes, list_answers
from pipelines.runs import Run

_consent = tables.consent.c
_Subject = tuple[Key, str, str]


def record_unsaid(run: Run, source: str, rows: Iterable[RefusedRow]) -> None:
    """Append what rejected rows state of consent, where it changes what such rows said before."""
    answers: dict[_Subject, list[Answer]] = defaultdict(list)
    for row in rows:
        key = _choose_key(row.keys) if row.said else None
        if key is None:
            continue
        at = min(row.said_at or run.started_at, run.started_at)
        for purpose, channel, status in list_answers(row.said):
            answers[key, purpose, channel].append(Answer(at, status))
    known = _read_known(run.connection, sorted({key for key, _, _ in answers}))
    new = [
        {
            "key_type": key[0],
            "key_hash": key[1],
            "purpose": purpose,
            "channel": channel or None,
            "status": each.status,
            "source": source,
            "via": "feedback",
            "at": each.at,
            "expires_at": None,
        }
        for (key, purpose, channel), said in sorted(answers.items())
        for each in find_changes(said, known.get((key, purpose, channel), ()))
    ]
    run.counts["n_consents"] += add_consents(run.connection, new)


def _choose_key(keys: Mapping[str, str]) -> Key | None:
    """The surest of the keys that a row names."""
    return next(((kind, keys[kind]) for kind in PERSONAL if kind in keys), None)


def _read_known(connection: Connection, keys: Sequence[Key]) -> dict[_Subject, list[Answer]]:
    found: dict[_Subject, list[Answer]] = defaultdict(list)
    if not keys:
        return found
    columns = (_consent.key_type, _consent.key_hash)
    said = (_consent.purpose, _consent.channel, _consent.at, _consent.status)
    query = select(*columns, *said).where(
        tuple_(*columns).in_(keys), _consent.via == "feedback", _consent.feedback_id.is_(None)
    )
    for kind, key, purpose, channel, at, status in connection.execute(query):
        found[(kind, key), purpose, channel or ""].append(Answer(at, status))
    return found
