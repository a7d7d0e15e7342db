"""What may leave the store: asked by every query whose rows people or machines get to see.

Of the rows about a person the newest decides; at the same moment a withdrawal comes first. One
that has expired says nothing: then the policy of the store decides. What was said in a feedback
holds for it, and for the customer that it is linked to; a no stays with its words, whatever was
said in another. A refusal that a later version of the same record does not have any more counts
as if it had never been.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    exists,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.sql.elements import ColumnElement

from pipelines import tables
from pipelines.key_columns import is_same_key
from pipelines.reading.consents import NOT_REFUSED
from pipelines.rights.purposes import Mode, Purpose, read_policy

# A mark in feedback.refused: the words of somebody who was erased, kept without the person.
FORGOTTEN = "forgotten"
_consent, _feedback = tables.consent.c, tables.feedback.c
_key, _own_key = tables.customer_key.c, tables.feedback_key.c
_customer = tables.customer.c
_SAME_HOLDER = ("customer_id", "feedback_id", "key_type", "key_hash", "channel", "via")
_SAID = ("at", "status", "consent_id", "expires_at", "channel", "via", "feedback_id")


def allows(
    connection: Connection, purpose: Purpose, now: datetime | None = None
) -> ColumnElement[bool]:
    """SQL over rows of feedback: whether their words may be used for a purpose now.

    What may not be analysed may not be quoted or laid to a customer's account either.

    :param now: when it is asked; None for this moment.
    """
    at = now or datetime.now(UTC)
    allowed = [
        _decide(mode, _feedback.feedback_id, rank_feedback(each, at))
        for each, mode in _find_conditions(connection, purpose)
    ]
    if purpose != "analysis":
        allowed.append(or_(_feedback.refused.is_(None), _feedback.refused != FORGOTTEN))
    return and_(literal(value=True), *allowed)


def allows_account(connection: Connection) -> ColumnElement[bool]:
    """SQL over rows of feedback: whether they may be laid to their customer's account."""
    of_customer = allows_customer(connection, "profiling", _feedback.customer_id)
    return and_(allows(connection, "profiling"), of_customer)


def allows_figures(connection: Connection) -> ColumnElement[bool]:
    """SQL over rows of feedback: as :func:`allows_account`, and those of nobody's customer."""
    of_nobody = and_(_feedback.customer_id.is_(None), allows(connection, "profiling"))
    return or_(of_nobody, allows_account(connection))


def allows_customer(
    connection: Connection,
    purpose: Purpose,
    customer_id: ColumnElement[Any],
    channel: str | None = None,
    now: datetime | None = None,
) -> ColumnElement[bool]:
    """SQL for a column with customers: whether what is known about each may be used now.

    :param channel: of contact: email, phone, ...; None for what was said about all channels.
    """
    at = now or datetime.now(UTC)
    allowed = [
        _decide(mode, customer_id, rank_customers(each, at, channel))
        for each, mode in _find_conditions(connection, purpose)
    ]
    return and_(literal(value=True), *allowed)


def _find_conditions(connection: Connection, purpose: Purpose) -> list[tuple[Purpose, Mode]]:
    """What must be allowed, and what holds without a row; without what nobody can have refused."""
    policy = read_policy(connection)
    asked: tuple[Purpose, ...] = ("analysis",) if purpose == "analysis" else ("analysis", purpose)
    return [
        (each, policy[each])
        for each in asked
        if policy[each] != "allowed" or _is_refused(connection, each)
    ]


def _is_refused(connection: Connection, purpose: Purpose) -> bool:
    """Whether anybody ever withdrew this."""
    query = select(_consent.consent_id).where(
        _consent.purpose == purpose, _consent.status == "withdrawn"
    )
    return connection.execute(query.limit(1)).first() is not None


def _decide(mode: Mode, subject: ColumnElement[Any], ranked: Any) -> ColumnElement[bool]:
    """Whether a subject is allowed, by its newest row and else by the policy."""
    if mode == "never":
        return literal(value=False)
    status = "withdrawn" if mode == "allowed" else "granted"
    chosen = select(ranked.c.subject).where(
        ranked.c.rank == 1, ranked.c.status == status, ranked.c.is_valid
    )
    return subject.not_in(chosen) if mode == "allowed" else subject.in_(chosen)


def rank_feedback(purpose: Purpose, at: datetime) -> Any:
    """What was said about each feedback by a moment, the newest first.

    :returns: a subquery with subject, status, is_valid, via and rank, from 1.
    """
    said = _said_of_customers(purpose, at).subquery()
    of_customer = select(_feedback.feedback_id.label("subject"), *_columns(said.c)).join_from(
        said, tables.feedback, _feedback.customer_id == said.c.subject
    )
    # A contact that no customer is known by yet may stand in the feedback itself.
    by_key = (
        select(_own_key.feedback_id.label("subject"), *_columns(_consent))
        .select_from(tables.consent)
        .join(tables.feedback_key, is_same_key(_own_key, _consent))
        .where(*_is_said(purpose, at), not_(_is_linked()))
    )
    own = select(_consent.feedback_id.label("subject"), *_columns(_consent)).where(
        _consent.feedback_id.is_not(None), *_is_said(purpose, at)
    )
    found = union_all(of_customer, by_key, own).subquery()
    # Few rows name a channel: for the others the feedback is not looked up.
    told = tables.feedback.alias("told").c
    is_here = exists().where(
        told.feedback_id == found.c.subject, func.lower(told.channel) == found.c.channel
    )
    suits = or_(found.c.channel.is_(None), is_here)
    query = select(*_rank_columns(found, at)).where(suits)
    return query.where(not_(_is_about_others(found.c, purpose, at))).subquery()


