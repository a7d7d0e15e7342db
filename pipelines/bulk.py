"""Many rows at once, the way that each database takes fastest.

PostgreSQL is given a binary COPY, into the table itself or into a temporary one from which one
statement goes on; SQLite a prepared statement that runs once a row. Nothing is asked to come back.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Select,
    Table,
    and_,
    bindparam,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import ColumnElement

Rows = Sequence[Mapping[str, Any]]
# What is set beside what is given, from the given values by name.
Derive = Callable[[Mapping[str, Any]], Mapping[str, ColumnElement[Any]]]
# Below this a temporary table costs more than it saves (scripts/bench_store.py).
COPY_ROWS: Final = 50
_GIVEN: Final = "given_"


def insert_rows(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows that are not there yet.

    :param rows: all with the same keys, which are column names; none at all is nothing to do.
    """
    if not rows:
        return
    if is_copied(connection, rows):
        copy_rows(connection, table, list(rows[0]), rows)
    else:
        _execute_many(connection, insert(table), table, rows)


def update_rows(
    connection: Connection, table: Table, rows: Rows, derive: Derive | None = None
) -> None:
    """Give rows new values.

    :param rows: all with the same keys: the columns of the primary key, and those to be set.
    :param derive: what is set beside them, from what is given.
    """
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    names = [name for name in rows[0] if name not in keys]
    if is_copied(connection, rows):
        with _Given(connection, table, rows) as given:
            values: dict[str, Any] = {name: given.c[name] for name in names}
            values |= derive(dict(given.c.items())) if derive else {}
            is_same = and_(*(table.c[key] == given.c[key] for key in keys))
            connection.execute(update(table).where(is_same).values(values))
        return
    # A parameter must not be called as a column that is set.
    bound = {name: bindparam(_GIVEN + name, type_=table.c[name].type) for name in rows[0]}
    values = {name: bound[name] for name in names} | (dict(derive(bound)) if derive else {})
    is_same = and_(*(table.c[key] == bound[key] for key in keys))
    statement = update(table).where(is_same).values(values)
    if derive:  # which may hold values of its own
        connection.execute(statement, _name_given(rows, _GIVEN))
    else:
        _execute_many(connection, statement, table, rows, _GIVEN)


def merge_rows(
    connection: Connection,
    table: Table,
    rows: Rows,
    *,
    changed: Sequence[str],
    compared: Sequence[str],
) -> int:
    """Insert rows by primary key, and change those that are there and differ.

    :param rows: all with the same keys; of two with one primary key the later counts.
    :param changed: the columns that are set in a row that is there.
    :param compared: those by which it differs; with none, what is there stays.
    :returns: number of rows inserted or changed.
    """
    if not is_copied(connection, rows):
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        statement = _resolve(dialect.insert(table), table, changed, compared)
        return _execute_many(connection, statement, table, rows)
    keys = [column.name for column in table.primary_key]
    latest = list({tuple(row[key] for key in keys): row for row in rows}.values())
    with _Given(connection, table, latest) as given:
        names = list(rows[0])
        filled = postgresql.insert(table).from_select(names, select(*(given.c[n] for n in names)))
        statement = _resolve(filled, table, changed, compared)
        counted = statement.execution_options(preserve_rowcount=True)
        return max(connection.execute(counted).rowcount, 0)


