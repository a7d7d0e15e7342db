"""Keys in SQL: a key is its type and its hash, in every table that holds some."""

from typing import Any

from sqlalchemy import ColumnElement, and_


def is_same_key(one: Any, other: Any) -> ColumnElement[bool]:
    """Whether the rows of two tables, given by their columns, hold the same key."""
    return and_(one.key_type == other.key_type, one.key_hash == other.key_hash)
