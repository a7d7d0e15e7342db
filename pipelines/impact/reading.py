"""What a store holds of customers' words and events, read into arrays."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    Select,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.sql.elements import ColumnElement

from pipelines import tables
from pipelines.counted import counted_mentions, feedback, has_theme, is_counted, mention, voice
from pipelines.impact.designs import Floats
from pipelines.impact.records import (
    UNDATED,
    Codes,
    Happenings,
    Records,
    Said,
    Standing,
    average_groups,
)
from pipelines.odata.facts import NO_CURRENCY, RETURNS, SPENDS
from pipelines.odata.kinds import name_kind
from pipelines.odata.outcomes import name_nps_group
from pipelines.odata.stored import History
from pipelines.rights.gate import allows_customer, allows_figures

_BATCH = 20_000
_Columns = dict[str, Any]


class _Names:
    """Ids as numbers, in the order in which they come; sorted, in that of the ids."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def number(self, ids: Sequence[str | None], *, is_closed: bool = False) -> Codes:
        """Numbers of ids; -1 of None, and of new ones where it is closed."""
        codes = self._codes
        if is_closed:
            found = [codes.get(each, -1) for each in ids]  # type: ignore[arg-type]
        else:
            found = [-1 if each is None else codes.setdefault(each, len(codes)) for each in ids]
        return np.array(found, dtype=np.int64)

    def sort(self) -> tuple[tuple[str, ...], Codes]:
        """The ids in order, and the place of each number among them; -1, the last, stays -1."""
        ids = list(self._codes)
        order = sorted(range(len(ids)), key=ids.__getitem__)
        places = np.full(len(ids) + 1, -1)
        places[order] = np.arange(len(ids))
        return tuple(ids[each] for each in order), places


def read_records(connection: Connection, until: datetime, history: History) -> Records:
    """Read all that counts and may be laid to its customer's account.

    :param until: what is dated later is not looked at.
    :param history: of the store, until then.
    """
    kinds = ("feedback", "voice", "customer", "source", "theme", "currency", "segment")
    names = {kind: _Names() for kind in kinds}
    said = _fetch(connection, _query_said(connection, until), names)
    pairs = _fetch(connection, _query_pairs(), names, ("feedback",))
    happened = _fetch(connection, _query_events(connection, until), names, ("customer",))
    standing = _fetch(connection, _query_standing(connection), names, ("customer",))
    ids = {}
    for kind in kinds:
        ids[kind], places = names[kind].sort()
        for columns in (said, pairs, happened, standing):
            if kind in columns:
                columns[kind] = places[columns[kind]]
    spoken, feeling = _arrange_pairs(pairs)
    known = history.known_until
    return Records(
        said=_arrange_said(said),
        pairs=spoken,
        feeling=feeling,
        happened=_arrange_events(happened),
        standing=_arrange_standing(standing),
        themes=ids["theme"],
        currencies=ids["currency"],
        known_until=UNDATED if known is None else int(known.timestamp()),
    )


def _fetch(
    connection: Connection,
    query: Select[Any],
    names: Mapping[str, _Names],
    closed: Sequence[str] = (),
) -> _Columns:
    """The columns of a query: ids as numbers, all else as floats.

    :param closed: ids of these are known already; rows of others are left out.
    """
    labels = [str(column.key) for column in query.selected_columns]
    parts: dict[str, list[Any]] = {label: [] for label in labels}
    result = connection.execute(query.execution_options(yield_per=_BATCH))
    for rows in result.partitions():
        for label, values in zip(labels, zip(*rows, strict=True), strict=True):
            if label in names:
                parts[label].append(names[label].number(values, is_closed=label in closed))
            else:
                parts[label].append(np.array(values, dtype=float))
    columns = {
        label: np.concatenate(part)
        if part
        else np.empty(0, dtype=np.int64 if label in names else float)
        for label, part in parts.items()
    }
    for label in closed:
        is_known = columns[label] >= 0
        columns = {each: values[is_known] for each, values in columns.items()}
    return columns


def _query_said(connection: Connection, until: datetime) -> Select[Any]:
    return select(
        feedback.feedback_id.label("feedback"),
        voice.label("voice"),
        feedback.customer_id.label("customer"),
        _seconds(connection, feedback.occurred_at).label("at"),
        feedback.source.label("source"),
        feedback.rating.label("rating"),
        feedback.rating_max.label("rating_max"),
    ).where(is_counted, allows_figures(connection), _is_past(feedback.occurred_at, until))