def _is_about_others(said: Any, purpose: Purpose, at: datetime) -> ColumnElement[bool]:
    """A yes in another feedback of the same person, where this one holds a no."""
    refused = select(_consent.feedback_id).where(
        _consent.purpose == purpose,
        _consent.status == "withdrawn",
        _consent.feedback_id.is_not(None),
        _consent.consent_id.not_in(_find_lifted(purpose, at)),
    )
    return and_(
        func.coalesce(said.feedback_id, said.subject) != said.subject,
        said.status == "granted",
        said.subject.in_(refused),
    )


def rank_customers(purpose: Purpose, at: datetime, channel: str | None) -> Any:
    """What was said about each customer by a moment; as :func:`rank_feedback`."""
    found = _said_of_customers(purpose, at).subquery()
    suits = found.c.channel.is_(None)
    if channel is not None:
        suits = or_(suits, found.c.channel == channel.casefold())
    return select(*_rank_columns(found, at)).where(suits).subquery()


def _said_of_customers(purpose: Purpose, at: datetime) -> Any:
    """What was said about each customer: by their id, by one of their keys, in their feedback.

    A key that several customers share withdraws for all of them, and grants for none. Records of
    one person are one customer.
    """
    by_id = select(_consent.customer_id.label("subject"), *_columns(_consent)).where(
        _consent.customer_id.is_not(None), *_is_said(purpose, at)
    )
    by_key = (
        select(_key.customer_id.label("subject"), *_columns(_consent))
        .select_from(tables.consent)
        .join(tables.customer_key, is_same_key(_key, _consent))
        .where(
            *_is_said(purpose, at),
            not_(_is_linked()),
            or_(
                _consent.status == "withdrawn",
                tuple_(_consent.key_type, _consent.key_hash).not_in(_find_shared(purpose)),
            ),
        )
    )
    in_feedback = (
        select(_feedback.customer_id.label("subject"), *_columns(_consent))
        .select_from(tables.consent)
        .join(tables.feedback, _feedback.feedback_id == _consent.feedback_id)
        .where(_feedback.customer_id.is_not(None), *_is_said(purpose, at))
    )
    found = union_all(by_id, by_key, in_feedback).subquery()
    person = func.coalesce(_customer.merged_into, found.c.subject).label("subject")
    return select(person, *_columns(found.c)).outerjoin_from(
        found, tables.customer, _customer.customer_id == found.c.subject
    )


def _is_linked() -> ColumnElement[bool]:
    """Whether it was said in a feedback whose customer is known: then their keys add nothing."""
    writer = tables.feedback.alias("writer").c
    return exists().where(
        writer.feedback_id == _consent.feedback_id, writer.customer_id.is_not(None)
    )


def _find_shared(purpose: Purpose) -> Any:
    """Keys by which something was granted that are of several customers."""
    person = func.coalesce(_customer.merged_into, _key.customer_id)
    return (
        select(_key.key_type, _key.key_hash)
        .select_from(tables.consent)
        .join(tables.customer_key, is_same_key(_key, _consent))
        .outerjoin(tables.customer, _customer.customer_id == _key.customer_id)
        .where(_consent.purpose == purpose, _consent.status == "granted")
        .group_by(_key.key_type, _key.key_hash)
        .having(func.count(person.distinct()) > 1)
    )


def _is_said(purpose: Purpose, at: datetime) -> tuple[ColumnElement[bool], ...]:
    is_word = _consent.status != NOT_REFUSED
    is_lifted = _consent.consent_id.in_(_find_lifted(purpose, at))
    return _consent.purpose == purpose, _consent.at <= at, is_word, not_(is_lifted)


def _find_lifted(purpose: Purpose, at: datetime) -> Any:
    """Refusals that a later version of the same record, or a later row like it, does not hold."""
    refused, later = (tables.consent.alias(name).c for name in ("refused", "later"))
    same = (refused[name].is_not_distinct_from(later[name]) for name in _SAME_HOLDER)
    return select(refused.consent_id).where(
        *(later.purpose == purpose, later.status == NOT_REFUSED, later.at <= at),
        *(refused.purpose == purpose, refused.status == "withdrawn", refused.at <= later.at),
        *same,
    )


def _columns(source: Any) -> list[Any]:
    return [source[name] for name in _SAID]


def _rank_columns(found: Any, at: datetime) -> list[Any]:
    said = found.c
    # "withdrawn" sorts behind "granted".
    order = (said.at.desc(), said.status.desc(), said.consent_id.desc())
    rank = func.row_number().over(partition_by=said.subject, order_by=order).label("rank")
    is_valid = or_(said.expires_at.is_(null()), said.expires_at > at).label("is_valid")
    return [said.subject, said.status, is_valid, said.via, rank]
