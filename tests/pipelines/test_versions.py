"""Edited feedback: the newest version counts, the older ones are kept, whichever came first."""

import json
from pathlib import Path

import pytest

from pipelines.ingest import ingest_feedback
from pipelines.loading import FileInput, ReadSettings
from pipelines.progress import SilentProgress
from pipelines.reading.files import find_files
from pipelines.runs import Run
from tests.pipelines.conftest import read_rows

SETTINGS = ReadSettings(b"a secret for tests, long enough", "US", "UTC")
SOURCE = Path(__file__).parents[1] / "data" / "sources" / "google_play_console.csv"


def ingest(run: Run, path: Path, *, party: str | None = None) -> None:
    (file,) = find_files([str(path)])
    ingest_feedback(run, [FileInput(file, "play", party=party)], SETTINGS, SilentProgress())


@pytest.mark.parametrize("order", ["at once", "older first", "newer first"])
def test_an_edited_review_replaces_its_older_version_which_is_kept(
    run: Run, tmp_path: Path, order: str
) -> None:
    head, *rows = SOURCE.read_text(encoding="utf-16").splitlines(keepends=True)
    parts = {"at once": [rows], "older first": [rows[:1], rows[1:]]}.get(
        order, [rows[1:], rows[:1]]
    )
    for number, part in enumerate(parts):
        path = tmp_path / f"{number}.csv"
        path.write_text(head + "".join(part), encoding="utf-16", newline="")
        ingest(run, path)
    names = ("text", "rating", "noise_reason", "channel", "party", "stated")
    found = read_rows(run.connection, "feedback", *names)
    assert sorted(found) == [
        ("", 1.0, "empty", "review", "third", "declared"),
        ("", 4.0, "empty", "review", "third", "declared"),
        ("תוקן, תודה רבה!", 5.0, None, "review", "third", "declared"),
        ("سيئ\n\nلا يفتح بعد التحديث", 1.0, None, "review", "third", "declared"),
    ]
    (old,) = read_rows(run.connection, "feedback_version", "text", "rating", "attributes")
    assert old[:2] == ("קורסת אחרי העדכון", 2.0)
    assert old[2]["version"] == "4.1.2"


TWEETS = [
    {"id": "20", "text": "the ap is slow", "edit_history_tweet_ids": ["20"]},
    {"id": "21", "text": "the app is slow", "edit_history_tweet_ids": ["20", "21"]},
    {"id": "22", "text": "the app is very slow", "edit_history_tweet_ids": ["20", "21", "22"]},
    {"id": "30", "text": "never edited", "edit_history_tweet_ids": ["30"]},
]


@pytest.mark.parametrize("at", [None, "2026-05-01T12:00:05.000Z"])
@pytest.mark.parametrize(
    "order", [[[0, 1, 2, 3]], [[2, 3, 0, 1]], [[0], [1, 2, 3]], [[2, 3], [1, 0]]]
)
def test_an_edited_tweet_replaces_its_older_versions_though_each_has_an_id(
    run: Run, tmp_path: Path, order: list[list[int]], at: str | None
) -> None:
    dated = {"created_at": at} if at else {}
    for number, part in enumerate(order):
        page = {"data": [{**TWEETS[each], **dated} for each in part]}
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(page))
        ingest(run, path)
    found = read_rows(run.connection, "feedback", "text")
    assert sorted(found) == [("never edited",), ("the app is very slow",)]
    older = read_rows(run.connection, "feedback_version", "text")
    assert sorted(older) == [("the ap is slow",), ("the app is slow",)]


def test_what_the_configuration_says_of_a_source_comes_before_its_layout(run: Run) -> None:
    ingest(run, SOURCE, party="second")
    assert {row[0] for row in read_rows(run.connection, "feedback", "party")} == {"second"}
