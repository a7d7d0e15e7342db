"""Links by the best key, and copies of one voice, on both databases."""

from datetime import UTC, datetime
from typing import Any

from pipelines.copies import mark_copies
from pipelines.link import find_customers, link_feedback
from pipelines.repeats import LONG_TEXT_CHARS
from pipelines.runs import Run
from tests.pipelines.conftest import add_rows, read_rows


def a_feedback(key: str, **values: Any) -> dict[str, Any]:
    return {"feedback_id": key, "source": "s", "text": "some words", **values}


def a_key(kind: str, key_hash: str, customer_id: str) -> dict[str, Any]:
    return {"key_type": kind, "key_hash": key_hash, "customer_id": customer_id, "source": "crm"}


def links(run: Run) -> dict[str, tuple[str | None, str | None, float | None]]:
    names = ("feedback_id", "customer_id", "link_method", "link_confidence")
    return {row[0]: row[1:] for row in read_rows(run.connection, "feedback", *names)}


def link_keys(run: Run, feedback_id: str, **keys: str) -> None:
    for kind, key_hash in keys.items():
        row = {"feedback_id": feedback_id, "key_type": kind, "key_hash": key_hash}
        add_rows(run.connection, "feedback_key", row)


def test_the_own_id_comes_before_the_mail_and_the_mail_before_the_handle(run: Run) -> None:
    add_rows(run.connection, "feedback", *(a_feedback(key) for key in ("f1", "f2", "f3", "f4")))
    add_rows(
        run.connection,
        "customer_key",
        a_key("customer_id", "i", "c-id"),
        a_key("email", "e", "c-mail"),
        a_key("handle", "h", "c-handle"),
    )
    link_keys(run, "f1", customer_id="i", email="e", handle="h")
    link_keys(run, "f2", customer_id="unknown", email="e", handle="h")
    link_keys(run, "f3", handle="h")
    assert link_feedback(run) == 3
    assert links(run) == {
        "f1": ("c-id", "customer_id", 1.0),
        "f2": ("c-mail", "email", 0.99),
        "f3": ("c-handle", "handle", 0.9),
        "f4": (None, None, None),
    }
    assert link_feedback(run) == 0


def test_a_key_that_two_customers_share_links_nobody(run: Run) -> None:
    add_rows(run.connection, "feedback", a_feedback("f1"))
    add_rows(run.connection, "customer_key", a_key("phone", "p", "c1"), a_key("phone", "p", "c2"))
    link_keys(run, "f1", phone="p")
    assert link_feedback(run) == 0
    assert find_customers(run.connection, ["p"]) == {}


def test_feedback_is_linked_when_the_customers_come_later_and_unlinked_when_they_go(
    run: Run,
) -> None:
    from sqlalchemy import delete

    from pipelines import tables

    add_rows(run.connection, "feedback", a_feedback("f1"))
    link_keys(run, "f1", email="e")
    assert link_feedback(run) == 0
    add_rows(run.connection, "customer_key", a_key("email", "e", "c1"))
    assert link_feedback(run) == 1
    assert find_customers(run.connection, ["e", "x"]) == {"e": "c1"}
    run.connection.execute(delete(tables.customer_key))
    assert link_feedback(run) == 1
    assert links(run)["f1"] == (None, None, None)


def noise(run: Run) -> dict[str, tuple[str | None, str | None]]:
    names = ("feedback_id", "noise_reason", "duplicate_of")
    return {row[0]: row[1:] for row in read_rows(run.connection, "feedback", *names)}


def at(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


def test_one_voice_saying_the_same_again_is_a_copy_and_another_voice_is_not(run: Run) -> None:
    add_rows(
        run.connection,
        "feedback",
        a_feedback("f1", text_hash="h", author_key="a", occurred_at=at(3)),
        a_feedback("f2", text_hash="h", author_key="a", occurred_at=at(1)),
        a_feedback("f3", text_hash="h", author_key="b", occurred_at=at(2)),
        a_feedback("f4", text_hash="h", occurred_at=at(1)),
        a_feedback("f5", text_hash="h", occurred_at=at(1)),
    )
    assert mark_copies(run) == 1
    assert noise(run) == {
        "f1": ("copy", "f2"),
        **dict.fromkeys(("f2", "f3", "f4", "f5"), (None, None)),
    }
    assert mark_copies(run) == 0


def test_a_long_text_of_others_is_a_copy_of_the_first(run: Run) -> None:
    long = "x" * LONG_TEXT_CHARS
    add_rows(
        run.connection,
        "feedback",
        a_feedback("f1", text=long, text_hash="h", author_key="a", occurred_at=at(2)),
        a_feedback("f2", text=long, text_hash="h", author_key="b", occurred_at=at(1)),
        a_feedback("f3", text=long, text_hash="h", author_key="c"),
    )
    mark_copies(run)
    assert noise(run) == {"f1": ("copy", "f2"), "f2": (None, None), "f3": ("copy", "f2")}


def test_an_earlier_original_that_comes_later_takes_over(run: Run) -> None:
    row = {"text_hash": "h", "author_key": "a"}
    add_rows(run.connection, "feedback", a_feedback("f2", **row, occurred_at=at(2)))
    assert mark_copies(run) == 0
    add_rows(run.connection, "feedback", a_feedback("f1", **row, occurred_at=at(1)))
    mark_copies(run)
    assert noise(run) == {"f1": (None, None), "f2": ("copy", "f1")}


def test_other_noise_is_left_alone(run: Run) -> None:
    row = {
        "text_hash": "h",
        "author_key": "a",
        "noise_reason": "spam",
        "found_noise_reason": "spam",
    }
    add_rows(run.connection, "feedback", a_feedback("f1", **row), a_feedback("f2", **row))
    assert mark_copies(run) == 0
