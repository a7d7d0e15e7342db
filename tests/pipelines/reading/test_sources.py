"""Every known layout, each with a small file as its tool writes it, held against what it must give.

`EXPECTED` holds for each file in tests/data/sources its layout, rows, rejections and items. After a
change that is meant, write it anew and read the difference:
    python -m tests.pipelines.reading.test_sources
"""

import json
from dataclasses import fields
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipelines.reading import (
    BadRow,
    Tally,
    customer_records,
    event_records,
    feedback_items,
    find_files,
    open_tables,
    plan_table,
    sample_table,
)
from pipelines.reading.layouts import load_layouts

FOLDER = Path(__file__).parents[2] / "data" / "sources"
EXPECTED = FOLDER / "expected.json"
FILES = sorted(path for path in FOLDER.iterdir() if path != EXPECTED)
READERS = {"feedback": feedback_items, "customers": customer_records, "events": event_records}
ZONE = ZoneInfo("Asia/Jerusalem")


def read_export(path: Path, zone: tzinfo = ZONE) -> dict[str, Any]:
    """What a file gives, as plain values."""
    (file,) = find_files([str(path)])
    (sample,) = [sample_table(table) for table in open_tables(file)]
    (table,) = open_tables(file)
    plan = plan_table(sample)
    tally = Tally()
    read = READERS[plan.kind.kind]
    found = list(read(table, plan.mapping, plan.formats, zone, tally))
    return {
        "layout": table.recognised.layout.id if table.recognised else None,
        "n_rows": tally.n_rows,
        "unread": [tally.count_unread(what) for what in ("date", "rating", "amount")],
        "rejected": [[row.number, row.reason] for row in found if isinstance(row, BadRow)],
        "items": [describe(item) for item in found if not isinstance(item, BadRow)],
    }


def describe(item: Any) -> dict[str, Any]:
    values = {field.name: getattr(item, field.name) for field in fields(item)}
    del values["file"]
    if origin := values.pop("origin", None):
        values["origin"] = f"{origin.channel} {origin.party} {origin.stated}"
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
        if value not in (None, {})
    }


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(EXPECTED.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_an_export_gives_what_it_holds(path: Path, expected: dict[str, Any]) -> None:
    assert read_export(path) == expected[path.name]


def test_every_layout_has_a_file_and_every_file_is_of_a_layout(expected: dict[str, Any]) -> None:
    assert {*expected} == {path.name for path in FILES}
    assert {each["layout"] for each in expected.values()} == {each.id for each in load_layouts()}
    for name, each in expected.items():
        assert each["layout"] == name.split(".")[0].split("-")[0]


def test_no_key_of_a_person_stays_among_the_attributes(expected: dict[str, Any]) -> None:
    """Kept beside its hash, it would undo it: an author's id that stands in two columns."""
    for name, each in expected.items():
        for item in each["items"]:
            keys = {item.get(key) for key in ("author", "email", "phone", "handle", "customer")}
            kept = {*item.get("attributes", {}).values()} & keys
            assert not kept, (name, item["row_number"])


def write_expected() -> None:
    """Write what the files give now."""
    found = {path.name: read_export(path) for path in FILES}
    EXPECTED.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_expected()
