"""Consent that columns of files state: answers in customers' records and feedback become rows.

The answers of a person's versions are a line of time, whose changes are the rows: read again, or in
another order, the same versions give no further ones.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Table, Text, and_, cast, func, select

from pipelines import tables
from pipelines.id_batches import batch_ids
from pipelines.key_columns import is_same_key
from pipelines.reading.consents import (
    NOT_REFUSED,
    PREFIX,
    STATUSES,
    WITHDRAWN,
    is_consent,
    read_key,
)
from pipelines.rights.consent_rows import add_consents
from pipelines.rights.gate import rank_customers
from pipelines.rights.purposes import PURPOSES
from pipelines.runs import Run

_consent, _key, _customer = tables.consent.c, tables.feedback_key.c, tables.customer.c
# By which the writer of a feedback is known elsewhere, the surest first.
PERSONAL: Final = ("customer_id", "email", "phone", "handle")
_PAGE: Final = 5_000


@dataclass(frozen=True)
class _Holder:
    """A table whose rows hold answers.

    :param dates: columns that date what a row says; the first that is filled counts.
    """

    via: str
    table: Table
    history: Table
    id_name: str
    dates: tuple[str, ...]


_HOLDERS: Final = (
    _Holder("customers", tables.customer, tables.customer_version, "customer_id", ("edited_at",)),
    _Holder(
        "feedback",
        tables.feedback,
        tables.feedback_version,
        "feedback_id",
        ("edited_at", "occurred_at"),
    ),
)


@dataclass(frozen=True)
class Answer:
    """What somebody said of something at a moment, and where."""

    at: datetime
    status: str
    source: str | None = None
    is_dated: bool = True


@dataclass(frozen=True)
class Stated:
    """What was recorded.

    :param n_contradicted: permissions without a date that were not recorded, since their customers
        withdrew elsewhere.
    """

    n_rows: int = 0
    n_contradicted: int = 0


def record_stated(run: Run) -> Stated:
    """Append the consent that the files of this run state, where it changes what they said before.

    An answer counts from when its record was last changed, or its feedback said; where that is not
    known, or yet to come, from now.
    """
    n_rows = 0
    withdrawn = _Withdrawn(run)
    for holder in _HOLDERS:
        for ids in _list_touched(run, holder):
            rows = [
                row
                for row, is_dated in _find_rows(run, holder, ids)
                if is_dated or not withdrawn.speaks_against(row)
            ]
            n_rows += add_consents(run.connection, rows, (holder.id_name,))
    run.counts["n_consents"] += n_rows
    return Stated(n_rows, len(withdrawn.contradicted))


def find_changes(answers: Iterable[Answer], known: Iterable[Answer]) -> list[Answer]:
    """The answers that differ from the one before, among those that are known and the others.

    Of several of one moment the refusal counts. That somebody does not refuse is news only where
    they did.
    """
    moments: dict[datetime, Answer] = {}
    for each in answers:
        other = moments.get(each.at)
        if other is None or _rank(each) > _rank(other):
            moments[each.at] = each
    said = sorted(known, key=_rank)
    changes = []
    for _, each in sorted(moments.items()):
        before = max((other for other in said if other.at <= each.at), key=_rank, default=None)
        is_news = before is None or before.status != each.status
        if each.status == NOT_REFUSED:
            is_news = before is not None and before.status == WITHDRAWN
        if is_news and (before is None or _rank(each) > _rank(before)):
            changes.append(each)
            said.append(each)
    return changes


def _rank(answer: Answer) -> tuple[datetime, int]:
    return answer.at, STATUSES.index(answer.status)


def _list_touched(run: Run, holder: _Holder) -> Iterator[Sequence[str]]:
    """Ids of rows with answers of which this run wrote a version, in portions; some twice."""
    for columns in (holder.table.c, holder.history.c):
        own_id, last = columns[holder.id_name], ""
        is_touched = and_(columns.run_id == run.run_id, has_answers(columns))
        while True:
            query = select(own_id).where(own_id > last, is_touched).distinct()
            page = list(run.connection.execute(query.order_by(own_id).limit(_PAGE)).scalars())
            yield from batch_ids(page)
            if len(page) < _PAGE:
                break
            last = page[-1]


def has_answers(columns: Any) -> Any:
    """SQL for a table's columns: whether the attributes of a row hold an answer."""
    return cast(columns.attributes, Text).contains(f'"{PREFIX}', autoescape=True)


def _find_rows(
    run: Run, holder: _Holder, ids: Sequence[str]
) -> Iterator[tuple[dict[str, Any], bool]]:
    """The rows that are missing, of some customers or feedback, each with whether it was dated."""
    answers = _read_answers(run, holder, ids)
    known = _read_known(run.connection, holder, ids)
    keys = _read_keys(run.connection, ids) if holder.via == "feedback" else {}
    for subject, said in sorted(answers.items()):
        own_id, purpose, channel = subject
        key_type, key_hash = keys.get(own_id, (None, None))
        for each in find_changes(said, known.get(subject, ())):
            row = {
                "customer_id": None,
                "feedback_id": None,
                holder.id_name: own_id,
                "key_type": key_type,
                "key_hash": key_hash,
                "purpose": purpose,
                "channel": channel or None,
                "status": each.status,
                "source": each.source,
                "via": holder.via,
                "at": each.at,
                "expires_at": None,
            }
            yield row, each.is_dated


