"""All that is known about one customer, for whoever is about to talk to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, not_, select, true

from pipelines import tables
from pipelines.counted import feedback, is_counted, mention
from pipelines.customer_rows import describe_past
from pipelines.errors import EarfulError
from pipelines.id_batches import batch_ids
from pipelines.odata.stored import derive_batch, read_events, read_history, show_facts
from pipelines.reading.consents import is_consent
from pipelines.record_versions import read_record
from pipelines.rights.descriptions import add_names, read_names
from pipelines.rights.gate import allows, allows_account, allows_customer
from pipelines.rights.purposes import PURPOSES, Purpose

Row = dict[str, Any]
_customer, _event = tables.customer.c, tables.event.c
# Of a run or of the machine, not of the customer.
_HIDDEN = frozenset({"run_id", "updated_at", "declared", "inferred"})


class NoProfileError(EarfulError):
    """Nothing can be shown: there is no such customer, or they do not allow it."""


@dataclass(frozen=True)
class Profile:
    """A customer, as of a moment.

    :param asked: the id that was asked for; another than the record's where two were merged.
    :param record: as the CRM has them, or had them then: empty where that is not known.
    :param allowed: by purpose, whether the customer or else the policy allows it now.
    :param channels: ways of contact that the customer spoke of apart, and whether they allow each.
    :param insight: as in customer_insight; None when nothing was said that counts.
    :param facts: as in customer_fact; None without events.
    :param themes: what they spoke of, the most spoken of first.
    :param feedback: what they said, the newest first; `text` is None where it may not be quoted.
    :param n_aside: feedback of theirs that is noise, and so counts nowhere.
    :param events: what happened, the newest first.
    :param n_feedback: of how many `feedback` shows the newest; `n_events` likewise.
    """

    asked: str
    record: Row
    as_of: datetime | None
    allowed: Mapping[str, bool]
    channels: Mapping[str, bool]
    insight: Row | None
    facts: Row | None
    themes: Sequence[Row]
    feedback: Sequence[Row]
    n_feedback: int
    n_aside: int
    events: Sequence[Row]
    n_events: int
    actions: Sequence[Row]

    @property
    def is_record_known(self) -> bool:
        """Whether it is known what the CRM said at the moment that was asked for."""
        ids = ("customer_id", "merged_into")
        return any(told for name, told in self.record.items() if name not in ids)


def read_profile(
    connection: Connection, customer_id: str, at: datetime | None = None, limit: int = 100
) -> Profile:
    """Gather what is known about a customer.

    :param at: as of a past moment, without looking at anything dated later; None for what is
        published now.
    :param limit: of feedback and of events, how many of the newest.
    :raises NoProfileError: when there is no such customer, or they allow no profile.
    """
    record = _read_record(connection, customer_id, at)
    own_id = record["customer_id"]
    allowed = {str(each): _is_allowed(connection, own_id, each) for each in PURPOSES}
    if not allowed["profiling"]:
        raise NoProfileError(
            f"customer {own_id} does not allow profiling: nothing may be shown about them; what "
            f"they said of it: earful consent show --customer {own_id}"
        )
    said = _is_said(connection, own_id, at)
    happened = _has_happened(own_id, at)
    rows = _read_feedback(connection, said, limit)
    return Profile(
        asked=customer_id,
        record=record,
        as_of=at,
        allowed=allowed,
        channels=_read_channels(connection, own_id, is_general=allowed["contact"]),
        insight=_read_insight(connection, own_id, at),
        facts=_read_facts(connection, own_id, at),
        themes=_read_themes(connection, said),
        feedback=rows,
        n_feedback=_count(connection, tables.feedback, and_(said, is_counted)),
        n_aside=_count(connection, tables.feedback, and_(said, not_(is_counted))),
        events=_read_events(connection, happened, limit),
        n_events=_count(connection, tables.event, happened),
        actions=_read_actions(connection, own_id) if at is None else [],
    )


def _read_record(connection: Connection, customer_id: str, at: datetime | None) -> Row:
    """The record, without the answers about consent that it holds: what counts is `allowed`."""
    row = read_record(connection, customer_id, at)
    if row is None:
        raise NoProfileError(
            f"there is no customer {customer_id}; ids are those of the CRM file, and customers "
            "are loaded with: earful customers FILE"
        )
    into = row["merged_into"]
    if into and into != customer_id:
        return _read_record(connection, into, at)
    rest = {name: told for name, told in (row["attributes"] or {}).items() if not is_consent(name)}
    return {**row, "attributes": rest or None}


def _read_channels(
    connection: Connection, customer_id: str, *, is_general: bool
) -> dict[str, bool]:
    said = tables.consent.c
    query = select(said.channel).where(said.purpose == "contact", said.channel.is_not(None))
    channels = sorted(connection.execute(query.distinct()).scalars())
    allowed = {
        each: _is_allowed(connection, customer_id, "contact", each) for each in channels if each
    }
    return {each: is_allowed for each, is_allowed in allowed.items() if is_allowed != is_general}


def _is_allowed(
    connection: Connection, customer_id: str, purpose: Purpose, channel: str | None = None
) -> bool:
    is_allowed = allows_customer(connection, purpose, _customer.customer_id, channel)
    query = select(_customer.customer_id).where(_customer.customer_id == customer_id, is_allowed)
    return connection.execute(query).first() is not None


def _is_said(connection: Connection, customer_id: str, at: datetime | None) -> ColumnElement[bool]:
    by_then = true() if at is None else feedback.occurred_at <= at
    return and_(feedback.customer_id == customer_id, by_then, allows_account(connection))


def _has_happened(customer_id: str, at: datetime | None) -> ColumnElement[bool]:
    by_then = true() if at is None else _event.at <= at
    return and_(_event.customer_id == customer_id, by_then)


def _count(connection: Connection, table: Any, condition: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(table).where(condition)
    return int(connection.execute(query).scalar_one())


def _read_insight(connection: Connection, customer_id: str, at: datetime | None) -> Row | None:
    if at is not None:
        row = describe_past(connection, customer_id, at)
    else:
        query = select(tables.customer_insight).where(
            tables.customer_insight.c.customer_id == customer_id
        )
        found = connection.execute(query).mappings().one_or_none()
        row = dict(found) if found else None
    if row is None:
        return None
    names = read_names(connection, [row["top_theme_id"], row["open_theme_id"]])
    told = {name: value for name, value in row.items() if name not in _HIDDEN}
    return {
        **told,
        "top_theme": names.get(row["top_theme_id"]),
        "open_theme": names.get(row["open_theme_id"]),
    }


def _read_facts(connection: Connection, customer_id: str, at: datetime | None) -> Row | None:
    if at is None:
        fact = tables.customer_fact
        query = select(fact).where(fact.c.customer_id == customer_id)
        found = connection.execute(query).mappings().one_or_none()
        return {n: v for n, v in found.items() if n not in _HIDDEN} if found else None
    history = read_history(connection, at).asked_at(at)

    def is_theirs(column: Any) -> ColumnElement[bool]:
        return column == customer_id  # type: ignore[no-any-return]

    events = dict(read_events(connection, is_theirs))
    facts = derive_batch(connection, is_theirs, events, history).get(customer_id)
    return show_facts(facts) if facts else None


def _read_themes(connection: Connection, said: ColumnElement[bool]) -> list[Row]:
    theme = tables.theme.c
    n = func.count().label("n_mentions")
    last = func.max(feedback.occurred_at).label("last_at")
    query = (
        select(
            theme.theme_id,
            theme.names,
            theme.lang,
            theme.verdict,
            n,
            func.avg(mention.sentiment_score).label("sentiment"),
            func.min(feedback.occurred_at).label("first_at"),
            last,
        )
        .join_from(tables.mention, tables.feedback, mention.feedback_id == feedback.feedback_id)
        .join(tables.theme, theme.theme_id == mention.theme_id)
        .where(said, is_counted)
        .group_by(theme.theme_id)
        .order_by(n.desc(), last.desc(), theme.theme_id)
    )
    rows = [dict(row) for row in connection.execute(query).mappings()]
    return [
        {**row, "english": (row.pop("names") or {}).get("en")}
        for row in add_names(connection, rows)
    ]


def _read_feedback(connection: Connection, said: ColumnElement[bool], limit: int) -> list[Row]:
    shown = (
        *("feedback_id", "source", "channel", "question", "text", "lang", "occurred_at", "rating"),
        *("rating_max", "link_method", "link_via", "link_confidence"),
    )
    query = (
        select(*(feedback[name] for name in shown), allows(connection, "quoting").label("quotable"))
        .where(said, is_counted)
        .order_by(feedback.occurred_at.desc().nulls_last(), feedback.feedback_id.desc())
        .limit(limit)
    )
    rows = [dict(row) for row in connection.execute(query).mappings()]
    mentions = _read_mentions(connection, [row["feedback_id"] for row in rows])
    for row in rows:
        is_quotable = row.pop("quotable")
        row["text"] = row["text"] if is_quotable else None
        row["mentions"] = [
            each if is_quotable else {**each, "text": None}
            for each in mentions.get(row["feedback_id"], [])
        ]
    return rows


def _read_mentions(connection: Connection, ids: Sequence[str]) -> dict[str, list[Row]]:
    shown = ("mention_id", "text", "lang", "sentiment", "sentiment_score", "theme_id")
    found: dict[str, list[Row]] = {}
    for batch in batch_ids(ids):
        query = (
            select(mention.feedback_id, *(mention[name] for name in shown))
            .where(mention.feedback_id.in_(batch))
            .order_by(mention.feedback_id, mention.position)
        )
        rows = connection.execute(query).mappings().all()
        names = read_names(connection, (row["theme_id"] for row in rows))
        for row in rows:
            told = {**row, "theme": names.get(row["theme_id"])}
            found.setdefault(told.pop("feedback_id"), []).append(told)
    return found


def _read_events(connection: Connection, happened: ColumnElement[bool], limit: int) -> list[Row]:
    query = (
        select(_event.event_id, _event.at, _event.kind, _event.amount, _event.currency)
        .where(happened)
        .order_by(_event.at.desc().nulls_last(), _event.event_id)
        .limit(limit)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _read_actions(connection: Connection, customer_id: str) -> list[Row]:
    action = tables.action.c
    shown = (
        *("action_id", "kind", "rule", "destination", "status", "reason", "created_at", "sent_at"),
        "next_attempt_at",
    )
    query = (
        select(*(action[name] for name in shown), action.payload)
        .where(action.customer_id == customer_id)
        .order_by(action.action_id.desc())
    )
    rows = [dict(row) for row in connection.execute(query).mappings()]
    for row in rows:
        payload = row.pop("payload") or {}
        row |= {"title": payload.get("title"), "raised_by": payload.get("reason")}
    return rows
