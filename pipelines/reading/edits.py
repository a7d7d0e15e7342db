"""Edits that their source gives ids of their own: versions of the item that they change."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pipelines.reading.dates import parse_date
from pipelines.reading.layout_parts import Versions
from pipelines.reading.matching import find_name
from pipelines.reading.tables import Row

EDITED = "edited at"
"""Column of the time at which a version was written, where the export lists versions by id."""
_ID = re.compile(r"\w+")
_TIME_BITS = 22


def number_version(row: Row, rule: Versions, ids: tuple[str, ...], at: tuple[str, ...]) -> Row:
    """Give an edited item the id of its first version, and the time of this one.

    Versions of the same moment are put in order by so many microseconds.

    :param ids: names that the column of the id may have; `at` those of the date.
    """
    versions = _ID.findall(row.values.get(find_name(rule.list, row.values), ""))
    if len(versions) < 2:
        return row
    column = next((name for name in ids if name in row.values), ids[0])
    own = row.values.get(column, versions[-1])
    position = versions.index(own) if own in versions else len(versions)
    values = {**row.values, column: versions[0]}
    told = next((row.values[name] for name in at if name in row.values), "")
    written = parse_date(told) or _read_time(own, rule.epoch_ms)
    if position and written:
        values[EDITED] = (written + timedelta(microseconds=position)).isoformat()
    return replace(row, values=values)


def _read_time(own: str, epoch_ms: int | None) -> datetime | None:
    if epoch_ms is None or not own.isdecimal() or len(own) > 19:
        return None
    moment_ms = (int(own) >> _TIME_BITS) + epoch_ms
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment_ms)