_Subject = tuple[str, str, str]
"""Of whom or what, purpose, channel; no channel is ''."""


def _read_answers(run: Run, holder: _Holder, ids: Sequence[str]) -> dict[_Subject, list[Answer]]:
    """What the versions of some rows say; of those without a date what this run has read."""
    now, found = run.started_at, defaultdict(list)
    sources: dict[str, str | None] = {}
    for table in (holder.table, holder.history):
        columns = table.c
        dated = func.coalesce(*(columns[name] for name in holder.dates), None).label("at")
        own_id = columns[holder.id_name].label("id")
        shown = [own_id, columns.attributes, columns.run_id, dated]
        shown += [columns.source] if "source" in columns else []
        rows = run.connection.execute(select(*shown).where(own_id.in_(ids))).mappings()
        for row in rows:
            source = sources.setdefault(row["id"], row.get("source"))
            at = row["at"]
            if at is None and row["run_id"] != run.run_id:
                continue
            moment, told_by = min(at or now, now), row.get("source") or source
            for purpose, channel, status in list_answers(row["attributes"]):
                answer = Answer(moment, status, told_by, is_dated=at is not None)
                found[row["id"], purpose, channel].append(answer)
    return found


def list_answers(attributes: Mapping[str, str] | None) -> Iterator[tuple[str, str, str]]:
    """Purpose, channel and status of each answer; no channel is ''."""
    for name, status in (attributes or {}).items():
        if is_consent(name) and status in STATUSES:
            purpose, channel = read_key(name)
            if purpose in PURPOSES:
                yield purpose, channel or "", status


def _read_known(
    connection: Connection, holder: _Holder, ids: Sequence[str]
) -> dict[_Subject, list[Answer]]:
    """What files of this kind said before."""
    own_id = _consent[holder.id_name]
    query = select(own_id, _consent.purpose, _consent.channel, _consent.at, _consent.status).where(
        own_id.in_(ids), _consent.via == holder.via
    )
    found = defaultdict(list)
    for each, purpose, channel, at, status in connection.execute(query):
        found[each, purpose, channel or ""].append(Answer(at, status))
    return found


def _read_keys(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The surest key of each feedback: what its writer says holds where they are known by it."""
    query = select(_key.feedback_id, _key.key_type, _key.key_hash).where(
        _key.feedback_id.in_(ids), _key.key_type.in_(PERSONAL)
    )
    found: dict[str, tuple[str, str]] = {}
    for own_id, kind, key in connection.execute(query):
        known = found.get(own_id)
        if known is None or PERSONAL.index(kind) < PERSONAL.index(known[0]):
            found[own_id] = kind, key
    return found


class _Withdrawn:
    """Customers who withdrew in other ways than by a CRM's file.

    A CRM that was not told of it goes on saying yes: without a date that is no news.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._people: dict[tuple[str, str | None], set[str]] = {}
        self.contradicted: set[tuple[str, str, str | None]] = set()

    def speaks_against(self, row: Mapping[str, Any]) -> bool:
        """Whether a permission without a date contradicts the newest word of its customer."""
        if row["status"] == WITHDRAWN or row["customer_id"] is None:
            return False
        about = row["purpose"], row["channel"]
        if about not in self._people:
            self._people[about] = self._find_people(*about)
        if row["customer_id"] not in self._people[about]:
            return False
        self.contradicted.add((row["customer_id"], *about))
        return True

    def _find_people(self, purpose: Any, channel: str | None) -> set[str]:
        """Ids of all their records, and of others with an e-mail of theirs: another system's."""
        ranked = rank_customers(purpose, self._run.started_at, channel).c
        person = func.coalesce(_customer.merged_into, _customer.customer_id)
        is_elsewhere = func.coalesce(ranked.via, "") != "customers"
        query = (
            select(_customer.customer_id)
            .join_from(tables.customer, ranked.subject.table, ranked.subject == person)
            .where(ranked.rank == 1, ranked.status == WITHDRAWN, ranked.is_valid, is_elsewhere)
        )
        ids = sorted(self._run.connection.execute(query).scalars())
        return {*ids, *self._find_same_mail(ids)}

    def _find_same_mail(self, ids: Sequence[str]) -> Iterator[str]:
        own, other = (tables.customer_key.alias(name).c for name in ("own", "other"))
        for batch in batch_ids(ids):
            query = select(other.customer_id).where(
                own.customer_id.in_(batch), own.key_type == "email", is_same_key(own, other)
            )
            yield from self._run.connection.execute(query.distinct()).scalars()
