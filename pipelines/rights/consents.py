"""What customers allow and withdraw: recorded one by one or from a file, never changed."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, func, insert, or_, select

from pipelines import tables
from pipelines.errors import ConfigError, InputError
from pipelines.id_batches import batch_ids
from pipelines.job import Job
from pipelines.reading.dates import parse_date as read_date
from pipelines.rights.audit import record_audit
from pipelines.rights.blocks import Key, is_blocked
from pipelines.rights.outputs import rewrite_outputs
from pipelines.rights.people import Asked, find_customer, hash_asked
from pipelines.rights.purposes import PURPOSES
from pipelines.rights.upkeep import configured_policy, respect_refusals
from pipelines.runs import Run
from pipelines.secret import load_secret
from pipelines.store import open_store

STATUSES = ("granted", "withdrawn")
COLUMNS = ("customer", "email", "phone", "handle", "purpose", "status")
OPTIONAL = ("channel", "source", "at", "expires")
_MAX_SHOWN = 10
_consent = tables.consent.c


@dataclass(frozen=True)
class Statement:
    """What one customer said about one purpose.

    :param purpose: one of PURPOSES, or all.
    :param channel: None for all.
    :param at: None for now.
    """

    who: Asked
    purpose: str
    status: str
    channel: str | None = None
    source: str | None = None
    at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Recorded:
    """What recording came to.

    :param n_rows: rows of consent; one that stands there already is not written again.
    :param n_blocked: statements of erased persons, which are not stored.
    :param n_changed: feedback and customers that may be used for more, or less, than before.
    :param problems: files that could not be brought in line.
    """

    run_id: str
    store: str
    n_rows: int
    n_blocked: int
    n_changed: int
    problems: Sequence[str] = ()


def record_statements(job: Job, statements: Sequence[Statement], origin: str) -> Recorded:
    """Append what customers said, and bring everything that was published in line with it.

    :param origin: for the audit: option or file.
    :raises ConfigError: when a statement makes no sense; nothing is written then.
    """
    secret, region = load_secret(job.secret_path), job.config.text.region
    keys = [hash_asked(each.who, secret, region) for each in statements]
    for each in statements:
        _check(each)
    store = open_store(job.config.store.url)
    with job.begin(store, "consent") as run:
        wanted = [
            pair
            for pair in zip(statements, keys, strict=True)
            if not is_blocked(run.connection, secret, [pair[1]])
        ]
        rows = [row for said, key in wanted for row in _make_rows(run, said, key)]
        new = _without_known(run.connection, rows)
        if new:
            run.connection.execute(insert(tables.consent), new)
        n_changed = respect_refusals(run, job.models, configured_policy(job.config))
        n_blocked = len(statements) - len(wanted)
        told = {"from": origin, "statements": _count(statements)}
        result = {"n_rows": len(new), "n_blocked": n_blocked, "n_changed": n_changed}
        record_audit(run.connection, "consent", told, result)
    problems = rewrite_outputs(store, job) if n_changed else []
    return Recorded(run.run_id, store.name, len(new), n_blocked, n_changed, problems)


def _check(said: Statement) -> None:
    if said.purpose not in (*PURPOSES, "all"):
        raise ConfigError(
            f"there is no purpose {said.purpose!r}; there are: {', '.join(PURPOSES)}, all"
        )
    if said.status not in STATUSES:
        raise ConfigError(f"there is no status {said.status!r}; there are: {', '.join(STATUSES)}")
    if said.at and said.expires_at and said.expires_at <= said.at:
        raise ConfigError("a consent cannot expire before it is given; check --expires")


def _count(statements: Sequence[Statement]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in statements:
        name = f"{each.purpose} {each.status}"
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))


def _make_rows(run: Run, said: Statement, key: Key) -> Iterator[dict[str, Any]]:
    customer_id = find_customer(run.connection, key, said.who.customer)
    for purpose in PURPOSES if said.purpose == "all" else (said.purpose,):
        at = (said.at or run.started_at).astimezone(UTC)
        row = {
            "customer_id": customer_id,
            "key_type": key[0],
            "key_hash": key[1],
            "purpose": purpose,
            "channel": said.channel.strip().casefold() if said.channel else None,
            "status": said.status,
            "source": said.source,
            "at": at,
            "expires_at": said.expires_at and said.expires_at.astimezone(UTC),
        }
        yield {"consent_id": _make_id(row), **row}


_SAME = ("key_type", "key_hash", "purpose", "channel", "status", "at", "expires_at")


def _make_id(row: Mapping[str, Any]) -> str:
    """Sorts by time; the same for the same statement, so that it is stored once."""
    at = row["at"]
    told = "\0".join(str(row[name]) for name in _SAME)
    return (
        f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}" + sha256(told.encode()).hexdigest()[:16]
    )


def _without_known(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that are not there yet, each once: a file that is loaded again adds nothing."""
    new = {row["consent_id"]: row for row in rows}
    for batch in batch_ids([*new]):
        query = select(_consent.consent_id).where(_consent.consent_id.in_(batch))
        for known in connection.execute(query).scalars():
            del new[known]
    return [*new.values()]