def _query_pairs() -> Select[Any]:
    return (
        select(
            mention.feedback_id.label("feedback"),
            mention.theme_id.label("theme"),
            mention.sentiment_score.label("feeling"),
        )
        .select_from(counted_mentions)
        .where(is_counted, has_theme)
    )


def _query_events(connection: Connection, until: datetime) -> Select[Any]:
    event = tables.event.c
    kinds: dict[str, list[str]] = {}
    for kind in connection.execute(select(event.kind).distinct()).scalars():
        kinds.setdefault(name_kind(kind), []).append(kind)

    def is_kind(*names: str) -> ColumnElement[bool]:
        return event.kind.in_(sorted(kind for name in names for kind in kinds.get(name, ())))

    amount = case((is_kind("refund"), -func.abs(event.amount)), (is_kind(*SPENDS), event.amount))
    currency = func.coalesce(event.currency, NO_CURRENCY)
    return select(
        event.customer_id.label("customer"),
        _seconds(connection, event.at).label("at"),
        amount.label("amount"),
        case((amount.is_not(None), currency)).label("currency"),
        case((is_kind("churn"), 1), else_=0).label("is_churn"),
        case((is_kind(*RETURNS), 1), else_=0).label("is_return"),
    ).where(
        event.customer_id.is_not(None),
        event.at <= until,
        allows_customer(connection, "profiling", event.customer_id),
    )


def _query_standing(connection: Connection) -> Select[Any]:
    """What the CRM says, and what it said before."""
    parts = []
    for table, is_current in ((tables.customer, 1), (tables.customer_version, 0)):
        column = table.c
        parts.append(
            select(
                column.customer_id.label("customer"),
                _seconds(connection, column.valid_from).label("since"),
                column.segment.label("segment"),
                literal(is_current).label("is_current"),
            )
        )
    said = union_all(*parts).subquery()
    return select(*said.c)


def _is_past(at: ColumnElement[Any], until: datetime) -> ColumnElement[bool]:
    return or_(at.is_(None), at <= until)


def _seconds(connection: Connection, at: ColumnElement[Any]) -> ColumnElement[Any]:
    """Whole seconds since 1970 of a moment."""
    if connection.dialect.name == "postgresql":
        return cast(func.floor(func.extract("epoch", at)), BigInteger)
    return cast(func.strftime("%s", at), Integer)


def _arrange_said(columns: _Columns) -> Said:
    rows = np.argsort(columns["feedback"])
    rating, most = (columns[name][rows] for name in ("rating", "rating_max"))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(most > 0, rating / most, np.nan)
    points, place = np.unique(rating, return_inverse=True)
    groups = np.array([name_nps_group(each) for each in points.tolist()], dtype=float)
    nps = np.where((most == 10) & np.isfinite(rating), groups[place], np.nan)
    voice_, customer, source = (columns[name][rows] for name in ("voice", "customer", "source"))
    return Said(voice_, customer, _moments(columns["at"][rows]), source, share, nps)


def _arrange_pairs(columns: _Columns) -> tuple[Codes, Floats]:
    """Each feedback and theme once, with the mean feeling of its mentions."""
    rows = np.lexsort((columns["feeling"], columns["theme"], columns["feedback"]))
    pairs = np.column_stack([columns["feedback"], columns["theme"]])[rows]
    starts = np.flatnonzero((np.diff(pairs, axis=0, prepend=-1) != 0).any(axis=1))
    if not len(starts):
        return pairs, columns["feeling"]
    return pairs[starts], average_groups(columns["feeling"][rows], starts)


def _arrange_events(columns: _Columns) -> Happenings:
    at, amount = _moments(columns["at"]), columns["amount"]
    is_churn, is_return = (columns[name] > 0 for name in ("is_churn", "is_return"))
    rows = np.lexsort((amount, columns["currency"], is_return, at, columns["customer"]))
    return Happenings(
        columns["customer"][rows],
        at[rows],
        amount[rows],
        columns["currency"][rows],
        is_churn[rows],
        is_return[rows],
    )


def _arrange_standing(columns: _Columns) -> Standing:
    since = _moments(columns["since"])
    rows = np.lexsort((columns["segment"], columns["is_current"], since, columns["customer"]))
    return Standing(columns["customer"][rows], since[rows], columns["segment"][rows])


def _moments(seconds: Floats) -> Codes:
    is_known = np.isfinite(seconds)
    return np.where(is_known, np.where(is_known, seconds, 0).astype(np.int64), UNDATED)
