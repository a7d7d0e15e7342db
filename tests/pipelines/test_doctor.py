"""What the doctor says of a store and of unfinished work."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import doctor
from pipelines.database import sqlite_driver
from pipelines.doctor import Finding, examine_machine
from pipelines.journal import (
    MAX_AGE_DAYS,
    Journal,
    journal_path,
    list_journals,
    remove_old_journals,
)
from pipelines.store import open_store


@pytest.fixture(autouse=True)
def no_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder has tests of its own, and takes seconds to prepare."""
    monkeypatch.setattr(doctor, "_check_encoder", lambda _: iter(()))


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    store = open_store(f"sqlite:///{tmp_path}/store.db", create=True)
    store.engine.dispose()
    yield tmp_path / "store.db"


def examine(path: Path, name: str = "store") -> Finding:
    found = examine_machine(path.parent / "cache", path.parent / "secret", f"sqlite:///{path}")
    (finding,) = [each for each in found if each.name == name]
    return finding


def test_a_sound_store_is_fine_and_one_that_is_not_made_yet_a_warning(path: Path) -> None:
    assert examine(path).state == "ok"
    missing = examine(path.with_name("other.db"))
    assert missing.state == "warning"
    assert "there is no store" in missing.detail


def test_a_store_that_is_no_database_is_an_error(path: Path) -> None:
    path.write_bytes(b"not a database, and longer than a header would be" * 100)
    found = examine(path)
    assert (found.state, "not an SQLite database" in found.detail) == ("error", True)


def test_a_store_with_a_damaged_page_is_an_error(path: Path) -> None:
    with sqlite_driver().connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = bytearray(path.read_bytes())
    for page in range(5, len(data) // 4096, 3):
        data[page * 4096 : page * 4096 + 64] = b"\x5a" * 64
    path.write_bytes(data)
    found = examine(path)
    assert (found.state, "damaged" in found.detail) == ("error", True)


def test_a_database_of_others_and_a_newer_store_are_errors(path: Path) -> None:
    other = path.with_name("other.db")
    with sqlite_driver().connect(other) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    assert examine(other).state == "error"
    with sqlite_driver().connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    found = examine(path)
    assert (found.state, "newer than this program" in found.detail) == ("error", True)


def make_journal(path: Path, store_id: str, age_days: float) -> Path:
    journal = journal_path(path.parent / "cache", store_id)
    Journal(journal).close()
    at = time.time() - age_days * 86_400
    os.utime(journal, (at, at))
    return journal


def test_unfinished_work_is_counted_and_goes_after_a_month(path: Path) -> None:
    cache = path.parent / "cache"
    assert examine(path, "unfinished runs").detail == "none"
    young = make_journal(path, "young", MAX_AGE_DAYS - 1)
    own = make_journal(path, "own", MAX_AGE_DAYS + 100)
    make_journal(path, "gone", MAX_AGE_DAYS + 1)
    assert examine(path, "unfinished runs").detail.startswith("3 kept in ")
    assert remove_old_journals(cache, time.time(), keep=own) == 1
    assert list_journals(cache) == [own, young]


def test_a_run_removes_the_old_journals_of_stores_that_are_gone(path: Path) -> None:
    from pipelines.config import Config
    from pipelines.inputs import Inputs
    from pipelines.job import Job, run_steps

    make_journal(path, "gone", MAX_AGE_DAYS + 1)
    config = Config.model_validate({"store": {"url": f"sqlite:///{path}"}})
    cache = path.parent / "cache"
    run_steps(Job(config, cache, secret_path=path.parent / "secret"), "link", ["link"], Inputs())
    assert list_journals(cache) == []
