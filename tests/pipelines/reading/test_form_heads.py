"""The heads of a form's columns, as people and form makers word them in many languages."""

import json
from pathlib import Path

import pytest

from pipelines.reading import recognise_roles

CASES = Path(__file__).parents[2] / "cases" / "form_heads.jsonl"
HEADS = [json.loads(line) for line in CASES.read_text("utf-8").splitlines()]
VALUES = {
    "email": ["a@example.com", "c@example.org", "e.f@example.com", "x@example.org"],
    "phone": ["050-1234567", "052-7654321", "+972541112233", "0501112222"],
    "at": [f"2026/10/0{day} 9:12:33 AM GMT+3" for day in (1, 2, 3, 4)],
    "customer": ["10023", "10024", "10077", "10099"],
    "order": ["A-10023", "A-10024", "A-10077", "A-10099"],
    "product": ["shoes", "hat", "bag", "hat"],
    "rating": ["5", "3", "1", "4"],
}
OPINIONS = [
    "The delivery was three days late and nobody answered my calls",
    "Great service, the staff was friendly and the food was hot",
    "I want my money back, the app keeps crashing on login",
    "Nothing special but it does what it promises for the price",
]


@pytest.mark.parametrize("head", HEADS, ids=lambda head: f"{head['role']}-{head['name']}")
def test_a_column_has_the_role_that_its_head_and_values_say(head):
    name = head["name"]
    rows = [
        {"id": f"r{place}", name: value, "comment": OPINIONS[place]}
        for place, value in enumerate(VALUES[head["role"]])
    ]
    mapping = recognise_roles(list(rows[0]), rows)
    assert mapping.columns == {"id": "id", head["role"]: name}
    assert mapping.texts == ("comment",)
