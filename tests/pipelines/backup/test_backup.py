"""A backup is the store, checked; a restore loses nothing and brings nobody back who was erased."""

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from pipelines import tables
from pipelines.backup.archive import read_manifest
from pipelines.backup.making import back_up_store
from pipelines.backup.restoring import Restored, restore_store
from pipelines.config import Config
from pipelines.errors import ConfigError, EarfulError, InputError, StoreError
from pipelines.rights.forgetting import forget_person
from pipelines.rights.ledger import Ledger, find_ledger
from pipelines.rights.people import Asked
from pipelines.rights.purging import purge_store
from pipelines.runs import begin_run
from pipelines.store import Store, open_store
from tests.command_line import make_call
from tests.pipelines.planted import PlantedJob, copy_tables
from tests.pipelines.rights.people import (
    SECRET,
    hash_person_keys,
    make_people_job,
    name_customer,
    open_people,
    read_texts,
)

WHO = 4
NAME = name_customer(WHO)
OWN_NOTES = ("audit", "erasure", "blocked_key", "run", "store_info", "input_file")


@pytest.fixture
def people(store_url: str) -> Iterator[Store]:
    store = open_people(store_url)
    yield store
    store.engine.dispose()


@pytest.fixture
def job(sqlite_url: str, tmp_path: Path) -> Iterator[PlantedJob]:
    store = open_people(sqlite_url)
    yield make_people_job(store, tmp_path / "job")
    store.engine.dispose()


def move_job(job: PlantedJob, url: str) -> PlantedJob:
    config = Config.model_validate({"store": {"url": url}})
    return replace(job, config=config)


def back_up(job: PlantedJob, path: Path) -> Path:
    back_up_store(open_store(job.config.store.url), path, find_ledger(job))
    return path


def restore(job: PlantedJob, path: Path, url: str, ledger: Ledger | None = None) -> Restored:
    there = move_job(job, url)
    return restore_store(there, path, ledger or find_ledger(there))


def canonical(value: object) -> object:
    """PostgreSQL orders the keys of a JSON object in its own way."""
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value


def list_rows(url: str) -> dict[str, list[str]]:
    store = open_store(url)
    with store.read() as connection:
        found = {
            name: sorted(repr([canonical(value) for value in row]) for row in rows)
            for name, table in tables.metadata.tables.items()
            for rows in [connection.execute(select(table)).all()]
        }
    store.engine.dispose()
    assert len(found.pop("audit")) <= 1
    return found


def test_a_store_comes_back_row_by_row_from_both_databases_into_both(
    people: Store, postgres_url: str, tmp_path: Path
) -> None:
    from tests.pipelines.store_copies import make_postgres_database

    job = make_people_job(people, tmp_path / "job")
    path = back_up(job, tmp_path / "nightly.earful")
    assert path.stat().st_mode & 0o777 == 0o600
    before = list_rows(job.config.store.url)
    assert sum(map(len, before.values())) > 500
    for url in (f"sqlite:///{tmp_path}/again.db", make_postgres_database(postgres_url)):
        done = restore(job, path, url)
        assert (done.n_erasures, done.problems) == (0, ())
        assert done.n_rows == sum(map(len, before.values()))
        assert list_rows(url) == before
    assert (tmp_path / "again.db").stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith(".")) == []


def test_a_backup_is_the_state_before_a_run_that_still_writes(
    job: PlantedJob, tmp_path: Path
) -> None:
    store = open_store(job.config.store.url)
    before = list_rows(job.config.store.url)
    with begin_run(store, "run", config_hash="", lock_timeout_s=1) as run:
        run.connection.execute(update(tables.feedback).values(lang="xx"))
        run.connection.execute(insert(tables.customer).values(customer_id="of half a run"))
        path = back_up(job, tmp_path / "b.earful")
    restore(job, path, f"sqlite:///{tmp_path}/again.db")
    again = list_rows(f"sqlite:///{tmp_path}/again.db")
    assert {each for each in again if again[each] != before[each]} == {"run"}
    assert [row for row in again["run"] if "'running'" in row]


def test_nothing_is_overwritten(job: PlantedJob, tmp_path: Path) -> None:
    path = back_up(job, tmp_path / "b.earful")
    kept = path.read_bytes()
    with pytest.raises(ConfigError, match="overwrites nothing"):
        back_up(job, path)
    assert path.read_bytes() == kept
    with pytest.raises(ConfigError, match="restore overwrites nothing"):
        restore(job, path, job.config.store.url)


