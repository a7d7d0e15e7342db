"""A table of another database: rows are updated or inserted, in one transaction a batch."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Table,
    bindparam,
    create_engine,
    delete,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    SQLAlchemyError,
)

from pipelines.database import create_private_file, sqlite_driver, sqlite_path
from pipelines.errors import ConfigError
from pipelines.inlets.urls import name_database, read_url
from pipelines.patience import Patience
from pipelines.syncs.columns import find_kinds
from pipelines.syncs.limits import part_too_long, split_rows
from pipelines.syncs.passing import PassingError
from pipelines.syncs.settings import SqlSync
from pipelines.syncs.sql_table import convert_value, create_table, find_mistakes, read_table
from pipelines.syncs.target import Answer, Row, Surroundings, SyncError


def open_target(settings: SqlSync, around: Surroundings) -> "SqlTarget":
    """Open the database; whether it can be reached is seen at the first statement.

    :raises ConfigError: for a wrong URL, a variable that is not set or a missing driver.
    """
    url = read_url(settings.to, around.folder)
    try:
        engine = _open_engine(url)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"sync {settings.name}: the database needs the driver {error.name}; install it beside "
            f"earful with: pip install {error.name}"
        ) from None
    return SqlTarget(settings, engine, name_database(url), around.patience)


def _open_engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, module=sqlite_driver(), hide_parameters=True)
        event.listen(engine, "connect", _wipe_deleted)
        return engine
    given = {"connect_timeout": 15} if url.get_driver_name().startswith("psycopg") else {}
    return create_engine(url, hide_parameters=True, connect_args=given)


def _wipe_deleted(connection: Any, _record: object) -> None:
    """What is taken back must not stay readable in free pages of the file."""
    connection.execute("PRAGMA secure_delete=ON")


class _RefusedRowError(SyncError):
    """The database does not take one of the rows.

    :param fields: columns that it names.
    """

    def __init__(self, said: str, fields: tuple[str, ...]) -> None:
        super().__init__(said)
        self.fields = fields


class SqlTarget:
    """A table; see :class:`~pipelines.syncs.target.Target`."""

    def __init__(self, settings: SqlSync, engine: Engine, name: str, patience: Patience) -> None:
        self.settings, self.engine, self.patience = settings, engine, patience
        self.place = f"{settings.table} of {name}"
        self.n_at_once = settings.batch
        self.kinds = find_kinds(settings.fields)
        self.known: Table | None = None

    def check(self) -> None:
        """Compare the mapping with the table's columns; a table that is to be made may be missing.

        :raises SyncError: naming the columns that are missing or of another type.
        """
        table = self.known = self._find_table()
        if table is None:
            if not self.settings.create:
                raise SyncError(
                    f"there is no table {self.place}; make it, or set create = true under the sync"
                )
            return
        mistakes = self._call(lambda connection: find_mistakes(connection, table, self.settings))
        if mistakes:
            raise SyncError(f"the table {self.place} does not fit: {'; '.join(mistakes)}")

    def send(self, rows: Sequence[Row]) -> Iterator[Sequence[Answer]]:
        """Update the rows that are there, insert the others."""
        lengths = {column.name: getattr(column.type, "length", None) for column in self._table().c}
        fitting, refused = part_too_long(
            rows, {name: n for name, n in lengths.items() if n and name in self.kinds}
        )
        yield refused
        for portion in split_rows(fitting, self.settings.batch):
            yield self._write(portion, self._upsert)

    def remove(self, rows: Sequence[Row]) -> Iterator[Sequence[Answer]]:
        """Delete rows, or empty their fields, as configured."""
        if self._find_table() is None:
            yield [Answer(row.key) for row in rows]
            return
        do = self._delete if self.settings.remove == "row" else self._empty
        for portion in split_rows(rows, self.settings.batch):
            yield self._write(portion, do)

    def finish(self, rows: Iterable[Row]) -> Path | None:
        """Nothing is left to do."""
        return None

    def close(self) -> None:
        """Let go of the connections."""
        self.engine.dispose()

    def _write(
        self, rows: Sequence[Row], do: Callable[[Connection, Table, Sequence[Row]], None]
    ) -> list[Answer]:
        """One transaction; where a row is refused, one for each row, to learn which it is."""
        table = self._table()
        try:
            self._call(lambda connection: do(connection, table, rows))
        except _RefusedRowError as error:
            if len(rows) == 1:
                return [Answer(rows[0].key, str(error), error.fields)]
            return [answer for row in rows for answer in self._write([row], do)]
        return [Answer(row.key) for row in rows]

    def _upsert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        key = table.c[self.settings.id_column]
        keys = [row.key for row in rows]
        there = set(connection.execute(select(key).where(key.in_(keys))).scalars())
        values: dict[str, Any] = {
            name: bindparam(f"v{n}") for n, name in enumerate(self.settings.fields)
        }
        known = [self._bind(table, row) for row in rows if row.key in there]
        if known:
            connection.execute(update(table).where(key == bindparam("k")).values(values), known)
        new = [self._bind(table, row) for row in rows if row.key not in there]
        if new:
            own = {self.settings.id_column: bindparam("k"), **values}
            connection.execute(insert(table).values(own), new)

    def _delete(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        key = table.c[self.settings.id_column]
        connection.execute(delete(table).where(key.in_([row.key for row in rows])))

    def _empty(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        key = table.c[self.settings.id_column]
        for row in rows:
            values = {name: None for name in row.values if name in table.c}
            connection.execute(update(table).where(key == row.key).values(values))

    def _bind(self, table: Table, row: Row) -> dict[str, Any]:
        values = {
            f"v{n}": convert_value(row.values[name], kind, table.c[name].type)
            for n, (name, kind) in enumerate(self.kinds.items())
        }
        return {"k": row.key, **values}

    def _table(self) -> Table:
        if self.known is None:
            if path := sqlite_path(self.engine.url):
                create_private_file(path)
            found = self._find_table()
            self.known = self._call(self._create) if found is None else found
        return self.known

    def _find_table(self) -> Table | None:
        path = sqlite_path(self.engine.url)
        if path is not None and not path.exists():  # to look would make it
            return None
        return self._call(self._reflect)  # type: ignore[no-any-return]

    def _reflect(self, connection: Connection) -> Table | None:
        return read_table(connection, self.settings)

    def _create(self, connection: Connection) -> Table:
        return create_table(connection, self.settings)

    def _call(self, do: Callable[[Connection], Any]) -> Any:
        """One transaction, tried again where the connection was lost.

        :raises SyncError: when the database refuses, in words without any value.
        """

        def attempt() -> Any:
            try:
                with self.engine.begin() as connection:
                    return do(connection)
            except DBAPIError as error:
                raise _describe(error, self.place, self.settings) from None
            except SQLAlchemyError as error:
                raise SyncError(
                    f"{self.place} cannot be written ({type(error).__name__})"
                ) from None

        return self.patience.call(attempt)


def _describe(error: DBAPIError, place: str, settings: SqlSync) -> Exception:
    """What a database says, without what it quotes: rows, and the URL with its password."""
    name, state = type(error.orig).__name__, getattr(error.orig, "sqlstate", None)
    is_lost = error.connection_invalidated or name in {"OperationalError", "InterfaceError"}
    # Class 08 is the connection, 40 a transaction to be repeated, 53 and 57 a server in need.
    if (is_lost and state is None) or str(state or "")[:2] in {"08", "40", "53", "57"}:
        return PassingError(f"the database of {place} cannot be reached, or refused the user")
    said = f"the database refused it ({name}{f' {state}' if state else ''})"
    if isinstance(error, DataError | IntegrityError):
        return _RefusedRowError(said, _find_columns(error, settings))
    return SyncError(f"{place}: {said}; check the rights of its user")


def _find_columns(error: DBAPIError, settings: SqlSync) -> tuple[str, ...]:
    """The mapped columns that a refusal names, or that stand in the name of a broken constraint.

    What it says of the row itself is not looked at.
    """
    told = getattr(error.orig, "diag", None)
    names = ("column_name", "constraint_name", "message_primary")
    texts = [getattr(told, name, None) for name in names] if told else [str(error.orig)]
    said = "\n".join(filter(None, texts)).replace(settings.table, " ")
    return tuple(
        name
        for name in sorted(settings.fields)
        if re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", said)
    )
