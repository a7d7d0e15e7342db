"""What a table holds, told from its columns: golden cases of real exports' headers."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.reading import recognise_kind

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "cases" / "kinds.jsonl").read_text().splitlines()
]
N_ROWS = 30
STARTS = ["The delivery was late", "Great service and friendly staff", "I want my money back"]
ENDS = ["and nobody called me", "so I asked again", "which I told the branch", "as always"]
WORDS = ["Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Ginkgo", "Hazel", "Ivy", "Juniper"]


def _say(i: int) -> str:
    return f"{STARTS[i % 3]} {ENDS[i % 4]}, {WORDS[i % 10]} {WORDS[i // 3 % 10]}"


# A value of the i-th row, by the kind of value that a case names.
VALUES: dict[str, Callable[[int], str]] = {
    "choice": lambda i: ["basic", "gold", "open"][i % 3],
    "code": lambda i: f"C-{1000 + i}",
    "country": lambda i: ["IL", "DE", "US"][i % 3],
    "currency": lambda i: "EUR",
    "date": lambda i: f"2026-01-{1 + i % 28:02d}",
    "datetime": lambda i: f"2026-01-{1 + i % 28:02d} 10:{i % 60:02d}:00",
    "email": lambda i: f"user{i}@example.com",
    "few": lambda i: f"C-{i % 7}",
    "fewemail": lambda i: f"user{i % 7}@example.com",
    "ip": lambda i: f"10.0.0.{i}",
    "lang": lambda i: ["en", "he"][i % 2],
    "money": lambda i: f"{10 + i}.50",
    "nps": lambda i: str(i % 11),
    "number": lambda i: str(51_000 + 7 * i),
    "person": lambda i: f"{WORDS[i % 10]} {WORDS[(i * 3 + 1) % 10]}",
    "phone": lambda i: f"+972-50-555{1000 + i}",
    "prose": _say,
    "rare": lambda i: _say(i) if i % 6 == 0 else "",
    "raremoney": lambda i: "12.50" if i == 4 else "",
    "small": lambda i: str(i % 40),
    "stars": lambda i: str(1 + i % 5),
    "title": lambda i: f"{WORDS[i % 10]} {ENDS[i % 4]}",
    "word": lambda i: WORDS[(i * 7) % 10],
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_the_kind_of_a_table_is_told_from_its_columns(case):
    columns = [name for name, _ in case["columns"]]
    rows = [{name: VALUES[kind](i) for name, kind in case["columns"]} for i in range(N_ROWS)]
    found = recognise_kind(columns, rows)
    assert found.kind == case["kind"], found.reason
    random.Random(3).shuffle(rows)
    assert recognise_kind(columns, rows) == found


def test_few_short_comments_beside_a_rating_are_feedback():
    # Words that end with a number look like labels of a scale, and all that is left is a customer.
    said = ("The app crashes", "Love the new design", "ok")
    rows = [
        {
            "Review ID": f"r{i:03d}",
            "Created": f"2026-01-{1 + i:02d} 10:15",
            "Comment": f"{said[i % 3]} ({i})",
            "Stars": str(1 + i % 5),
            "Customer ID": f"c{i % 7}",
        }
        for i in range(10)
    ]
    assert recognise_kind([*rows[0]], rows).kind == "feedback"