def read_statements(path: Path, timezone: str) -> list[Statement]:
    """The statements of a CSV file.

    Its columns are one or more of customer, email, phone and handle, then purpose and status, and
    if wanted channel, source, at and expires.

    :raises InputError: when it cannot be read, or naming the rows that make no sense.
    """
    zone = ZoneInfo(timezone)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            names = [name.strip().casefold() for name in reader.fieldnames or ()]
            if not {"purpose", "status"} <= set(names) or not set(names) & set(COLUMNS[:4]):
                raise InputError(
                    f"{path} has no columns purpose and status with one of "
                    f"{', '.join(COLUMNS[:4])}; its others may be: {', '.join(OPTIONAL)}"
                )
            reader.fieldnames = names
            rows = list(enumerate(reader, 2))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no CSV file in UTF-8"
        raise InputError(f"{path} cannot be read ({said})") from error
    return _parse_rows(path, rows, zone)


def _parse_rows(
    path: Path, rows: Sequence[tuple[int, Mapping[str, str | None]]], zone: ZoneInfo
) -> list[Statement]:
    found, problems = [], []
    for number, row in rows:
        cells = {name: (value or "").strip() for name, value in row.items() if name in _KNOWN}
        try:
            found.append(_parse_row(cells, zone))
        except ConfigError as error:
            problems.append(f"row {number}: {error}")
    if problems:
        more = f"\n  and {len(problems) - _MAX_SHOWN:,} more" if len(problems) > _MAX_SHOWN else ""
        raise InputError(
            f"{len(problems):,} of {len(rows):,} rows of {path} make no sense; nothing was stored. "
            "Correct them and load the file again:\n  " + "\n  ".join(problems[:_MAX_SHOWN]) + more
        )
    return found


_KNOWN = {*COLUMNS, *OPTIONAL}


def _parse_row(cells: Mapping[str, str], zone: ZoneInfo) -> Statement:
    kinds = [kind for kind in COLUMNS[:4] if cells.get(kind)]
    # The surest of those that are filled; the others say the same person.
    who = Asked(**{kind: cells[kind] for kind in kinds[:1]})
    said = Statement(
        who,
        cells["purpose"].casefold(),
        cells["status"].casefold(),
        cells.get("channel") or None,
        cells.get("source") or None,
        parse_date(cells.get("at"), zone),
        parse_date(cells.get("expires"), zone),
    )
    who.kind  # noqa: B018 -- refuses a row that names nobody
    _check(said)
    return said


def parse_date(given: str | None, zone: ZoneInfo) -> datetime | None:
    """A day or a moment; None for none.

    :raises ConfigError: when it is no date.
    """
    if not given:
        return None
    found = read_date(given, zone=zone)
    if found is None:
        raise ConfigError("a date cannot be read; write it as 2027-01-31")
    return found.astimezone(UTC)


def list_consents(
    connection: Connection, limit: int, key: Key | None = None
) -> list[dict[str, Any]]:
    """What was said, the newest first.

    :param key: only of the person with this key.
    """
    query = select(tables.consent).order_by(_consent.at.desc(), _consent.consent_id.desc())
    if key is not None:
        query = query.where(_is_of(key))
    hidden = "key_hash"
    rows = connection.execute(query.limit(limit)).mappings()
    return [{name: value for name, value in row.items() if name != hidden} for row in rows]


def _is_of(key: Key) -> Any:
    """Rows by this key, by the id of its customer, and by the other keys of that customer."""
    link = tables.customer_key.c
    customers = select(link.customer_id).where(link.key_type == key[0], link.key_hash == key[1])
    others = select(link.key_hash).where(link.customer_id.in_(customers))
    own = and_(_consent.key_type == key[0], _consent.key_hash == key[1])
    return or_(own, _consent.customer_id.in_(customers), _consent.key_hash.in_(others))


def count_consents(connection: Connection) -> list[dict[str, Any]]:
    """Rows by purpose and status."""
    query = (
        select(_consent.purpose, _consent.status, func.count().label("n"))
        .group_by(_consent.purpose, _consent.status)
        .order_by(_consent.purpose, _consent.status)
    )
    return [dict(row) for row in connection.execute(query).mappings()]
