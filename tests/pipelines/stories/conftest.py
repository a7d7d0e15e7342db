"""A store to tell of: in memory, as a file, and on both databases."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine

from pipelines.database import sqlite_driver
from pipelines.store import Store
from tests.pipelines.stories.told import open_told


@pytest.fixture(scope="session")
def told_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = open_told(f"sqlite:///{tmp_path_factory.mktemp('told')}/store.db")
    store.engine.dispose()
    assert store.path
    return store.path


@pytest.fixture
def told(told_file: Path) -> Iterator[Connection]:
    """A copy in memory: what a test changes costs nothing and is gone afterwards."""
    engine = create_engine("sqlite://", module=sqlite_driver())
    with engine.connect() as connection:
        with closing(sqlite_driver().connect(told_file)) as original:
            original.backup(connection.connection.driver_connection)
        yield connection
    engine.dispose()


@pytest.fixture
def told_store(sqlite_url: str) -> Iterator[Store]:
    opened = open_told(sqlite_url)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def told_anywhere(store_url: str) -> Iterator[Store]:
    """The same on both databases."""
    opened = open_told(store_url)
    yield opened
    opened.engine.dispose()
