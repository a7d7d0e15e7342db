"""What ``v_customer`` offers: columns, their kinds, and values as they are sent and compared."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from pipelines.parquet_tables import Kind, find_kind
from pipelines.views import view_queries

# What JSON can hold, so that the store can keep what a destination took.
Plain = str | int | float | None


@cache
def list_columns() -> dict[str, Kind]:
    """The kind of each column, in the order of the view."""
    columns = view_queries()["v_customer"].selected_columns
    return {column.name: find_kind(column.type) for column in columns}


def find_kinds(fields: Mapping[str, str]) -> dict[str, Kind]:
    """The kinds of what goes to each of a destination's fields."""
    known = list_columns()
    return {field: known[column] for field, column in fields.items()}


def make_plain(value: Any) -> Plain:
    """A value as it is compared and kept: moments as ISO 8601 in UTC, lists and objects as JSON."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert value is None or isinstance(value, str | int | float)
    return value


def read_moment(value: Plain) -> datetime | None:
    """A moment that :func:`make_plain` wrote."""
    return None if value is None else datetime.fromisoformat(str(value))