def merge_selected(
    connection: Connection, table: Table, names: Sequence[str], query: Select[Any]
) -> int:
    """As :func:`merge_rows`, with rows that the database itself reads.

    :param names: the columns that the query gives, those of the primary key among them.
    :param query: with a WHERE clause, or SQLite takes ON CONFLICT for a join's.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    keys = {column.name for column in table.primary_key}
    differing = [name for name in names if name not in keys]
    statement = dialect.insert(table).from_select(list(names), query)
    resolved = _resolve(statement, table, differing, differing)
    counted = resolved.execution_options(preserve_rowcount=True)
    return max(connection.execute(counted).rowcount, 0)


def is_copied(connection: Connection, rows: Sequence[Any]) -> bool:
    """Whether rows are copied: on PostgreSQL, and enough of them."""
    return connection.dialect.name == "postgresql" and len(rows) >= COPY_ROWS


def copy_rows(
    connection: Connection, table: Table, names: Sequence[str], rows: Iterable[Mapping[str, Any]]
) -> None:
    """Copy rows into a table of PostgreSQL, in the connection's transaction.

    :param names: the columns that the rows have.
    """
    import psycopg

    write = _row_writer(connection, table, names)
    into = _compile_copy(connection, table, names)
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(into) as copy:
            copy.set_types(_type_names(connection, table, names))
            for row in rows:
                copy.write_row(write(row))
    except psycopg.Error as error:
        # The rows are not told: they hold what customers say.
        raise DBAPIError(f"COPY {table.name}", None, error, hide_parameters=True) from error


def _execute_many(
    connection: Connection, statement: Any, table: Table, rows: Rows, prefix: str = ""
) -> int:
    """Run a statement once a row, without what SQLAlchemy does for each: a third of the time.

    :param prefix: of the names of its parameters, which are else those of columns.
    :returns: number of rows that it changed.
    """
    if connection.dialect.name != "sqlite":
        counted = statement.execution_options(preserve_rowcount=True)
        return max(connection.execute(counted, _name_given(rows, prefix)).rowcount, 0)
    names = [prefix + name for name in rows[0]]
    compiled = statement.compile(dialect=connection.dialect, column_keys=names)
    asked = [name.removeprefix(prefix) for name in compiled.positiontup]
    write = _row_writer(connection, table, asked)
    done = connection.exec_driver_sql(
        str(compiled),
        [write(row) for row in rows],
        execution_options={"preserve_rowcount": True},
    )
    return max(done.rowcount, 0)


def _name_given(rows: Rows, prefix: str) -> list[dict[str, Any]]:
    return [{prefix + name: value for name, value in row.items()} for row in rows]


def _row_writer(
    connection: Connection, table: Table, names: Sequence[str]
) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """What makes of a row the values of some columns, as the driver takes them."""
    dialect = connection.dialect
    found = [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
    turns = [(place, turn) for place, turn in enumerate(found) if turn]
    pick = itemgetter(*names)

    def write(row: Mapping[str, Any]) -> tuple[Any, ...]:
        values = [*pick(row)] if len(names) > 1 else [pick(row)]
        for place, turn in turns:
            if values[place] is not None:
                values[place] = turn(values[place])
        return tuple(values)

    return write


def _compile_copy(connection: Connection, table: Table, names: Sequence[str]) -> str:
    prepare = connection.dialect.identifier_preparer
    columns = ", ".join(prepare.quote(name) for name in names)
    return f"COPY {prepare.format_table(table)} ({columns}) FROM STDIN (FORMAT BINARY)"


def _type_names(connection: Connection, table: Table, names: Sequence[str]) -> list[str]:
    """The types as the driver knows them: a binary copy converts nothing."""
    return [table.c[name].type.compile(connection.dialect).lower() for name in names]


def _resolve(statement: Any, table: Table, changed: Sequence[str], compared: Sequence[str]) -> Any:
    """What becomes of a row that is there."""
    keys = [column.name for column in table.primary_key]
    if not compared:
        return statement.on_conflict_do_nothing(index_elements=keys)
    excluded = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=keys,
        set_={name: excluded[name] for name in changed},
        where=or_(*(table.c[name].is_distinct_from(excluded[name]) for name in compared)),
    )


class _Given:
    """Rows in a temporary table, which is gone at the end."""

    def __init__(self, connection: Connection, table: Table, rows: Rows) -> None:
        self._connection = connection
        self._names = tuple(rows[0])
        self._rows = rows
        self._table = _make_temporary(table, self._names)

    def __enter__(self) -> Table:
        self._table.create(self._connection, checkfirst=False)
        copy_rows(self._connection, self._table, self._names, self._rows)
        return self._table

    def __exit__(self, kind: object, *_: object) -> None:
        # A transaction that failed takes it along.
        if kind is None:
            self._table.drop(self._connection, checkfirst=False)


@lru_cache(maxsize=256)
def _make_temporary(table: Table, names: tuple[str, ...]) -> Table:
    columns = (Column(name, table.c[name].type) for name in names)
    return Table(
        f"given_{table.name}",
        MetaData(),
        *columns,
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DROP",
    )
