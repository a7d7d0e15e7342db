"""What customers allow and withdraw: recorded one by one or from a file, never changed."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, func, or_, select

from pipelines import tables
from pipelines.config import Config
from pipelines.errors import ConfigError, InputError
from pipelines.job import Job
from pipelines.reading.consents import list_channels
from pipelines.reading.dates import parse_date as read_date
from pipelines.rights.audit import record_audit
from pipelines.rights.behind import note_behind
from pipelines.rights.blocks import Blocks, Key
from pipelines.rights.consent_rows import add_consents
from pipelines.rights.naming import Name, find_customers, find_written
from pipelines.rights.outputs import bring_in_line
from pipelines.rights.people import Asked, hash_asked, list_records
from pipelines.rights.purposes import PURPOSES
from pipelines.rights.upkeep import configured_policy, respect_refusals
from pipelines.runs import Run
from pipelines.secret import load_secret
from pipelines.store import open_store

STATUSES = ("granted", "withdrawn")
COLUMNS = ("customer", "email", "phone", "handle", "purpose", "status")
OPTIONAL = ("channel", "source", "at", "expires")
_MAX_SHOWN = 10
_consent, _feedback = tables.consent.c, tables.feedback.c


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
    :param n_waiting: statements of people who are not known yet; they hold once these come in.
    :param unknown_channels: channels of the statements that nothing else has: slips, perhaps.
    :param known_channels: the others that there are, where some are unknown.
    :param problems: files that could not be brought in line.
    """

    run_id: str
    store: str
    n_rows: int
    n_blocked: int
    n_changed: int
    n_waiting: int = 0
    unknown_channels: Sequence[str] = ()
    known_channels: Sequence[str] = ()
    problems: Sequence[str] = ()


@dataclass(frozen=True)
class _Named:
    """A statement, with the keyed hash of whom it is of."""

    said: Statement
    key: Key

    @property
    def name(self) -> Name:
        return self.key, self.said.who.customer


def record_statements(job: Job, statements: Sequence[Statement], origin: str) -> Recorded:
    """Append what customers said, and bring everything that was published in line with it.

    :param origin: for the audit: option or file.
    :raises ConfigError: when a statement makes no sense; nothing is written then.
    """
    secret, region = load_secret(job.secret_path), job.config.text.region
    named = [_Named(each, hash_asked(each.who, secret, region)) for each in statements]
    for each in statements:
        _check(each)
    store = open_store(job.config.store.url)
    with job.begin(store, "consent") as run:
        blocks = Blocks.read(run.connection, secret)
        wanted = [each for each in named if not blocks.holds_keys([each.key])]
        customers = find_customers(run.connection, {each.name for each in wanted})
        written = find_written(run.connection, {each.key for each in wanted})
        n_waiting = sum(not customers[each.name] and each.key not in written for each in wanted)
        rows = [row for each in wanted for row in _make_rows(run, each, customers[each.name])]
        n_rows = add_consents(run.connection, rows)
        if n_rows:  # a page says who may be contacted, which nothing in the store is refused by
            note_behind(run)
        n_changed = respect_refusals(run, job.models, configured_policy(job.config))
        n_blocked = len(named) - len(wanted)
        known = _list_channels(run.connection, job.config)
        unknown = sorted({row["channel"] for row in rows if row["channel"]} - known)
        told = {"from": origin, "statements": _count(statements)}
        result = {"n_rows": n_rows, "n_blocked": n_blocked, "n_changed": n_changed}
        record_audit(run.connection, "consent", told, result)
    problems = bring_in_line(store, job)
    counts = n_rows, n_blocked, n_changed, n_waiting
    shown = sorted(known) if unknown else []
    return Recorded(run.run_id, store.name, *counts, unknown, shown, problems)


def _list_channels(connection: Connection, config: Config) -> set[str]:
    """Channels of feedback, of rules, and of columns in which files state consent."""
    of_feedback = connection.execute(select(_feedback.channel).distinct()).scalars()
    of_rules = (getattr(rule, "channel", None) for rule in config.rules)
    return {each.casefold() for each in (*of_feedback, *of_rules, *list_channels()) if each}


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


def _make_rows(run: Run, named: _Named, customers: Sequence[str]) -> Iterator[dict[str, Any]]:
    said, key = named.said, named.key
    for purpose in PURPOSES if said.purpose == "all" else (said.purpose,):
        at = (said.at or run.started_at).astimezone(UTC)
        yield {
            "customer_id": customers[0] if len(customers) == 1 else None,
            "key_type": key[0],
            "key_hash": key[1],
            "purpose": purpose,
            "channel": said.channel.strip().casefold() if said.channel else None,
            "status": said.status,
            "source": said.source,
            "via": "consent",
            "at": at,
            "expires_at": said.expires_at and said.expires_at.astimezone(UTC),
        }


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
    connection: Connection, limit: int, key: Key | None = None, customer_id: str | None = None
) -> list[dict[str, Any]]:
    """What was said, the newest first, and where.

    :param key: only of the person with this key.
    :param customer_id: that key as it was given, where it is an id.
    """
    hidden = "key_hash"
    shown = [column for column in _consent if column.name not in (hidden, "customer_id")]
    whose = func.coalesce(_consent.customer_id, _feedback.customer_id).label("customer_id")
    query = (
        select(whose, *shown)
        .outerjoin(tables.feedback, _feedback.feedback_id == _consent.feedback_id)
        .order_by(_consent.at.desc(), _consent.consent_id.desc())
    )
    if key is not None:
        query = query.where(_is_of(key, list_records(connection, key, customer_id)))
    return [dict(row) for row in connection.execute(query.limit(limit)).mappings()]


def _is_of(key: Key, records: Sequence[str]) -> Any:
    """Rows by this key, of these records of its customer, by their other keys, in what they said.

    :param records: ids.
    """
    link = tables.customer_key.c
    others = select(link.key_hash).where(link.customer_id.in_(records))
    own = and_(_consent.key_type == key[0], _consent.key_hash == key[1])
    return or_(
        own,
        _consent.customer_id.in_(records),
        _consent.key_hash.in_(others),
        _feedback.customer_id.in_(records),
    )
