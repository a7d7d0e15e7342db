"""Rows of derived tables that stories rest on, by what they are about."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Table, func, select

from pipelines import tables
from pipelines.id_batches import batch_ids
from pipelines.rights.descriptions import read_shown
from pipelines.stories.counts import Among, Key, count_languages, count_nothing, count_scopes
from pipelines.stories.facts import Fact, counted_fact, fact_of

Row = Mapping[Any, Any]
_run, _period = tables.run.c, tables.theme_period.c
ALL = "all"


@dataclass(frozen=True)
class Counted:
    """Counts of scopes that have the same names.

    :param rows: by the values of the names, in their order.
    """

    table: str
    names: tuple[str, ...]
    rows: Mapping[Key, Row] = field(default_factory=dict)

    def fact(self, column: str, *key: str) -> Fact:
        """A count of one scope; that of nothing where it has no rows."""
        row = self.rows.get(key) or count_nothing(self.table)
        scope = dict(zip(self.names, key, strict=True))
        return counted_fact(self.table, scope, column, row.get(column))

    def value(self, column: str, *key: str) -> Any:
        """The value of a count."""
        return self.fact(column, *key).value

    def within(self, *key: str) -> list[Key]:
        """The scopes whose first values are these."""
        return sorted(each for each in self.rows if each[: len(key)] == key)


def count(
    connection: Connection, table: str, names: Sequence[str], among: Among | None = None
) -> Counted:
    """Count scopes, languages included."""
    rows = count_scopes(connection, table, names, among)
    if table == "mention" and "lang" not in names:
        languages = count_languages(connection, tuple(names), among or {})
        rows = {key: {**row, "n_languages": languages.get(key, 0)} for key, row in rows.items()}
    return Counted(table, tuple(names), rows)


@dataclass(frozen=True)
class LastRun:
    """The run that brought feedback last.

    :param is_first: no feedback of an earlier one is there.
    """

    run_id: str
    started: Fact
    is_first: bool


def read_last_run(connection: Connection) -> LastRun | None:
    """The last run that brought feedback and ended."""
    brought = func.coalesce(_run.n_new, 0) + func.coalesce(_run.n_updated, 0)
    query = (
        select(tables.run)
        .where(_run.status == "done", brought > 0)
        .order_by(_run.run_id.desc())
        .limit(2)
    )
    rows = connection.execute(query).mappings().all()
    if not rows:
        return None
    last = rows[0]
    return LastRun(last["run_id"], fact_of(tables.run, last, "started_at"), len(rows) == 1)


def read_by_theme(
    connection: Connection, table: Table, theme_ids: Collection[str], *order: Any
) -> dict[str, list[Row]]:
    """Rows of a table by their theme."""
    found: dict[str, list[Row]] = defaultdict(list)
    for batch in batch_ids(sorted(theme_ids)):
        query = select(table).where(table.c.theme_id.in_(batch))
        for row in connection.execute(query.order_by(*order, *table.primary_key)).mappings():
            found[row["theme_id"]].append(row)
    return found


def read_themes(connection: Connection, theme_ids: Collection[str]) -> dict[str, Row]:
    """Themes with names that may be shown."""
    rows = [
        row
        for batch in batch_ids(sorted(theme_ids))
        for row in connection.execute(
            select(tables.theme).where(tables.theme.c.theme_id.in_(batch))
        ).all()
    ]
    return dict(read_shown(connection, rows))


def name_theme(row: Row) -> Fact:
    """What a theme is called; to readers of some languages as people named it for these."""
    named = fact_of(tables.theme, row, "name")
    own = sorted((row["names"] or {}).items())
    return Fact(named.table, named.key, named.column, named.value, tuple(own))


@dataclass(frozen=True)
class Week:
    """The latest judged week of a theme, of all or of a segment.

    :param before: the voices of the week before, counted.
    """

    row: Row
    before: Fact

    def fact(self, column: str) -> Fact:
        """A value of the week."""
        return fact_of(tables.theme_period, self.row, column)


def read_weeks(
    connection: Connection, theme_ids: Collection[str], segment: str = ALL
) -> dict[str, Week]:
    """The latest week that has verdicts, of these themes; none of an older week."""
    is_weekly = (_period.period == "week") & (_period.segment == segment)
    latest = select(func.max(_period.period_start)).where(
        _period.period == "week", _period.segment == ALL, _period.verdict.is_not(None)
    )
    query = select(tables.theme_period).where(
        is_weekly, _period.verdict.is_not(None), _period.period_start == latest.scalar_subquery()
    )
    rows = [
        row
        for row in connection.execute(query.order_by(_period.theme_id)).mappings()
        if row["theme_id"] in set(theme_ids)
    ]
    if not rows:
        return {}
    return _attach_before(connection, rows, segment)


def _attach_before(connection: Connection, rows: Sequence[Row], segment: str) -> dict[str, Week]:
    day = f"{rows[0]['period_start'] - timedelta(weeks=1):%Y-%m-%d}"
    names = ("theme_id", "week") if segment == ALL else ("segment", "theme_id", "week")
    among = {"theme_id": [row["theme_id"] for row in rows], "week": [day], "segment": [segment]}
    counted = count(connection, "mention", names, among)
    key = () if segment == ALL else (segment,)
    return {
        row["theme_id"]: Week(row, counted.fact("n_voices", *key, row["theme_id"], day))
        for row in rows
    }


def read_priorities(
    connection: Connection, theme_ids: Collection[str], segment: str = ALL
) -> list[Row]:
    """What to fix first of some themes, for all or for one segment."""
    priority, known = tables.priority.c, set(theme_ids)
    query = select(tables.priority).where(priority.segment == segment).order_by(priority.rank)
    return [row for row in connection.execute(query).mappings() if row["theme_id"] in known]


def read_coverage(connection: Connection, dimension: str, value: str | None = None) -> list[Row]:
    """Who is heard, by one dimension."""
    coverage = tables.coverage.c
    query = select(tables.coverage).where(coverage.dimension == dimension)
    if value is not None:
        query = query.where(coverage.value == value)
    return list(connection.execute(query.order_by(coverage.value)).mappings())


def read_events(
    connection: Connection, run: LastRun | None, theme_ids: Collection[str]
) -> dict[str, list[Row]]:
    """What became of themes in the last run, in order; nothing in the first."""
    if run is None or run.is_first:
        return {}
    event, known = tables.theme_event, set(theme_ids)
    query = select(event).where(event.c.run_id == run.run_id).order_by(event.c.event_id)
    found: dict[str, list[Row]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        # Of two that were merged, the one that stays is told.
        is_gone = row["event"] == "merged" and not (row["detail"] or {}).get("from")
        if row["theme_id"] in known and not is_gone:
            found[row["theme_id"]].append(row)
    return found
