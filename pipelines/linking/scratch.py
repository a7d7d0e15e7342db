"""Temporary tables in which links are worked out, set by set, in the database itself.

Both databases spill them to disk: linking a million feedback takes no more memory than a thousand.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Column, Connection, Double, Integer, MetaData, Table, Text

CACHE_KB = 400_000


@dataclass(frozen=True)
class Scratch:
    """The temporary tables of one linking.

    :param owner: customers of each key: how many, and which where it is one.
    :param link: the link of each feedback or event.
    :param merge: the record that stands for another one.
    """

    owner: Table
    link: Table
    merge: Table


@contextmanager
def make_scratch(connection: Connection) -> Iterator[Scratch]:
    """Empty tables, gone at the end."""
    metadata = MetaData()
    scratch = Scratch(_owner(metadata), _link(metadata), _merge(metadata))
    if connection.dialect.name == "sqlite":
        # Half of the time of a million goes into reading the same pages again without it.
        connection.exec_driver_sql(f"PRAGMA temp.cache_size = -{CACHE_KB}")
    metadata.create_all(connection, checkfirst=False)
    try:
        yield scratch
    finally:
        metadata.drop_all(connection, checkfirst=False)


def _owner(metadata: MetaData) -> Table:
    return Table(
        "link_owner",
        metadata,
        Column("key_type", Text, primary_key=True),
        Column("key_hash", Text, primary_key=True),
        Column("customer_id", Text),
        Column("n_customers", Integer),
        Column("via", Text),
        Column("confidence", Double),
        Column("round", Integer),
        prefixes=["TEMPORARY"],
        sqlite_with_rowid=False,
    )


def _link(metadata: MetaData) -> Table:
    return Table(
        "link_found",
        metadata,
        Column("item_id", Text, primary_key=True),
        Column("customer_id", Text),
        Column("method", Text),
        Column("via", Text),
        Column("confidence", Double),
        prefixes=["TEMPORARY"],
        sqlite_with_rowid=False,
    )


def _merge(metadata: MetaData) -> Table:
    return Table(
        "link_merge",
        metadata,
        Column("customer_id", Text, primary_key=True),
        Column("merged_into", Text),
        prefixes=["TEMPORARY"],
        sqlite_with_rowid=False,
    )
