"""What facts are now: as stored, and as counted from the base tables."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, Integer, Table, select, tuple_

from pipelines import tables
from pipelines.counted import feedback, mention
from pipelines.id_batches import batch_ids
from pipelines.rights.gate import allows
from pipelines.stories.counts import Key, count_nothing
from pipelines.stories.evidence import Row, count, read_themes
from pipelines.stories.facts import Fact, Value, make_plain

# stored: in its row. counted: from mentions and feedback. derived: from other columns of its row.
Source = Literal["stored", "counted", "derived"]
_BASE: Final = ("mention", "feedback")
_STORED: Final = frozenset(
    {
        *("theme", "theme_period", "theme_impact", "theme_fix", "theme_signal", "theme_event"),
        *("priority", "comparison", "coverage", "run"),
    }
)
_OF_THEME: Final = {
    "n_customers": "n_voices",
    "n_mentions": "n_mentions",
    "sentiment": "sentiment",
    "first_seen_at": "first_at",
    "last_seen_at": "last_at",
}
_OF_WEEK: Final = {
    "n_customers": "n_voices",
    "n_mentions": "n_mentions",
    "n_feedback": "n_feedback",
    "sentiment": "sentiment",
}
_DERIVED: Final[dict[tuple[str, str], Callable[[Row], float]]] = {
    ("theme_period", "ratio"): lambda row: row["n_customers"] / row["expected"],
    ("coverage", "share"): lambda row: row["n_heard"] / row["n_customers"],
    ("comparison", "share"): lambda row: row["n_with_theme"] / row["n_voices"],
}


@dataclass(frozen=True)
class Found:
    """A value as it is now.

    :param is_allowed: of words: whether they may be quoted.
    """

    source: Source
    value: Value
    is_allowed: bool = True


def look_up(connection: Connection, facts: Iterable[Fact]) -> dict[str, list[Found]]:
    """Look facts up, every way there is; by id. An empty list for what is not there any more.

    Facts about single customers are none of a report, and so are not looked up.
    """
    unique = {fact.id: fact for fact in facts}
    found: dict[str, list[Found]] = {fact_id: [] for fact_id in unique}
    stored: dict[str, list[Fact]] = defaultdict(list)
    counted: list[tuple[str, Fact, Mapping[str, str], str]] = []
    for fact in unique.values():
        if not _is_of_a_row(fact):
            counted.append((fact.id, fact, dict(fact.key), fact.column))
        elif fact.table in _STORED or fact.table in _BASE:
            stored[fact.table].append(fact)
            if recount := _find_recount(fact):
                counted.append((fact.id, fact, *recount))
    for table, asked in stored.items():
        read = _read_words if table in _BASE else _read_rows
        for fact_id, each in read(connection, tables.metadata.tables[table], asked):
            found[fact_id].append(each)
    for fact_id, value in _count_all(connection, counted):
        found[fact_id].append(Found("counted", value))
    return found


def _is_of_a_row(fact: Fact) -> bool:
    """Whether a fact is a column of one row; else it is counted."""
    table = tables.metadata.tables.get(fact.table)
    names = tuple(name for name, _ in fact.key)
    return table is not None and names == tuple(key.name for key in table.primary_key)


def _find_recount(fact: Fact) -> tuple[dict[str, str], str] | None:
    """The scope and the count by which a stored figure is counted again."""
    key = dict(fact.key)
    if fact.table == "theme" and fact.column in _OF_THEME:
        return key, _OF_THEME[fact.column]
    is_week = fact.table == "theme_period" and key.get("period") == "week"
    if not is_week or fact.column not in _OF_WEEK:
        return None
    scope = {"theme_id": key["theme_id"], "week": key["period_start"][:10]}
    if key["segment"] != "all":
        scope["segment"] = key["segment"]
    return scope, _OF_WEEK[fact.column]


def _read_rows(
    connection: Connection, table: Table, facts: Sequence[Fact]
) -> Iterable[tuple[str, Found]]:
    rows = _fetch_rows(connection, table, {tuple(text for _, text in fact.key) for fact in facts})
    for fact in facts:
        row = rows.get(tuple(text for _, text in fact.key))
        if row is None:
            continue
        name, _, lang = fact.column.partition(".")
        if name not in row:
            continue
        value = (row[name] or {}).get(lang) if lang else row[name]
        yield fact.id, Found("stored", make_plain(value))
        derive = _DERIVED.get((fact.table, fact.column))
        if derive and value is not None:
            yield fact.id, Found("derived", _try(derive, row))


def _try(derive: Callable[[Row], float], row: Row) -> Value:
    try:
        return derive(row)
    except (TypeError, ZeroDivisionError):
        return None


def _fetch_rows(connection: Connection, table: Table, keys: Iterable[Key]) -> dict[Key, Row]:
    columns = list(table.primary_key)
    if table is tables.theme:  # names as they may be shown
        return {(key,): row for key, row in read_themes(connection, [k[0] for k in keys]).items()}
    typed = [
        tuple(_read_key(each, text) for each, text in zip(columns, key, strict=True))
        for key in sorted(keys)
    ]
    found: dict[Key, Row] = {}
    for batch in batch_ids(typed):
        query = select(table).where(tuple_(*columns).in_(batch))
        for row in connection.execute(query).mappings():
            found[tuple(str(make_plain(row[each.name])) for each in columns)] = row
    return found


def _read_key(column: Any, text: str) -> Any:
    if isinstance(column.type, tables.UtcDateTime):
        return datetime.fromisoformat(text)
    return int(text) if isinstance(column.type, Integer) else text


def _read_words(
    connection: Connection, table: Table, facts: Sequence[Fact]
) -> Iterable[tuple[str, Found]]:
    """Words of a mention, or where and when they were written, and whether they may be quoted."""
    (key,) = table.primary_key
    allowed: dict[str, tuple[Row, bool]] = {}
    joined = tables.mention.join(tables.feedback, feedback.feedback_id == mention.feedback_id)
    source = joined if table is tables.mention else tables.feedback
    for batch in batch_ids(sorted({fact.key[0][1] for fact in facts})):
        query = select(table, allows(connection, "quoting").label("is_allowed"))
        query = query.select_from(source).where(key.in_(batch))
        for row in connection.execute(query).mappings():
            allowed[row[key.name]] = row, bool(row["is_allowed"])
    for fact in facts:
        if fact.key[0][1] in allowed:
            told, is_allowed = allowed[fact.key[0][1]]
            yield fact.id, Found("stored", make_plain(told[fact.column]), is_allowed)


def _count_all(
    connection: Connection, asked: Sequence[tuple[str, Fact, Mapping[str, str], str]]
) -> Iterable[tuple[str, Value]]:
    """Count the scopes that are asked for, those of a kind together."""
    kinds: dict[tuple[str, Key], list[tuple[str, Mapping[str, str], str]]] = defaultdict(list)
    for fact_id, fact, scope, column in asked:
        table = "mention" if _is_of_a_row(fact) else fact.table
        kinds[table, tuple(sorted(scope))].append((fact_id, scope, column))
    for (table, names), wanted in kinds.items():
        among = {name: sorted({scope[name] for _, scope, _ in wanted}) for name in names}
        rows = count(connection, table, names, among).rows
        for fact_id, scope, column in wanted:
            row = rows.get(tuple(scope[name] for name in names)) or count_nothing(table)
            yield fact_id, make_plain(scope.get(column, row.get(column)))