def _flip_a_bit(content: bytes) -> bytes:
    """An archive with a bit flipped in its middle, where that changes what it holds.

    Of a run of zeros the same is unpacked from another distance.
    """
    for place in range(len(content) // 2, len(content)):
        damaged = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        try:
            zipfile.ZipFile(io.BytesIO(damaged)).read("store.sqlite")
        except (zipfile.BadZipFile, zlib.error):
            return damaged
    raise AssertionError("no bit matters")


@pytest.mark.parametrize("damage", ["byte", "cut", "other", "manifest", "text"])
def test_a_damaged_backup_is_refused_and_leaves_nothing(
    job: PlantedJob, tmp_path: Path, damage: str
) -> None:
    path = back_up(job, tmp_path / "b.earful")
    content = path.read_bytes()
    if damage == "byte":
        path.write_bytes(_flip_a_bit(content))
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "text":
        path.write_text("not a zip")
    else:
        manifest = json.loads(zipfile.ZipFile(path).read("manifest.json"))
        manifest["counts" if damage == "manifest" else "sha256"] = (
            {"feedback": 7} if (damage == "manifest") else "0" * 64
        )
        store = zipfile.ZipFile(path).read("store.sqlite")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("../../evil.txt", "climbs")
            archive.writestr("manifest.json", json.dumps(manifest))
            archive.writestr("store.sqlite", store)
    with pytest.raises(EarfulError):
        restore(job, path, f"sqlite:///{tmp_path}/again/again.db")
    (tmp_path / "again").mkdir()
    with pytest.raises((InputError, StoreError)):
        restore(job, path, f"sqlite:///{tmp_path}/again/again.db")
    assert list((tmp_path / "again").iterdir()) == []
    assert not list(tmp_path.parent.rglob("evil.txt"))


def test_whoever_was_erased_since_a_backup_is_not_in_what_is_restored(
    job: PlantedJob, tmp_path: Path
) -> None:
    store = open_store(job.config.store.url)
    words = read_texts(store, NAME)
    path = back_up(job, tmp_path / "b.earful")
    receipt = forget_person(job, Asked(customer=NAME))
    done = restore(job, path, f"sqlite:///{tmp_path}/again.db")
    assert (done.n_erasures, done.problems) == (1, ())
    again = open_store(f"sqlite:///{tmp_path}/again.db")
    assert read_texts(again, NAME) == []
    expected, found = copy_tables(store), copy_tables(again)
    for name in OWN_NOTES:
        expected.pop(name, None), found.pop(name, None)
    assert found == expected
    with again.read() as connection:
        row = connection.execute(select(tables.erasure)).one()
        audit = connection.execute(select(tables.audit)).mappings().all()
    assert row.request_id == receipt.request_id
    assert row.finished_at is not None
    assert [each["command"] for each in audit] == ["restore"]
    assert audit[0]["result"] == {"erasures": 1, "stated_none": False}
    again.engine.dispose()
    content = (tmp_path / "again.db").read_bytes()
    for trace in [NAME, *words, *hash_person_keys(WHO).values()]:
        assert trace.encode() not in content, trace
    ledger = find_ledger(job).path
    assert ledger.stat().st_mode & 0o777 == 0o600
    for trace in [NAME, *hash_person_keys(WHO).values()]:
        assert trace not in ledger.read_text(), trace


def test_what_was_purged_since_a_backup_is_not_in_what_is_restored(
    job: PlantedJob, tmp_path: Path
) -> None:
    with open_store(job.config.store.url).write() as connection:
        connection.execute(update(tables.feedback).values(ingested_at=None))
    path = back_up(job, tmp_path / "b.earful")
    purge_store(job, "1d", is_dry=False)
    store = open_store(job.config.store.url)
    left = copy_tables(store)["feedback"]
    done = restore(job, path, f"sqlite:///{tmp_path}/again.db")
    assert done.n_erasures == 1
    assert copy_tables(open_store(f"sqlite:///{tmp_path}/again.db"))["feedback"] == left


def test_a_ledger_that_does_not_know_the_backup_is_not_taken_for_one_without_erasures(
    job: PlantedJob,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = back_up(job, tmp_path / "b.earful")
    kept = tmp_path / "kept.jsonl"
    find_ledger(job).path.rename(kept)
    url = f"sqlite:///{tmp_path}/again.db"
    with pytest.raises(StoreError, match="does not know this backup"):
        restore(job, path, url)
    assert not (tmp_path / "again.db").exists()
    assert restore(job, path, url, Ledger(kept)).n_erasures == 0
    monkeypatch.setenv("EARFUL_SECRET", SECRET)
    call = make_call(capsys)
    done = call("restore", path, "--db", tmp_path / "stated.db", "--no-erasures")
    assert done.code == 0
    assert "give them again" in " ".join(done.out.split())
    with open_store(f"sqlite:///{tmp_path}/stated.db").read() as connection:
        result = connection.execute(select(tables.audit.c.result)).scalar_one()
    assert result == {"erasures": 0, "stated_none": True}
    kept.write_text("{\n")
    with pytest.raises(InputError, match=r"damaged \(line 1\)"):
        restore(job, path, f"sqlite:///{tmp_path}/third.db", Ledger(kept))


def test_nobody_is_erased_where_the_ledger_cannot_be_written(
    job: PlantedJob, tmp_path: Path
) -> None:
    find_ledger(job).path.mkdir()
    with pytest.raises(StoreError, match="nothing was done"):
        forget_person(job, Asked(customer=NAME))
    assert read_texts(open_store(job.config.store.url), NAME) != []


def test_a_backup_needs_the_secret_that_it_was_made_with(
    job: PlantedJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.secret import fingerprint_secret
    from pipelines.store import write_info

    with open_store(job.config.store.url).write() as connection:
        write_info(connection, "secret_fingerprint", fingerprint_secret(SECRET.encode()))
    path = back_up(job, tmp_path / "b.earful")
    assert SECRET.encode() not in path.read_bytes()
    monkeypatch.setenv("EARFUL_SECRET", "another secret, long enough")
    with pytest.raises(ConfigError, match="another secret"):
        restore(job, path, f"sqlite:///{tmp_path}/again.db")


def test_the_command_tells_what_it_wrote(
    job: PlantedJob,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = tmp_path / "c.earful"
    done = make_call(capsys)("backup", path, "--db", job.config.store.url, "--json")
    assert done.code == 0
    assert json.loads(done.out)["sha256"] == read_manifest(path).sha256
    assert (tmp_path / "config" / "earful" / "erasures.jsonl").is_file()
