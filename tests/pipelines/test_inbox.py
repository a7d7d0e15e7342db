"""An inbox: each file once, moved when its rows are in the store, whatever happens in between."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from sqlalchemy import insert

from pipelines import inbox, tables
from pipelines.config import Config
from pipelines.errors import ConfigError, LockedError
from pipelines.inbox import Asked, InboxResult, empty_inbox
from pipelines.job import Job
from pipelines.store import Store
from tests.pipelines.conftest import read_rows
from tests.pipelines.store_copies import open_copy

HEAD = "id,comment,created_at,customer_id\n"
FILES = {
    "b-reviews.csv": HEAD
    + "".join(f"{i},Delivery {i} was late,2026-01-05,C{i}\n" for i in range(9)),
    "a-crm.csv": "customer_id,email,segment\n"
    + "".join(f"C{i},c{i}@x.example,S\n" for i in range(9)),
    "c-bad.csv": "x,y\n1,2\n3,4\n",
    "d.pdf": "%PDF-1.7",
    "e-rows.csv": HEAD + "10,Great help,2026-01-05,C1\n11,,2026-01-05,C2\n",
    "f.csv.part": HEAD,
    ".hidden.csv": HEAD,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "inbox"
    made.mkdir()
    for name, text in FILES.items():
        put(made, name, text)
    (made / "sub").mkdir()
    (made / "link.csv").symlink_to(made / "b-reviews.csv")
    return made


def put(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")
    os.utime(folder / name, (1, 1))


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setenv("EARFUL_SECRET", "0123456789abcdef0123456789abcdef")
    url = f"sqlite:///{tmp_path}/s.db"
    open_copy(url, "empty").engine.dispose()
    return Job(Config.model_validate({"store": {"url": url}}), tmp_path / "cache")


def look(job: Job, folder: Path, **asked: Any) -> InboxResult:
    return empty_inbox(job, folder, Asked("shop", **{"settle_s": 0.0, **asked}), ["link"])


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file() and not path.is_symlink()}


LEFT = {"f.csv.part", ".hidden.csv", ".earful.lock"}
ROWS = ("feedback", "customer", "rejected", "input_file")


def rows_of(job: Job) -> dict[str, list[Any]]:
    store = open_copy_again(job)
    columns = {
        "feedback": ("feedback_id", "text", "customer_id"),
        "customer": ("customer_id", "content_hash"),
        "rejected": ("rejected_id", "reason"),
        "input_file": ("file_hash", "settings_hash", "n_read", "n_rejected"),
    }
    with store.read() as connection:
        return {name: read_rows(connection, name, *columns[name]) for name in ROWS}


def open_copy_again(job: Job) -> Store:
    from pipelines.store import open_store

    return open_store(job.config.store.url)


def test_each_file_is_read_once_and_moved_with_its_outcome(job: Job, folder: Path) -> None:
    found = look(job, folder)
    assert [(each.file, each.outcome, each.n_read, each.n_rejected) for each in found.files] == [
        ("a-crm.csv", "done", 9, 0),
        ("b-reviews.csv", "done", 9, 0),
        ("c-bad.csv", "failed", 0, 0),
        ("d.pdf", "failed", 0, 0),
        ("e-rows.csv", "done", 2, 1),
    ]
    assert names(folder) == LEFT
    assert names(folder / "done") == {"a-crm.csv", "b-reviews.csv", "e-rows.csv"}
    assert names(folder / "failed") == {
        *("c-bad.csv", "c-bad.csv.reason.txt", "d.pdf", "d.pdf.reason.txt"),
    }
    assert "no column looks like feedback" in (folder / "failed/c-bad.csv.reason.txt").read_text()
    assert (found.counts["n_read"], found.counts["n_new"], found.counts["n_customers"]) == (
        11,
        10,
        9,
    )
    rows = rows_of(job)
    assert all(row[2] for row in rows["feedback"])  # customers were read before
    (folder / "f.csv.part").unlink()
    put(folder, "b-reviews.csv", FILES["b-reviews.csv"])
    put(folder, "d.pdf", "%PDF-1.7")
    again = look(job, folder)
    assert [each.moved_to for each in again.files] == ["done/b-reviews (2).csv", "failed/d (2).pdf"]
    assert again.counts["n_known"] == 9 and not again.counts["n_new"]
    assert rows_of(job) == rows
    assert look(job, folder) == InboxResult()


@pytest.mark.parametrize("where", ["before", "after"])
def test_killed_at_any_moment_the_next_look_ends_as_if_nothing_had_been(
    job: Job, folder: Path, tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(range(100))
    stop_at = -1

    def trip(name: str) -> None:
        work = getattr(inbox, name)

        def stop_or_work(*args: Any, **options: Any) -> Any:
            is_here = next(moments) == stop_at
            if is_here and where == "before":
                raise KeyboardInterrupt
            result = work(*args, **options)
            if is_here:
                raise KeyboardInterrupt
            return result

        monkeypatch.setattr(inbox, name, stop_or_work)

    for name in ("run_steps", "_move", "_fail"):  # all that commits or moves
        trip(name)
    n_stops = 0
    for stop_at in range(100):  # noqa: B007 -- read by stop_or_work
        moments = iter(range(100))
        try:
            look(job, folder)
        except KeyboardInterrupt:
            n_stops += 1
        else:
            break
    assert n_stops >= 2
    moments = iter(range(-100, 0))
    assert names(folder) == LEFT
    assert names(folder / "done") == {"a-crm.csv", "b-reviews.csv", "e-rows.csv"}
    assert {"c-bad.csv", "d.pdf"} <= names(folder / "failed")
    rows = rows_of(job)
    assert [len(rows[name]) for name in ROWS] == [10, 9, 1, 3]
    assert all(row[2] for row in rows["feedback"])


def test_a_file_that_is_being_written_is_left_alone(job: Job, folder: Path) -> None:
    with (folder / "b-reviews.csv").open("a") as writer:
        writer.write("100,Late")
        writer.flush()
        os.utime(folder / "b-reviews.csv", (1, 1))
        found = look(job, folder)
        (waiting,) = found.list_files("waiting")
        assert (waiting.file, waiting.reason) == (
            *("b-reviews.csv", "it is still being written: a program has it open"),
        )
        writer.write(" again,2026-01-05,C1\n")
    assert "b-reviews.csv" in names(folder)
    found = look(job, folder, settle_s=0.05)
    assert [(each.file, each.n_read, each.n_rejected) for each in found.files] == [
        ("b-reviews.csv", 10, 0)
    ]


def test_a_file_that_grows_while_it_settles_or_is_read_stays(
    job: Job, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "e-rows.csv"

    def append(_seconds: float) -> None:
        path.write_text(path.read_text() + "12,Nice,2026-01-05,C3\n")

    monkeypatch.setattr(time, "sleep", append)
    path.touch()
    found = look(job, folder, settle_s=60.0)
    assert [(each.file, each.reason) for each in found.list_files("waiting")] == [
        ("e-rows.csv", "it is still being written: its size or time changed")
    ]
    read = inbox.run_steps

    def read_and_append(*args: Any) -> Any:
        result = read(*args)
        if args[2] == inbox.READING_STEPS:
            path.write_text(path.read_text() + "13,Good,2026-01-05,C4\n")
        return result

    monkeypatch.setattr(inbox, "run_steps", read_and_append)
    (waiting,) = look(job, folder).list_files("waiting")
    assert (waiting.n_read, waiting.reason) == (3, "it was written to while it was read")
    monkeypatch.setattr(inbox, "run_steps", read)
    (done,) = look(job, folder).list_files("done")
    assert (done.n_read, done.moved_to) == (4, "done/e-rows.csv")
    assert len([row for row in rows_of(job)["feedback"] if row[1] in ("Nice", "Good")]) == 2


def test_what_is_no_fault_of_a_file_leaves_all_where_they_are(job: Job, folder: Path) -> None:
    before = names(folder)
    with pytest.raises(ConfigError, match="there is no folder"):
        look(job, folder / "none")
    with open_copy_again(job).write() as connection:
        info = {"name": "secret_fingerprint", "value": "another"}
        connection.execute(insert(tables.store_info).values(info))
    with pytest.raises(ConfigError, match="another secret"):
        look(job, folder)
    assert names(folder) - {".earful.lock"} == before - {"d.pdf"}  # whose kind nobody reads
    with FileLock(folder / ".earful.lock"), pytest.raises(LockedError):
        look(job, folder)


def test_a_mapping_that_a_file_lacks_fails_that_file_alone(job: Job, folder: Path) -> None:
    for name in FILES:
        (folder / name).unlink()
    put(folder, "a.csv", "n,Kommentar\n1,Too late\n")
    put(folder, "b.csv", "n,Comment\n1,Too late again\n")
    found = look(job, folder, pairs=("text=Comment", "id=n"))
    assert [(each.file, each.outcome) for each in found.files] == [
        *(("a.csv", "failed"), ("b.csv", "done")),
    ]
    assert "there is no column 'Comment'" in (folder / "failed/a.csv.reason.txt").read_text()


def test_describing_a_look_is_plain_json() -> None:
    from pipelines.cli.inbox import describe_inbox

    found = InboxResult([inbox.FileOutcome("a.csv", "done", "done/a.csv", n_read=3)], {"n_read": 3})
    assert json.loads(json.dumps(describe_inbox(found))) == {
        "files": [
            {
                "file": "a.csv",
                "outcome": "done",
                "moved_to": "done/a.csv",
                "reason": None,
                "n_read": 3,
                "n_rejected": 0,
            }
        ],
        "run_id": None,
        "n_read": 3,
    }


def test_an_export_without_a_review_is_done_with_no_rows(job: Job, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    labels = {name: {"label": "x"} for name in ("id", "title", "updated")}
    put(folder, "page.json", json.dumps({"feed": labels}))
    (found,) = look(job, folder).files
    assert (found.outcome, found.n_read, found.reason) == ("done", 0, None)
