"""Engines of databases that tests look into beside the program."""

from sqlalchemy import URL, Engine, create_engine, make_url

from pipelines.database import sqlite_driver


def open_engine(url: str | URL) -> Engine:
    """An engine of a database, with the one SQLite library of this process.

    Another one knows nothing of the connections that the first holds: it takes itself for the last
    at a file, and takes away the log that the others write to.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return create_engine(url, module=sqlite_driver())
    return create_engine(url)
