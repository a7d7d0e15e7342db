"""URLs of databases to read from: their secrets stand in the environment, and are never shown."""

import re
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from pipelines.database import connect_engine
from pipelines.environment import VARIABLE, fill_variables, read_variable
from pipelines.errors import ConfigError, InputError

_WHAT = "the database URL"
_SECRET_NAME = re.compile("pass|pwd|secret|token|key", re.IGNORECASE)
_EXAMPLE = "postgresql+psycopg://reader:${CRM_PASSWORD}@host/crm"


def read_url(given: str, folder: Path) -> URL:
    """A database URL with the environment's values in the place of ``${NAME}``.

    :param folder: what the path of an SQLite file is relative to.
    :raises ConfigError: for a wrong URL, a variable that is not set, and a secret that is written
        out: command lines and configurations are read by others.
    """
    url = fill_url(given)
    if url.get_backend_name() == "postgresql" and url.drivername == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return url.set(database=str(folder / Path(url.database).expanduser()))
    return url


def fill_url(given: str) -> URL:
    """A database URL with its variables filled in, which holds no secret in plain sight.

    :raises ConfigError: as :func:`read_url`.
    """
    given = given.strip()
    if match := VARIABLE.fullmatch(given):
        return _parse(read_variable(match[1], _WHAT))
    url = _parse(given)
    _check_secrets(url)
    return _fill(url)


def name_database(url: URL) -> str:
    """What a database is called: its name or its file's; without user, password and host."""
    if url.get_backend_name() == "sqlite":
        return Path(url.database or "memory").name
    return url.database or url.host or url.get_backend_name()


def open_source(url: URL) -> Engine:
    """Open a database to read from, so that as little as it allows can be written.

    :raises InputError: when there is no such SQLite file.
    :raises ConfigError: when the driver is not installed.
    """
    if url.get_backend_name() == "sqlite":
        if not url.database or not Path(url.database).is_file():
            raise InputError(f"there is no SQLite file {url.database or ''}; check the URL")
        engine = connect_engine(url, read_only=True)
        event.listen(engine, "connect", _read_bytes_as_text)
        return engine
    try:
        if url.get_backend_name() == "postgresql" and url.get_driver_name() == "psycopg":
            return connect_engine(url, read_only=True)
        return create_engine(url)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the database URL needs the driver {error.name}, which is not installed; install it "
            f"beside earful with: pip install {error.name}"
        ) from error


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
        url.get_dialect()
    except NoSuchModuleError:
        raise ConfigError(
            f"SQLAlchemy knows no database {url.drivername!r} here; install its dialect beside "
            "earful, or check the beginning of the URL"
        ) from None
    except (ArgumentError, ValueError):
        raise ConfigError(
            f"what to read from is not a database URL; write it as {_EXAMPLE} or sqlite:///crm.db"
        ) from None  # the cause shows the URL, and so its password
    return url


def _check_secrets(url: URL) -> None:
    given = {name: value for name, value in url.query.items() if _SECRET_NAME.search(name)}
    secrets = [str(url.password or ""), *map(str, given.values())]
    if any(secret and not VARIABLE.search(secret) for secret in secrets):
        raise ConfigError(
            "the database URL holds a password in plain sight; set an environment variable to it "
            f"and write the variable's name in its place, as in {_EXAMPLE}"
        )


def _fill(url: URL) -> URL:
    """Fill each part on its own, so that no sign in a password is taken for one of the URL."""
    parts: dict[str, Any] = {
        name: fill_variables(value, _WHAT)
        for name in ("username", "password", "host", "database")
        if (value := getattr(url, name))
    }
    query = {name: _fill_values(value) for name, value in url.query.items()}
    return url.set(query=query, **parts)


def _fill_values(value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    if isinstance(value, tuple):
        return tuple(str(_fill_values(each)) for each in value)
    return fill_variables(value, _WHAT)


def _read_bytes_as_text(connection: Any, _record: object) -> None:
    # One byte that is no UTF-8 would else end the query; the readers mark such rows.
    connection.text_factory = lambda data: data.decode("utf-8", errors="replace")
