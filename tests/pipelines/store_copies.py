"""Stores with the same first rows, made once: a copy of a database costs far less than a run."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

from sqlalchemy import URL, Engine, create_engine, text
from sqlalchemy.engine import make_url

from pipelines.database import sqlite_driver
from pipelines.store import Store, open_store

# The file of a SQLite store, or the name of a PostgreSQL database, by kind and name.
_originals: dict[tuple[str, str], bytes | str] = {}
# Databases on a server that were made for a test.
_made: list[URL] = []


def open_copy(url: str, name: str, fill: Callable[[Store], object] | None = None) -> Store:
    """A new store at a URL with what ``fill`` writes into an empty one of this name.

    :param url: where nothing is yet; on PostgreSQL not even a database.
    """
    place = make_url(url)
    kind = (place.get_backend_name(), name)
    if kind in _originals:
        _restore(place, _originals[kind])
        return open_store(url)
    if kind[0] == "postgresql":
        _create_database(place)
    store = open_store(url, create=True)
    if fill:
        fill(store)
    store.engine.dispose()
    _originals[kind] = _keep(place)
    return open_store(url)


def name_postgres_database(maintenance_url: str) -> str:
    """The URL of a database that the server has not got yet."""
    place = make_url(maintenance_url).set(database=f"earful_{uuid4().hex}")
    return place.render_as_string(hide_password=False)


def make_postgres_database(maintenance_url: str) -> str:
    """A new and empty database on the server."""
    url = name_postgres_database(maintenance_url)
    _create_database(make_url(url))
    return url


@contextmanager
def drop_databases() -> Iterator[None]:
    """Drop the databases that are made within, but not those that are copied."""
    n_before = len(_made)
    yield
    kept = set(_originals.values())
    for place in _made[n_before:]:
        if place.database not in kept:
            do_on_server(place, f"DROP DATABASE IF EXISTS {place.database} WITH (FORCE)")
    del _made[n_before:]


def forgo_durability(maintenance_url: str) -> None:
    """Let the server write without waiting for the disk: nothing here outlives it."""
    place = make_url(maintenance_url)
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        do_on_server(place, f"ALTER SYSTEM SET {name} = off")
    do_on_server(place, "SELECT pg_reload_conf()")


def _keep(place: URL) -> bytes | str:
    if place.get_backend_name() == "sqlite":
        path = Path(str(place.database))
        with closing(sqlite_driver().connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path.read_bytes()
    # A database that somebody is connected to cannot be copied, and what fills one may leave that.
    do_on_server(
        place,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{place.database}'",
    )
    kept = make_url(name_postgres_database(place.render_as_string(hide_password=False)))
    _create_database(kept, str(place.database))
    return str(kept.database)


def _restore(place: URL, original: bytes | str) -> None:
    if isinstance(original, bytes):
        path = Path(str(place.database))
        path.touch(mode=0o600)
        path.write_bytes(original)
        return
    _create_database(place, original)


def _create_database(place: URL, original: str = "template1") -> None:
    _made.append(place)
    do_on_server(place, f"CREATE DATABASE {place.database} TEMPLATE {original}")


def do_on_server(place: URL, statement: str) -> None:
    """Run a statement outside of any transaction."""
    with _connect_server(place.set(database="postgres")).connect() as connection:
        connection.execute(text(statement))


@cache
def _connect_server(place: URL) -> Engine:
    # Storms restart their server.
    return create_engine(place, isolation_level="AUTOCOMMIT", pool_pre_ping=True)
