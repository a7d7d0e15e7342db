"""Near-copies in a store: the same whatever came first, and nothing to do the second time."""

from typing import Any

from sqlalchemy import delete, update

from nlp.cleaning import normalize_text, text_hash
from pipelines import tables
from pipelines.copies import mark_copies, note_stale_copies
from pipelines.runs import Run
from tests.pipelines.conftest import add_rows, read_rows
from tests.pipelines.test_link import a_feedback, at

LONG = "The courier left my parcel with a neighbour and nobody told me anything about it"


def said(key: str, text: str, day: int, author: str, **values: Any) -> dict[str, Any]:
    hashed = text_hash(normalize_text(text, "en"))
    row = {"text": text, "lang": "en", "text_hash": hashed, "author_key": author}
    return a_feedback(key, **row, occurred_at=at(day), **values)


ROWS = [
    said("f1", LONG.replace("parcel", "package"), 3, "a"),
    said("f2", f"{LONG.upper()} 😡", 2, "b"),
    said("f3", LONG, 4, "c"),
    said("f4", "great app", 1, "d"),
    said("f5", "Great app!!", 2, "d"),
    said("f6", "Great app 😀", 3, "e"),
]
MARKS = [
    *(("f1", "copy", "f2"), ("f2", None, None), ("f3", "copy", "f2")),
    *(("f4", None, None), ("f5", "copy", "f4"), ("f6", None, None)),
]


def marks(run: Run) -> list[tuple[Any, ...]]:
    return read_rows(run.connection, "feedback", "feedback_id", "noise_reason", "duplicate_of")


def end_run(run: Run) -> None:
    run.connection.execute(update(tables.feedback).values(enriched_run=run.run_id))


def test_near_copies_are_marked_and_row_by_row_gives_the_same_as_all_at_once(run: Run) -> None:
    add_rows(run.connection, "feedback", *ROWS)
    assert mark_copies(run) == 3
    assert marks(run) == MARKS
    likeness = read_rows(run.connection, "likeness")
    assert mark_copies(run) == 0
    run.connection.execute(delete(tables.feedback))
    run.connection.execute(delete(tables.likeness))
    for row in reversed(ROWS):
        add_rows(run.connection, "feedback", row)
        mark_copies(run)
        end_run(run)
    assert marks(run) == MARKS
    assert read_rows(run.connection, "likeness") == likeness


def test_only_groups_with_new_feedback_are_read(run: Run) -> None:
    add_rows(run.connection, "feedback", *ROWS)
    mark_copies(run)
    end_run(run)
    wrong = update(tables.feedback).where(tables.feedback.c.feedback_id == "f5")
    run.connection.execute(wrong.values(duplicate_of=None, found_noise_reason=None))
    add_rows(run.connection, "feedback", said("f7", LONG, 5, "z"))
    assert mark_copies(run) == 1
    note_stale_copies(run.connection)
    assert mark_copies(run) == 1


def test_when_the_text_between_two_goes_they_are_no_copies_any_more(run: Run) -> None:
    bridge = LONG.replace("parcel", "package").replace("courier", "driver")
    texts = (LONG, bridge, bridge.replace("neighbour", "stranger").replace("anything", "something"))
    rows = [said(f"f{n}", text, n + 1, f"v{n}") for n, text in enumerate(texts)]
    add_rows(run.connection, "feedback", *rows)
    assert mark_copies(run) == 2
    end_run(run)
    run.connection.execute(delete(tables.feedback).where(tables.feedback.c.feedback_id == "f1"))
    note_stale_copies(run.connection)
    assert mark_copies(run) == 1
    assert marks(run) == [("f0", None, None), ("f2", None, None)]
