"""Stores with the same first rows, made once: a copy of a database costs far less than a run."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from sqlalchemy import URL, create_engine, text
from sqlalchemy.engine import make_url

from pipelines.store import Store, open_store

# The file of a SQLite store, or the name of a PostgreSQL database, by kind and name.
_originals: dict[tuple[str, str], bytes | str] = {}


def open_copy(url: str, name: str, fill: Callable[[Store], object] | None = None) -> Store:
    """A new store at a URL with what ``fill`` writes into an empty one of this name."""
    place = make_url(url)
    kind = (place.get_backend_name(), name)
    if kind in _originals:
        _restore(place, _originals[kind])
        return open_store(url)
    store = open_store(url, create=True)
    if fill:
        fill(store)
    store.engine.dispose()
    _originals[kind] = _keep(place)
    return open_store(url)


def make_postgres_database(maintenance_url: str, original: str = "template1") -> str:
    """A new database on the server: empty, or a copy of another."""
    place = make_url(maintenance_url).set(database=f"earful_{uuid4().hex}")
    _do_on_server(place, f"CREATE DATABASE {place.database} TEMPLATE {original}")
    return place.render_as_string(hide_password=False)


def _keep(place: URL) -> bytes | str:
    if place.get_backend_name() == "sqlite":
        path = Path(str(place.database))
        assert not path.with_name(f"{path.name}-wal").exists()
        return path.read_bytes()
    kept = make_postgres_database(place.render_as_string(hide_password=False), str(place.database))
    return str(make_url(kept).database)


def _restore(place: URL, original: bytes | str) -> None:
    if isinstance(original, bytes):
        path = Path(str(place.database))
        path.touch(mode=0o600)
        path.write_bytes(original)
        return
    _do_on_server(place, f"DROP DATABASE {place.database}")
    _do_on_server(place, f"CREATE DATABASE {place.database} TEMPLATE {original}")


def _do_on_server(place: URL, statement: str) -> None:
    engine = create_engine(place.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
