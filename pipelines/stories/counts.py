"""Counting from the base tables: for what no table holds, and to check what one does.

A scope names what the rows have in common: ``{"theme_id": ..., "lang": ...}``; an empty one is the
whole store. Noise, and what may not be analysed, count nowhere, and a voice counts once.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Integer,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    not_,
    select,
)
from sqlalchemy.sql.elements import ColumnElement

from pipelines import tables
from pipelines.counted import (
    counted_mentions,
    feedback,
    is_analysed,
    is_counted,
    is_one_of,
    mention,
    voice,
)
from pipelines.judging.counts import period_start
from pipelines.rights.gate import allows_account, allows_customer

Row = dict[str, Any]
Key = tuple[str, ...]
Among = Mapping[str, Collection[str]]
RISING: Final = ("emerging", "growing")
# Written out, not bound: PostgreSQL takes equal parameters for different expressions.
_UNKNOWN_LANG: ColumnElement[str] = literal_column("'und'")
_LANG = func.coalesce(mention.lang, feedback.lang, _UNKNOWN_LANG)
_FEELINGS = ("negative", "neutral", "positive")
_customer, _theme, _action = tables.customer.c, tables.theme.c, tables.action.c


def count_scopes(
    connection: Connection, table: str, names: Sequence[str], among: Among | None = None
) -> dict[Key, Row]:
    """Count each scope that has these names, by its values.

    :param table: mention, feedback, customer, theme or action.
    :param among: which values count, by name; all where a name is not given.
    :returns: the counts by name; scopes without rows are left out, see :func:`count_nothing`.
    :raises KeyError: for what cannot be counted so.
    """
    return _COUNTERS[table](connection, tuple(names), among or {})


def count_nothing(table: str) -> Row:
    """The counts of a scope without rows."""
    zero = _ZEROS[table]
    return {**dict.fromkeys(zero, 0), **({"sentiment": None} if table == "mention" else {})}


def _count_mentions(connection: Connection, names: Key, among: Among) -> dict[Key, Row]:
    """Voices, customers, mentions, feedback, feelings, languages and dates of mentions."""
    columns = {**_columns(connection), "theme_id": mention.theme_id, "lang": _LANG}
    dims = [columns[name].label(f"d{place}") for place, name in enumerate(names)]
    by_voice = (
        select(
            *dims,
            func.count().label("n_mentions"),
            func.count(mention.feedback_id.distinct()).label("n_feedback"),
            *(_count_feeling(each) for each in _FEELINGS),
            func.max(case((feedback.customer_id.is_not(None), 1), else_=0)).label("is_customer"),
            func.avg(mention.sentiment_score).label("sentiment"),
            func.min(feedback.occurred_at).label("first_at"),
            func.max(feedback.occurred_at).label("last_at"),
        )
        .select_from(_join_segments(counted_mentions, names))
        .where(is_counted, *_conditions(connection, names, columns, among))
        .group_by(*dims, voice)
        .subquery()
    )
    said = by_voice.c
    own = [said[f"d{place}"] for place in range(len(names))]
    sums = ("n_mentions", "n_feedback", *(f"n_{each}" for each in _FEELINGS))
    query = select(
        *own,
        func.count().label("n_voices"),
        _add(said.is_customer, "n_customers"),
        *(_add(said[name], name) for name in sums),
        func.avg(said.sentiment).label("sentiment"),
        func.min(said.first_at).label("first_at"),
        func.max(said.last_at).label("last_at"),
    ).group_by(*own)
    found = _by_key(connection, query, names)
    return {key: _add_shares(row) for key, row in found.items() if row["n_voices"]}


def count_languages(connection: Connection, names: Key, among: Among) -> dict[Key, int]:
    """Languages of mentions in each scope; what could not be told is none."""
    columns = {**_columns(connection), "theme_id": mention.theme_id}
    dims = [columns[name].label(f"d{place}") for place, name in enumerate(names)]
    query = (
        select(*dims, func.count(_LANG.distinct()).label("n_languages"))
        .select_from(_join_segments(counted_mentions, names))
        .where(is_counted, _LANG != _UNKNOWN_LANG)
        .where(*_conditions(connection, names, columns, among))
        .group_by(*dims)
    )
    found = _by_key(connection, query, names)
    return {key: row["n_languages"] for key, row in found.items()}


def _count_feedback(connection: Connection, names: Key, among: Among) -> dict[Key, Row]:
    """Feedback that counts and that is noise, voices, sources and dates."""
    columns = _columns(connection)
    dims = [columns[name].label(f"d{place}") for place, name in enumerate(names)]
    counts = {
        "n_feedback": func.count(_where(feedback.feedback_id)),
        "n_noise": func.count(case((not_(feedback.noise_reason.is_(None)), feedback.feedback_id))),
        "n_voices": func.count(_where(voice).distinct()),
        "n_customers": func.count(_where(feedback.customer_id).distinct()),
        "n_sources": func.count(_where(feedback.source).distinct()),
        "n_ahead": func.count(
            case((feedback.occurred_at > feedback.ingested_at, _where(feedback.feedback_id)))
        ),
        "first_at": func.min(_where(feedback.occurred_at)),
        "last_at": func.max(_where(feedback.occurred_at)),
    }
    query = (
        select(*dims, *(count.label(name) for name, count in counts.items()))
        .select_from(_join_segments(tables.feedback, names))
        .where(is_analysed, *_conditions(connection, names, columns, among))
        .group_by(*dims)
    )
    return _by_key(connection, query, names)


def _count_customers(connection: Connection, names: Key, among: Among) -> dict[Key, Row]:
    """Records that stand for a person, and may be analysed."""
    columns = {"segment": _customer.segment}
    dims = [columns[name].label(f"d{place}") for place, name in enumerate(names)]
    query = (
        select(*dims, func.count().label("n_customers"))
        .select_from(tables.customer)
        .where(_customer.merged_into.is_(None))
        .where(allows_customer(connection, "analysis", _customer.customer_id))
        .where(*(is_one_of(columns[name], among.get(name)) for name in names))
        .group_by(*dims)
    )
    return _by_key(connection, query, names)


def _count_themes(connection: Connection, names: Key, among: Among) -> dict[Key, Row]:
    """Active themes, and those of them that are rising."""
    columns = {"created_run": _theme.created_run}
    dims = [columns[name].label(f"d{place}") for place, name in enumerate(names)]
    query = (
        select(
            *dims,
            func.count().label("n_themes"),
            func.count(case((_theme.verdict.in_(RISING), 1))).label("n_rising"),
        )
        .where(_theme.status == "active")
        .where(*(is_one_of(columns[name], among.get(name)) for name in names))
        .group_by(*dims)
    )
    return _by_key(connection, query, names)


def _count_actions(connection: Connection, names: Key, among: Among) -> dict[Key, Row]:
    """Actions that wait, and that were sent."""
    columns = {"theme_id": _action.theme_id, "customer_id": _action.customer_id}
    dims = [columns[name].label(f"d{place}") for place, name in enumerate(names)]
    query = (
        select(
            *dims,
            func.count(case((_action.status == "pending", 1))).label("n_waiting"),
            func.count(case((_action.status == "sent", 1))).label("n_sent"),
        )
        .where(*(is_one_of(columns[name], among.get(name)) for name in names))
        .group_by(*dims)
    )
    return _by_key(connection, query, names)


_COUNTERS = {
    "mention": _count_mentions,
    "feedback": _count_feedback,
    "customer": _count_customers,
    "theme": _count_themes,
    "action": _count_actions,
}
_ZEROS: Final = {
    "mention": ("n_voices", "n_customers", "n_mentions", "n_feedback", "n_languages"),
    "feedback": (*("n_feedback", "n_noise", "n_voices", "n_customers", "n_sources", "n_ahead"),),
    "customer": ("n_customers",),
    "theme": ("n_themes", "n_rising"),
    "action": ("n_waiting", "n_sent"),
}


def _columns(connection: Connection) -> dict[str, Any]:
    """What feedback is told apart by."""
    return {
        "run_id": feedback.run_id,
        "customer_id": feedback.customer_id,
        "segment": _customer.segment,
        "week": period_start(connection, "week"),
    }


def _join_segments(joined: Any, names: Key) -> Any:
    if "segment" not in names:
        return joined
    return joined.join(tables.customer, _customer.customer_id == feedback.customer_id)


def _conditions(
    connection: Connection, names: Key, columns: Mapping[str, Any], among: Among
) -> list[ColumnElement[bool]]:
    found = [
        and_(columns[name].is_not(None), is_one_of(columns[name], among.get(name)))
        for name in names
    ]
    if "customer_id" in names:
        found.append(allows_account(connection))
    return [literal(value=True), *found]


def _where(column: Any) -> Any:
    """The column where the feedback counts."""
    return case((is_counted, column))


def _count_feeling(feeling: str) -> Any:
    return func.sum(case((mention.sentiment == feeling, 1), else_=0)).label(f"n_{feeling}")


def _add(column: Any, name: str) -> Any:
    return cast(func.coalesce(func.sum(column), 0), Integer).label(name)


def _add_shares(row: Row) -> Row:
    n_rated = sum(row[f"n_{each}"] for each in _FEELINGS)
    shares = {
        f"share_{each}": row[f"n_{each}"] / n_rated if n_rated else None for each in _FEELINGS
    }
    return {**row, "n_rated": n_rated, **shares}


def _by_key(connection: Connection, query: Any, names: Key) -> dict[Key, Row]:
    found = {}
    for row in connection.execute(query).mappings():
        told = dict(row)
        key = tuple(str(told.pop(f"d{place}")) for place in range(len(names)))
        found[key] = told
    return found
