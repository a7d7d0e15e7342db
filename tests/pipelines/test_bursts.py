"""Posts that follow each other faster than anybody types."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from pipelines import tables
from pipelines.bursts import Post, find_bursts
from pipelines.copies import mark_copies, note_stale_copies
from pipelines.runs import Run
from tests.pipelines.conftest import add_rows, read_rows
from tests.pipelines.test_copies import end_run, said

START = datetime(2026, 3, 1, 12, 0, 7, tzinfo=UTC)


def posts(*seconds: float, n_chars: int = 200) -> list[Post]:
    moments = (START + timedelta(seconds=second) for second in seconds)
    return [Post(f"f{number}", moment, n_chars) for number, moment in enumerate(moments)]


@pytest.mark.parametrize(
    ("found", "what"),
    [
        (5, posts(0, 5, 9, 14, 20)),
        (5, posts(0, 5, 9, 14, 20, 400, 800)),  # those that came later were typed
        (0, posts(0, 20, 40, 60, 80)),  # ten characters a second
        (0, posts(0, 5, 9, 14)),  # too few
        (0, posts(0, 5, 10, 15, 20, n_chars=12)),  # short ones
        (0, posts(0, 0, 0, 0, 0, 0)),  # a moment of an import
        (0, posts(0, 0, 0, 0, 1, 1, 1)),
    ],
)
def test_a_burst_is_many_posts_each_too_soon_for_its_length(found: int, what: list[Post]) -> None:
    assert len(find_bursts(what)) == found
    assert find_bursts(what[::-1]) == find_bursts(what)


def test_times_of_whole_minutes_tell_nothing() -> None:
    moments = [START.replace(second=0) + timedelta(minutes=number // 3) for number in range(9)]
    assert not find_bursts([Post(str(n), moment, 2_000) for n, moment in enumerate(moments)])


WORDS = ["late", "broken", "cheap", "dear", "slow", "rude", "warm", "cold"]
ROWS = [
    {
        **said(f"f{number}", f"The {word} one again, and {word} service in the shop " * 4, 1, "a"),
        "occurred_at": START + timedelta(seconds=3 * number),
    }
    for number, word in enumerate(WORDS)
]


def reasons(run: Run) -> list[Any]:
    return read_rows(run.connection, "feedback", "feedback_id", "noise_reason", "duplicate_of")


def test_a_burst_is_marked_the_same_however_it_comes_in(run: Run) -> None:
    again = {**said("f9", ROWS[0]["text"], 2, "b"), "occurred_at": START + timedelta(days=1)}
    rows = [*ROWS, again]
    add_rows(run.connection, "feedback", *rows)
    assert mark_copies(run) == len(ROWS)
    whole = reasons(run)
    assert [row[1] for row in whole] == ["bot_like"] * len(ROWS) + [None]  # the echo is a voice
    assert mark_copies(run) == 0
    run.connection.execute(delete(tables.feedback))
    run.connection.execute(delete(tables.likeness))
    for row in reversed(rows):
        add_rows(run.connection, "feedback", row)
        mark_copies(run)
        end_run(run)
    assert reasons(run) == whole


def test_what_remains_of_a_burst_that_was_forgotten_in_part_counts_again(run: Run) -> None:
    add_rows(run.connection, "feedback", *ROWS)
    mark_copies(run)
    feedback = tables.feedback.c
    run.connection.execute(delete(tables.feedback).where(feedback.feedback_id > "f3"))
    note_stale_copies(run.connection)
    assert mark_copies(run) == 4
    assert [row[1] for row in reasons(run)] == [None] * 4


def test_answers_and_spoken_words_are_no_burst(run: Run) -> None:
    add_rows(run.connection, "feedback", *ROWS)
    for values in ({"question": "Why?"}, {"question": None, "channel": "conversation"}):
        run.connection.execute(update(tables.feedback).values(**values))
        assert mark_copies(run) == 0
