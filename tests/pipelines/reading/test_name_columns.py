"""What a column of names holds is kept nowhere, whether a list knows the name or not."""

import json
from datetime import UTC
from pathlib import Path

from pipelines.reading.files import find_files
from pipelines.reading.mapping import ColumnMap
from pipelines.reading.name_columns import hide_names
from pipelines.reading.opening import open_tables
from pipelines.reading.plans import plan_table
from pipelines.reading.records import feedback_items
from pipelines.reading.sampling import sample_table
from pipelines.reading.tables import BadRow

CASES = Path(__file__).parents[2] / "cases" / "name_columns.jsonl"


def test_columns_of_names_are_private_and_names_of_things_are_not() -> None:
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    columns = [case["column"] for case in cases]
    rows = [dict.fromkeys(columns, "Quaxilla Zorb"), dict.fromkeys(columns, "Mo Qwix")]
    found = hide_names(ColumnMap(), columns, rows).private
    assert list(found) == [case["column"] for case in cases if case["is_private"]]


def test_a_column_of_flags_or_counts_is_kept_and_a_password_of_digits_is_not() -> None:
    rows = [
        {
            "Member": "yes",
            "Guests": "2",
            "Agent": "",
            "Password": "abc123",
            "Last contact": "2026-01-02",
        },
        {
            "Member": "no",
            "Guests": "3",
            "Agent": "",
            "Password": "9",
            "Last contact": "2026-02-03 10:00",
        },
    ]
    assert hide_names(ColumnMap(), list(rows[0]), rows).private == ("Agent", "Password")


def test_no_name_of_such_a_column_reaches_attributes_or_rejected_rows(tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv"
    path.write_text(
        "Comment,Rating,Agent,Hall,Signature\n"
        + "".join(
            f"The delivery was {n} days late and nobody called me,{n},Quaxilla Zorb,North,Q. Zorb\n"
            for n in range(1, 5)
        )
        + ",3,Quaxilla Zorb,North,Q. Zorb\n",
        encoding="utf-8",
    )
    (file,) = find_files([str(path)])
    plan = plan_table(sample_table(next(open_tables(file))))
    items = list(feedback_items(next(open_tables(file)), plan.mapping, plan.formats, UTC))
    bad = [item for item in items if isinstance(item, BadRow)]
    assert len(bad) == 1 and "Zorb" not in bad[0].raw
    kept = [item.attributes for item in items if not isinstance(item, BadRow)]
    assert kept == [{"Hall": "North"}] * 4
