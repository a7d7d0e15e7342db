"""A store: opened and checked, written by one run at a time, read by anybody."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, inspect, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.engine import URL, Engine

from pipelines.commits import note_commit
from pipelines.database import (
    clear_database_errors,
    connect_engine,
    create_private_file,
    parse_url,
    sqlite_path,
)
from pipelines.errors import ConfigError, MissingStoreError, StoreError
from pipelines.locks import Lock, begin_writing, hold_file, hold_session
from pipelines.tables import metadata, store_info

# What other systems took is recorded, however long another run holds the store.
RECORD_WAIT_S = 3_600.0


@dataclass(frozen=True)
class Store:
    """An open store; see :func:`open_store`."""

    url: URL
    engine: Engine
    _held: dict[Lock, Connection] = field(default_factory=dict, repr=False, compare=False)

    @property
    def path(self) -> Path | None:
        """The SQLite file; None on a server."""
        return sqlite_path(self.url)

    @property
    def name(self) -> str:
        """The URL as it may be shown: without the password."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one consistent state, and never waits for a writer.

        :raises StoreError: when the database refuses.
        """
        engine = connect_engine(self.url, read_only=True)
        try:
            with clear_database_errors(self.url), engine.connect() as connection:
                if self.engine.dialect.name == "postgresql":
                    connection.execution_options(isolation_level="REPEATABLE READ")
                yield connection
        finally:
            engine.dispose()

    @contextmanager
    def write(self, *, is_change: bool = True) -> Iterator[Connection]:
        """A transaction: committed as a whole at the end, or not at all.

        :param is_change: not where only the row of a run is noted, or the schema brought up.
        :raises StoreError: when the database refuses.
        """
        from pipelines.vector_lake.pending import finishing_files

        with clear_database_errors(self.url), self.engine.begin() as connection:
            if self.path is None:
                begin_writing(connection, self._held, self.name)
            with finishing_files(connection) as replaced:
                yield connection
        for path in replaced:
            path.unlink(missing_ok=True)
        if is_change:
            note_commit()

    @contextmanager
    def lock(self, timeout_s: float, of: Lock = "store", command: str = "") -> Iterator[None]:
        """Hold one of the store's locks, each of which one program holds at a time.

        :param of: store, for whoever writes to it; syncs or delivery, for whoever sends rows of
            customers or actions to other systems: it may take long, and keeps no run from writing.
        :param command: what it is held for; others who wait are told.
        :raises LockedError: when another program still holds it after timeout_s seconds.
        """
        if self.path is not None:
            path = Path(f"{self.path}.lock" if of == "store" else f"{self.path}.{of}.lock")
            with hold_file(path, self.name, timeout_s, of, command):
                yield
            return
        with (
            clear_database_errors(self.url),
            hold_session(self.engine, self.name, timeout_s, of, command) as session,
        ):
            self._held[of] = session
            try:
                yield
            finally:
                del self._held[of]


def open_store(url: str, *, create: bool = False) -> Store:
    """Open a store and check that it is ours and of this program's schema.

    :param create: make the tables when the database is empty or does not exist.
    :raises ConfigError: for a wrong URL, and for a database that is not ours.
    :raises StoreError: when it does not exist, is older or newer, or cannot be opened.
    """
    from pipelines.migrations import SCHEMA_VERSION

    parsed = parse_url(url)
    path = sqlite_path(parsed)
    if path is not None:
        _prepare_file(path, create=create)
    store = Store(parsed, connect_engine(parsed))
    version = _read_version(store)
    if version is None and create:
        migrate_store(store)
    elif version is None:
        raise MissingStoreError(
            f"store {store.name} is empty; fill it with: earful run PATH --db {store.name}"
        )
    elif version < SCHEMA_VERSION:
        raise StoreError(
            f"store {store.name} has schema {version}, this program needs {SCHEMA_VERSION}; "
            f"make a backup, then run: earful migrate --db {store.name}"
        )
    return store


def make_empty_store(url: str) -> Store:
    """A place for a store, not looked at: its file is made where it is not there."""
    parsed = parse_url(url)
    path = sqlite_path(parsed)
    if path is not None:
        _prepare_file(path, create=True)
    return Store(parsed, connect_engine(parsed))


def upgrade_store(url: str, lock_timeout_s: float = 30.0) -> str | None:
    """Bring an existing store to the newest schema.

    :returns: the schema that it had before.
    :raises ConfigError: for a database that is not ours, or newer than this program.
    :raises LockedError: when a run still holds it after lock_timeout_s seconds.
    :raises StoreError: when it does not exist or the database refuses.
    """
    parsed = parse_url(url)
    path = sqlite_path(parsed)
    if path is not None:
        _prepare_file(path, create=False)
    store = Store(parsed, connect_engine(parsed))
    _read_version(store)
    return migrate_store(store, lock_timeout_s)


def migrate_store(store: Store, lock_timeout_s: float = 30.0) -> str | None:
    """Bring a store to the newest schema.

    :returns: the schema that it had before; None when it was empty.
    :raises StoreError: when the database refuses.
    """
    from pipelines.half_vectors import keep_half_vectors, refuse_hidden_table
    from pipelines.migrations import migrate_schema, schema_version

    with (
        store.lock(lock_timeout_s, command="earful migrate"),
        store.write(is_change=False) as connection,
    ):
        before = schema_version(connection)
        if before is None:
            refuse_hidden_table(connection)
        migrate_schema(connection)
        keep_half_vectors(connection)
        if read_info(connection, "store_id") is None:
            write_info(connection, "store_id", uuid4().hex)
        write_info(connection, "tables", _hash_tables())
    return before


def find_damage(store: Store) -> str | None:
    """What SQLite's own check finds wrong first; None where nothing is, and for PostgreSQL.

    :raises StoreError: when the file is too damaged to be checked.
    """
    if store.url.get_backend_name() != "sqlite":
        return None
    with store.read() as connection:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    return None if found == "ok" else str(found).splitlines()[0]


def read_info(connection: Connection, name: str) -> str | None:
    """A fact about the store; None when it was never set."""
    return connection.execute(
        select(store_info.c.value).where(store_info.c.name == name)
    ).scalar_one_or_none()


def write_info(connection: Connection, name: str, value: str) -> None:
    """Set a fact about the store."""
    insert = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
    statement = insert(store_info).values(name=name, value=value)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"value": value})
    )


def _hash_tables() -> str:
    """A short hash of the tables and columns that this program declares."""
    names = sorted(str(column) for table in metadata.tables.values() for column in table.c)
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def _prepare_file(path: Path, *, create: bool) -> None:
    try:
        if path.is_dir():
            raise ConfigError(
                f"the store {path} is a folder; name a file, such as {path}/earful.db"
            )
        if path.exists():
            return
    except OSError as error:
        raise StoreError(
            f"the store {path} cannot be opened ({error.strerror}); check the rights of its "
            "folder, or name another file with --db"
        ) from error
    if not create:
        raise MissingStoreError(
            f"there is no store {path}; make one with: earful run PATH --db sqlite:///{path}"
        )
    if not path.parent.is_dir():
        raise StoreError(
            f"there is no folder {path.parent} to make the store in; make it, or choose another "
            "place with --db"
        )
    try:
        create_private_file(path)
    except OSError as error:
        raise StoreError(
            f"the store {path} cannot be made ({error.strerror}); check the folder or choose "
            "another place with --db"
        ) from error


def _read_version(store: Store) -> str | None:
    from pipelines.migrations import SCHEMA_VERSION, schema_version

    with store.read() as connection:
        version = schema_version(connection)
        names = inspect(connection).get_table_names()
        if names and store_info.name not in names:
            raise ConfigError(
                f"the database {store.name} is not a store of earful: it has other tables; "
                "give another one with --db"
            )
        if version == SCHEMA_VERSION and read_info(connection, "tables") != _hash_tables():
            raise StoreError(
                f"store {store.name} was made by a version of earful between releases, whose "
                f"tables are not those of schema {version}; keep it aside, and make it anew from "
                "its files with: earful run PATH"
            )
    if version is not None and version > SCHEMA_VERSION:
        raise _newer(store.name, version)
    return version


def refuse_other_schema(connection: Connection, name: str) -> None:
    """Refuse a store that another program migrated after this one had opened it.

    :param name: of the store, as it may be shown.
    :raises ConfigError: for a newer schema.
    """
    from pipelines.migrations import SCHEMA_VERSION, schema_version

    version = schema_version(connection)
    if version is not None and version > SCHEMA_VERSION:
        raise _newer(name, version)


def _newer(name: str, version: str) -> ConfigError:
    from pipelines.migrations import SCHEMA_VERSION

    return ConfigError(
        f"store {name} has schema {version}, newer than this program's "
        f"{SCHEMA_VERSION}; update earful as it was installed (a clone: git pull, then "
        "scripts/install), or give another store with --db"
    )
