"""The rows of an SQL query, asked once and laid down as JSON lines."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from pipelines.errors import InputError
from pipelines.inlets.spool import Spool
from pipelines.inlets.urls import name_database, open_source, read_url
from pipelines.reading.streams import InputFile
from pipelines.reading.tables import name_columns

_BATCH_ROWS = 1_000
# SQLSTATE class 42: the statement is wrong. Only of those do we know that they quote no values.
_WRONG_STATEMENT = "42"
_SQLITE_STATEMENT_ERRORS = (
    "no such",
    "near ",
    "ambiguous column",
    "incomplete input",
    "attempt to write",
)


@dataclass(frozen=True)
class Query:
    """What to ask, and whom.

    :param url: of SQLAlchemy, with ``${NAME}`` for what the environment holds.
    """

    sql: str
    url: str


@dataclass(frozen=True)
class QueryRows:
    """What was answered.

    :param file: JSON lines; one object a row, NULL as empty text.
    :param digest: hash of the rows as a set, for a query may give them in any order.
    :param database: its name, for a source that nobody named.
    """

    file: InputFile
    digest: str
    n_rows: int
    database: str


def ask_query(query: Query, folder: Path, spool: Spool) -> QueryRows:
    """Ask a query; its rows stream through, whatever their number.

    Nothing is committed, and SQLite and PostgreSQL are told that nothing may be written.

    :param folder: what the path of an SQLite file is relative to.
    :raises ConfigError: for a wrong URL, a variable that is not set or a missing driver.
    :raises InputError: when the database refuses, or the statement gives no rows.
    """
    url = read_url(query.url, folder)
    database = name_database(url)
    name = spool.choose_name(f"query of {database}")
    stream, path = spool.add_file()
    total = n_rows = 0
    for line in _read_lines(url, query.sql):
        stream.write(line)
        # The sum of the rows' hashes is the same in any order (Bellare and Micciancio, AdHash).
        total += int.from_bytes(hashlib.sha256(line).digest())
        n_rows += 1
    stream.flush()
    digest = hashlib.sha256(f"{n_rows}\0{total % 2**256}".encode()).hexdigest()
    return QueryRows(InputFile(name, path, "json", "jsonl"), digest, n_rows, database)


def _read_lines(url: URL, sql: str) -> Iterator[bytes]:
    engine = open_source(url)
    try:
        with engine.connect() as connection:
            yield from _stream_lines(connection, sql.strip().rstrip(";"), name_database(url))
    except SQLAlchemyError as error:
        raise InputError(_describe_refusal(error, name_database(url))) from error
    except engine.dialect.loaded_dbapi.Warning as error:  # SQLAlchemy does not wrap it
        raise InputError(
            f"{name_database(url)} refused the query: it holds more than one statement; give one "
            "SELECT. Nothing was read from it"
        ) from error
    finally:
        engine.dispose()


def _stream_lines(connection: Connection, sql: str, database: str) -> Iterator[bytes]:
    # Without parameters, so that neither ":" nor "%" in the statement means anything.
    options = {"stream_results": True, "max_row_buffer": _BATCH_ROWS, "no_parameters": True}
    result = connection.execution_options(**options).exec_driver_sql(sql)
    if not result.returns_rows:
        raise InputError(f"the statement for {database} gives no rows; it must be a SELECT")
    columns = name_columns(list(result.keys()))
    for batch in result.partitions(_BATCH_ROWS):
        for row in batch:
            yield _encode_row(columns, row)


def _encode_row(columns: Sequence[str], row: Sequence[Any]) -> bytes:
    values = {
        column: "" if value is None else value for column, value in zip(columns, row, strict=True)
    }
    line = json.dumps(values, ensure_ascii=False, default=_as_text)
    return line.encode("utf-8", errors="replace") + b"\n"


def _as_text(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", errors="replace")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


def _describe_refusal(error: SQLAlchemyError, database: str) -> str:
    """What went wrong without values: what a database says may quote the rows, or the URL."""
    if not isinstance(error, DBAPIError):
        return f"{database} cannot be read ({type(error).__name__}); check the URL and its driver"
    if error.connection_invalidated or _is_unreachable(error):
        return f"the database {database} cannot be reached, or refused the user; check the URL"
    said = str(error.orig).splitlines()[0] if str(error.orig) else ""
    state = getattr(error.orig, "sqlstate", None) or ""
    is_told = state.startswith(_WRONG_STATEMENT) or said.startswith(_SQLITE_STATEMENT_ERRORS)
    detail = said if is_told else f"{type(error.orig).__name__} {state}".strip()
    return (
        f"{database} refused the query: {detail}; nothing was read from it. Try the query in the "
        "database's own shell"
    )


def _is_unreachable(error: DBAPIError) -> bool:
    # psycopg gives no SQLSTATE for what fails before there is a session; other drivers do not say.
    return type(error.orig).__module__.startswith("psycopg") and not getattr(
        error.orig, "sqlstate", None
    )
