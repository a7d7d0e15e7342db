"""The table that a sync writes to: made or compared with the mapping; values as it takes them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Date,
    DateTime,
    Double,
    Float,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    inspect,
)
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.types import NullType

from pipelines.parquet_tables import Kind
from pipelines.syncs.columns import Plain, find_kinds, read_moment
from pipelines.syncs.settings import SqlSync

# SQLite has no such types; it keeps a float and a text as they come.
_CREATED: dict[Kind, Callable[[], Any]] = {
    "text": Text,
    "whole": BigInteger,
    "number": Double,
    "moment": lambda: DateTime(timezone=True),
    "json": Text,
}
_FITTING: dict[Kind, tuple[type[Any], ...]] = {
    "text": (String,),
    "whole": (Integer, Numeric, Float),
    "number": (Numeric, Float),
    "moment": (DateTime, Date, String),
    "json": (String, JSON),
}


def read_table(connection: Connection, settings: SqlSync) -> Table | None:
    """The table as the database has it; None where there is none."""
    try:
        return Table(
            settings.table,
            MetaData(),
            schema=settings.db_schema,
            autoload_with=connection,
            resolve_fks=False,
        )
    except NoSuchTableError:
        return None


def create_table(connection: Connection, settings: SqlSync) -> Table:
    """Make the table, with the types that fit what comes."""
    own = [Column(name, _CREATED[kind]()) for name, kind in find_kinds(settings.fields).items()]
    table = Table(
        settings.table,
        MetaData(),
        Column(settings.id_column, String(255), primary_key=True),
        *own,
        schema=settings.db_schema,
    )
    table.create(connection, checkfirst=True)
    return table


def find_mistakes(connection: Connection, table: Table, settings: SqlSync) -> list[str]:
    """What of a mapping the table cannot hold, in words."""
    return [*_find_missing(table, settings), *_find_unfit(connection, table, settings)]


def _find_missing(table: Table, settings: SqlSync) -> Iterator[str]:
    named = (settings.id_column, *settings.fields)
    if missing := [name for name in named if name not in table.c]:
        yield f"it has no column {', '.join(missing)} (it has: {', '.join(table.c.keys())})"


def _find_unfit(connection: Connection, table: Table, settings: SqlSync) -> Iterator[str]:
    for name, kind in find_kinds(settings.fields).items():
        if name in table.c and not _fits(kind, table.c[name].type):
            yield f"{name} is {table.c[name].type}, and {kind} comes there"
    if settings.id_column not in table.c:
        return
    if not _fits("text", table.c[settings.id_column].type):
        yield f"{settings.id_column} is no text, and an id may be 007"
    if not _is_unique(connection, table, settings):
        yield f"{settings.id_column} is no primary key, and has no unique index"


def convert_value(value: Plain, kind: Kind, to: Any) -> Any:
    """A value as a column's type takes it."""
    if value is not None and isinstance(to, JSON):
        return json.loads(str(value))
    if value is None or kind != "moment" or not isinstance(to, DateTime | Date):
        return value
    moment = read_moment(value)
    assert moment is not None
    if isinstance(to, DateTime):
        return moment if to.timezone else moment.replace(tzinfo=None)
    return moment.date()


def _fits(kind: Kind, to: Any) -> bool:
    # A column of SQLite may have no type at all.
    return isinstance(to, (*_FITTING[kind], NullType))


def _is_unique(connection: Connection, table: Table, settings: SqlSync) -> bool:
    own = {settings.id_column}
    if {column.name for column in table.primary_key} == own:
        return True
    seen, schema = inspect(connection), settings.db_schema
    indexes = seen.get_indexes(table.name, schema=schema)
    found: list[Any] = [each["column_names"] for each in indexes if each["unique"]]
    constraints = seen.get_unique_constraints(table.name, schema=schema)
    return own in [
        set(names) for names in (*found, *(each["column_names"] for each in constraints))
    ]
