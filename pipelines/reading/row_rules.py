"""What a layout says of rows: cells to unpack, rows that are no feedback, ids to make."""

import ast
import hashlib
import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from pipelines.reading.edits import EDITED, number_version
from pipelines.reading.flattening import flatten_record
from pipelines.reading.layout_names import find_first, fold_columns, part_names
from pipelines.reading.layout_parts import Continued, Mark, Skip
from pipelines.reading.layouts import Layout
from pipelines.reading.mapping import PERSONAL_ROLES
from pipelines.reading.matching import find_name, matches, reject_row
from pipelines.reading.name_columns import is_named_for_people
from pipelines.reading.replies import (
    BEFORE,
    QUESTION,
    REPLY,
    attach_replies,
    note_speakers,
)
from pipelines.reading.tables import BadRow, Row, Table

MADE = {"id": "made id", "author": "made author"}
"""Columns of ids and authors that are made, where the export has none."""
_MAX_PACKED_CHARS = 100_000
_MAX_JOINED_CHARS = 20_000
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/h\d)\b[^<>]{0,200}>", re.I)
_TAG = re.compile(r"</?[a-zA-Z!][^<>]{0,2000}>")
Rows = Iterator[Row | BadRow]
Change = Callable[[Row], Row | BadRow]


def apply_rules(table: Table, layout: Layout) -> None:
    """Make the table's rows what the layout says they are; none is lost."""
    personal = _list_personal(layout, table.columns)
    changes = [*_list_changes(layout, table.columns, personal)]
    if changes:
        table.rows = _change_rows(table.rows, changes)
    if layout.replies or layout.continued:
        table.source = None  # what a row becomes depends on those around it
    if layout.replies:
        note_speakers(table, layout.replies)
        table.columns = [*table.columns, REPLY, QUESTION, BEFORE]
        table.rows = attach_replies(table.rows, layout.replies, personal)
    if layout.continued:
        table.rows = _join_continued(table.rows, layout.continued)
    if layout.versions:
        table.columns = [*table.columns, EDITED]
        ids, at = (layout.names_of(role)[0] for role in ("id", "at"))
        table.rows = _change_rows(
            table.rows, [partial(number_version, rule=layout.versions, ids=ids, at=at)]
        )
    for role, names in layout.made.items():
        column = _column_of(role, layout, table.columns)
        if column not in table.columns:
            table.columns = [*table.columns, column]
        table.rows = _change_rows(table.rows, [partial(_make_key, column=column, names=names)])


def _list_personal(layout: Layout, columns: list[str]) -> frozenset[str]:
    folded = fold_columns(columns)
    named = [names for role in PERSONAL_ROLES for names in layout.names_of(role)]
    found = (find_first(names, folded) for names in [*named, *layout.private_names])
    return frozenset((*filter(None, found), *filter(is_named_for_people, columns)))


def _list_changes(layout: Layout, columns: list[str], personal: frozenset[str]) -> Iterator[Change]:
    if layout.unpack:
        yield lambda row: _unpack(row, layout.unpack)
    if layout.prefer:
        yield lambda row: _prefer(row, layout.prefer)
    if layout.html:
        yield lambda row: _read_html(row, layout.html)
    if layout.values:
        yield lambda row: _translate(row, layout)
    for skip in layout.skip:
        yield partial(_skip, rule=skip, columns=columns, personal=personal)
    for mark in layout.mark:
        yield partial(_mark, rule=mark, columns=columns)


def _change_rows(rows: Rows, changes: list[Change]) -> Rows:
    for row in rows:
        changed: Row | BadRow = row
        for change in changes:
            if isinstance(changed, Row):
                changed = change(changed)
        yield changed


def _skip(row: Row, rule: Skip, columns: list[str], personal: frozenset[str]) -> Row | BadRow:
    return reject_row(row, rule.reason, personal) if matches(row, rule, columns) else row


def _mark(row: Row, rule: Mark, columns: list[str]) -> Row:
    return replace(row, noise=rule.noise) if matches(row, rule, columns) else row


def _unpack(row: Row, columns: tuple[str, ...]) -> Row:
    values = dict(row.values)
    for name in columns:
        column = find_name(name, values)
        packed = _parse_object(values.get(column, ""))
        if packed:
            del values[column]
            values |= {f"{column}.{key}": value for key, value in flatten_record(packed).items()}
    return replace(row, values=values)


def _parse_object(text: str) -> dict[str, Any] | None:
    plain = text.strip()
    if not plain.startswith("{") or len(plain) > _MAX_PACKED_CHARS:
        return None
    for parse in (json.loads, ast.literal_eval):
        try:
            found = parse(plain)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        if isinstance(found, dict):
            return {str(key): value for key, value in found.items()}
    return None


def _prefer(row: Row, pairs: dict[str, str]) -> Row:
    values = dict(row.values)
    for name, preferred in pairs.items():
        sources = (find_name(each, values) for each in part_names(preferred))
        source = next((each for each in sources if values.get(each, "").strip()), None)
        if source is not None:
            values[find_name(name, values)] = values.pop(source)
    return replace(row, values=values)


def _read_html(row: Row, columns: tuple[str, ...]) -> Row:
    values = dict(row.values)
    for name in columns:
        column = find_name(name, values)
        if "<" in values.get(column, "") or "&" in values.get(column, ""):
            values[column] = read_html(values[column])
    return replace(row, values=values)


def read_html(text: str) -> str:
    """The words of a piece of HTML, a line for each paragraph."""
    plain = html.unescape(_TAG.sub("", _BREAK.sub("\n", text)))
    return "\n".join(line.strip() for line in plain.splitlines() if line.strip())


def _translate(row: Row, layout: Layout) -> Row:
    values = dict(row.values)
    for role, meanings in layout.values.items():
        for name in (name for names in layout.names_of(role) for name in names):
            column = find_name(name, values)
            meaning = meanings.get(values.get(column, "").strip().casefold())
            if meaning is not None:
                values[column] = meaning
    return replace(row, values=values)


def _column_of(role: str, layout: Layout, columns: list[str]) -> str:
    folded = fold_columns(columns)
    found = (find_first(names, folded) for names in layout.names_of(role))
    return next(filter(None, found), None) or MADE[role]


def _make_key(row: Row, column: str, names: tuple[str, ...]) -> Row:
    if row.values.get(column, "").strip():
        return row
    parts = [row.values.get(find_name(name, row.values), "").strip() for name in names]
    if not any(parts):
        return row
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return replace(row, values={**row.values, column: f"made-{digest[:24]}"})


def _join_continued(rows: Rows, rule: Continued) -> Rows:
    held: Row | None = None
    for row in rows:
        if held is not None and isinstance(row, Row) and _goes_on(held, row, rule):
            held = _join_rows(held, row)
            continue
        if held is not None:
            yield held
        held = row if isinstance(row, Row) else None
        if isinstance(row, BadRow):
            yield row
    if held is not None:
        yield held


def _goes_on(held: Row, row: Row, rule: Continued) -> bool:
    by, blank = (find_name(name, row.values) for name in (rule.by, rule.blank))
    key = row.values.get(by, "").strip()
    return bool(key) and key == held.values.get(by, "").strip() and not row.values.get(blank)


def _join_rows(held: Row, row: Row) -> Row:
    values = dict(held.values)
    for name, value in row.values.items():
        if value and value != values.get(name):
            joined = "; ".join(filter(None, (values.get(name, ""), value)))
            values[name] = joined[:_MAX_JOINED_CHARS]
    return replace(held, values=values, has_lost_bytes=held.has_lost_bytes or row.has_lost_bytes)
