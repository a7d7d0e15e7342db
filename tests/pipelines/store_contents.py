"""What stores hold, row by row, without what tells executions apart; and where two differ."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, select

from pipelines import tables
from pipelines.store import Store, open_store

Contents = dict[str, list[str]]

# Who wrote a row, and when.
RUN_FACTS = frozenset(
    {
        *("run", "run_id", "ingested_at", "enriched_run", "created_run", "updated_run"),
        *("updated_at", "found_run"),
    }
)
# Where in which file a row stood.
FILE_FACTS = frozenset({"input_file", "row_number", "rejected_id", "file_hash"})
# Each store has its own.
STORE_ID = {"store_info": tables.store_info.c.name != "store_id"}


def read_contents(
    store: Store | str,
    leave_out: Collection[str] = RUN_FACTS | FILE_FACTS,
    rows: Mapping[str, ColumnElement[bool]] = STORE_ID,
) -> Contents:
    """Every table as its rows, sorted, in words that are the same on both databases.

    :param leave_out: names of tables, of columns, and of columns of one table (theme_edit.at).
    :param rows: the rows of a table that count, where not all do.
    """
    opened = open_store(store) if isinstance(store, str) else store
    found = {}
    with opened.read() as connection:
        for name, table in tables.metadata.tables.items():
            columns = [c for c in table.columns if not {c.name, str(c)} & {*leave_out}]
            if name in leave_out:
                continue
            query = select(*columns)
            if name in rows:
                query = query.where(rows[name])
            found[name] = sorted(map(_show_row, connection.execute(query)))
    if opened is not store:
        opened.engine.dispose()
    return found


def compare_contents(expected: Contents, found: Contents) -> list[str]:
    """Which rows of which table differ, in words; nothing where none does."""
    return [
        f"{name}: {kind} {len(rows)} of {len(expected.get(name, ()))} (first: {rows[0][:400]})"
        for name in sorted({*expected, *found})
        for kind, rows in (
            ("missing", _subtract(expected.get(name, ()), found.get(name, ()))),
            ("unexpected", _subtract(found.get(name, ()), expected.get(name, ()))),
        )
        if rows
    ]


def _subtract(rows: Sequence[str], others: Sequence[str]) -> list[str]:
    return sorted((Counter(rows) - Counter(others)).elements())


def _show_row(row: Sequence[Any]) -> str:
    return repr([_canonical(value) for value in row])


def _canonical(value: Any) -> Any:
    """PostgreSQL orders the keys of a JSON object in its own way."""
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value
