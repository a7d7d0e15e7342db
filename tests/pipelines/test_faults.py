"""Full and failing disks, cut connections, clocks set back, killed programs: nothing is lost."""

import errno
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select, text

from pipelines import journal, runs, tables
from pipelines.cli import app
from pipelines.errors import ConfigError, LockedError, StoreError
from pipelines.journal import Journal, Reading
from pipelines.migrations import SCHEMA_VERSION
from pipelines.network_files import find_network_kind, refuse_network_files
from pipelines.replacing import replace_file
from pipelines.rights.forgetting import forget_person, list_open
from pipelines.rights.outputs import record_output, rewrite_outputs
from pipelines.rights.people import Asked
from pipelines.runs import begin_run
from pipelines.store import Store, open_store, read_info, upgrade_store
from tests.pipelines.conftest import add_rows, read_rows
from tests.pipelines.rights.people import make_people_job, name_customer, open_people
from tests.pipelines.store_contents import compare_contents, read_contents
from tests.pipelines.store_copies import do_on_server, name_postgres_database, open_copy

Mount = Callable[..., Path]


@pytest.fixture
def postgres_store(postgres_url: str) -> Iterator[Store]:
    opened = open_copy(name_postgres_database(postgres_url), "empty")
    yield opened
    opened.engine.dispose()


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Mount something in a new folder; skip where only root may."""
    mounted: list[Path] = []

    def mount_in(*arguments: str) -> Path:
        folder = tmp_path / f"mounted-{len(mounted)}"
        folder.mkdir()
        done = subprocess.run(["mount", *arguments, folder], capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr.decode().strip()}")
        mounted.append(folder)
        return folder

    yield mount_in
    for folder in mounted:
        subprocess.run(["umount", "--lazy", folder], check=True)


def make_customers(store: Store, *names: str, padding: str = "") -> None:
    with begin_run(store, "test", config_hash="", lock_timeout_s=1) as run:
        for name in names:
            add_rows(run.connection, "customer", {"customer_id": name, "segment": padding})


def list_customers(store: Store) -> list[str]:
    with store.read() as connection:
        return [name for (name,) in read_rows(connection, "customer", "customer_id")]


def list_statuses(store: Store) -> list[str]:
    with store.read() as connection:
        return [status for (status,) in read_rows(connection, "run", "status")]


def test_a_disk_that_is_full_in_the_middle_takes_the_run_back_and_one_more_finishes_it(
    mount: Mount,
) -> None:
    folder = mount("-t", "tmpfs", "-o", "size=3m", "tmpfs")
    store = open_store(f"sqlite:///{folder}/s.db", create=True)
    make_customers(store, "c1")
    large = [f"c{number}" for number in range(2, 40)]
    with pytest.raises(StoreError, match="the disk is full; free some space, then run the same"):
        make_customers(store, *large, padding="x" * 100_000)
    subprocess.run(["mount", "-o", "remount,size=30m", folder], check=True)
    assert list_customers(store) == ["c1"]
    make_customers(store, *large, padding="x" * 100_000)
    assert list_customers(store) == sorted(["c1", *large])
    assert list_statuses(store)[0] == list_statuses(store)[-1] == "done"
    assert "running" not in list_statuses(store)
    store.engine.dispose()


def test_a_disk_that_turns_read_only_in_the_middle_takes_the_run_back(
    mount: Mount, tmp_path: Path
) -> None:
    image = tmp_path / "disk.img"
    image.write_bytes(b"")
    with image.open("r+b") as file:
        file.truncate(16 * 2**20)
    made = subprocess.run(["mkfs.ext4", "-q", "-F", image], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("there is no mkfs.ext4")
    folder = mount("-o", "loop", str(image))
    store = open_store(f"sqlite:///{folder}/s.db", create=True)
    make_customers(store, "c1")
    with (
        pytest.raises(StoreError, match=r"the disk gave an error|cannot be written"),
        begin_run(store, "test", config_hash="", lock_timeout_s=1) as run,
    ):
        add_rows(run.connection, "customer", {"customer_id": "c2"})
        # As the kernel does when the disk fails.
        subprocess.run(["mount", "-o", "remount,abort", folder], check=True)
    store.engine.dispose()
    subprocess.run(["umount", folder], check=True)
    subprocess.run(["mount", "-o", "loop", image, folder], check=True)
    again = open_store(f"sqlite:///{folder}/s.db")
    assert list_customers(again) == ["c1"]
    make_customers(again, "c2")
    assert list_customers(again) == ["c1", "c2"]
    assert list_statuses(again) == ["done", "interrupted", "done"]
    again.engine.dispose()


@pytest.mark.postgres
def test_a_connection_that_is_cut_takes_the_run_back_and_says_so(postgres_store: Store) -> None:
    make_customers(postgres_store, "c1")
    with (
        pytest.raises(StoreError, match="ended the session"),
        begin_run(postgres_store, "test", config_hash="", lock_timeout_s=1) as run,
    ):
        add_rows(run.connection, "customer", {"customer_id": "c2"})
        end_sessions(postgres_store)
        add_rows(run.connection, "customer", {"customer_id": "c3"})
    assert list_customers(postgres_store) == ["c1"]
    make_customers(postgres_store, "c2", "c3")
    assert list_customers(postgres_store) == ["c1", "c2", "c3"]


@pytest.mark.postgres
def test_a_run_whose_lock_was_cut_keeps_others_out_and_finishes(postgres_store: Store) -> None:
    url = postgres_store.url.render_as_string(hide_password=False)
    other = open_store(url)
    with begin_run(postgres_store, "first", config_hash="", lock_timeout_s=1) as run:
        add_rows(run.connection, "customer", {"customer_id": "c1"})
        end_sessions(postgres_store, "application_name LIKE 'earful first, process %'")
        with (
            pytest.raises(LockedError, match="another run holds"),
            begin_run(other, "second", config_hash="", lock_timeout_s=0.1),
        ):
            pass
    assert list_customers(postgres_store) == ["c1"]
    assert list_statuses(postgres_store)[0] == "done"
    other.engine.dispose()


def end_sessions(store: Store, which: str = "true") -> None:
    name = store.url.database
    do_on_server(
        store.url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{name}' AND {which}",
    )


def test_who_waits_is_told_who_holds_the_store_and_since_when(store: Store) -> None:
    other = open_store(store.url.render_as_string(hide_password=False))
    held = r"\(earful first, process \d+ on .+, since \d{4}-\d\d-\d\d \d\d:\d\d UTC; waited 0.1 s\)"
    with (
        begin_run(store, "first", config_hash="", lock_timeout_s=1),
        pytest.raises(LockedError, match=held),
        other.lock(0.1),
    ):
        pass
    other.engine.dispose()


def test_runs_stay_in_their_order_though_the_clock_is_set_back(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class SetBack(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "SetBack":
            return cls.fromtimestamp(time.time() - 3600, tz)

    make_customers(sqlite_store, "c1")
    monkeypatch.setattr(runs, "datetime", SetBack)
    make_customers(sqlite_store, "c2")
    make_customers(sqlite_store, "c3")
    with sqlite_store.read() as connection:
        columns = (tables.run.c.run_id, tables.run.c.started_at, tables.run.c.finished_at)
        found = connection.execute(select(*columns).order_by(tables.run.c.run_id)).all()
    starts = [row.started_at for row in found]
    assert starts == sorted(set(starts))
    assert all(row.finished_at >= row.started_at for row in found)
    assert starts[-1] - starts[0] < timedelta(minutes=1)


def test_a_run_with_a_clock_far_ahead_does_not_date_all_that_follow(sqlite_store: Store) -> None:
    ahead = datetime(2099, 1, 1, tzinfo=UTC)
    with sqlite_store.write() as connection:
        add_rows(
            connection,
            "run",
            {"run_id": "2099", "command": "run", "started_at": ahead, "status": "done"},
        )
    make_customers(sqlite_store, "c1")
    with sqlite_store.read() as connection:
        assert min(at for (at,) in read_rows(connection, "run", "started_at")) < ahead


def test_a_run_that_waited_for_a_migration_does_not_write_to_the_newer_schema(
    store: Store,
) -> None:
    newer = str(int(SCHEMA_VERSION) + 1).zfill(4)
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :new"), {"new": newer})
    with (
        pytest.raises(ConfigError, match=f"has schema {newer}, newer"),
        begin_run(store, "run", config_hash="", lock_timeout_s=1),
    ):
        pass
    assert list_statuses(store) == []


def test_two_programs_that_make_a_store_at_once_make_one(database_url: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda url: open_store(url, create=True), [database_url] * 2))
    ids = set()
    for store in made:
        with store.read() as connection:
            ids.add(read_info(connection, "store_id"))
        make_customers(store, f"c{len(list_customers(store))}")
        store.engine.dispose()
    assert len(ids) == 1
    assert list_customers(made[0]) == ["c0", "c1"]


def test_a_migration_waits_for_a_run_and_says_who_holds_the_store(store: Store) -> None:
    url = store.url.render_as_string(hide_password=False)
    with (
        begin_run(store, "run", config_hash="", lock_timeout_s=1),
        pytest.raises(LockedError, match="earful run, process"),
    ):
        upgrade_store(url, 0.1)
    assert upgrade_store(url, 0.1) == SCHEMA_VERSION


def test_forgetting_during_a_run_waits_and_reaches_what_the_run_brings(
    sqlite_url: str, tmp_path: Path
) -> None:
    store, name = open_people(sqlite_url), name_customer(0)
    job = make_people_job(store, tmp_path / "job")
    asked, before = Asked(customer=name), read_contents(store)
    with store.lock(1), pytest.raises(LockedError):
        forget_person(replace(job, lock_timeout_s=0.1), asked)
    assert compare_contents(before, read_contents(store)) == []
    forgetting = threading.Thread(target=forget_person, args=(job, asked))
    with begin_run(store, "run", config_hash="", lock_timeout_s=1) as run:
        forgetting.start()
        time.sleep(0.3)
        row = {"feedback_id": "new", "source": "s", "text": "again", "customer_id": name}
        add_rows(run.connection, "feedback", row)
    forgetting.join()
    with store.read() as connection:
        left = select(tables.feedback.c.feedback_id).where(tables.feedback.c.customer_id == name)
        assert connection.execute(left).all() == []
        assert list_open(connection) == []
    store.engine.dispose()


def test_a_file_that_was_being_written_anew_when_the_program_was_killed_is_written_again(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.report.page import write_report
    from pipelines.rights import outputs

    store = open_people(sqlite_url)
    job = make_people_job(store, tmp_path / "job")
    page = tmp_path / "report.html"
    with store.read() as connection:
        write_report(connection, page, "en", 5)
    record_output(store, page, "report")

    def kill(*_: object) -> None:
        page.write_text("what the erasure left")
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(outputs, "_rewrite", kill)
        with pytest.raises(SystemExit):
            rewrite_outputs(store, job)
    page.write_text("half of it")
    assert rewrite_outputs(store, job) == []
    assert "</html>" in page.read_text(encoding="utf-8")
    page.write_text("somebody's own")
    assert "is not as it was written" in rewrite_outputs(store, job)[0]
    store.engine.dispose()


def test_what_a_killed_program_had_begun_to_write_is_removed_by_the_next(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = tmp_path / f".page.html.{ended.pid}.part"
    running = tmp_path / ".page.html.1.part"
    other = tmp_path / f".page.html2.{ended.pid}.part"
    for path in (left, running, other):
        path.write_text("words of a customer")
    replace_file(tmp_path / "page.html", b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {"page.html", running.name, other.name}


def test_a_journal_that_a_loss_of_power_has_torn_gives_only_what_is_whole(tmp_path: Path) -> None:
    rng = Random(3)
    path = journal.journal_path(tmp_path, "store")
    given = {f"h{n:040d}": Reading(rng.randbytes(768), rng.randbytes(12), "en") for n in range(60)}
    kept = Journal(path)
    kept.add("models", given)
    kept.close()
    whole = path.read_bytes()
    n_found = []
    for start in range(0, len(whole), len(whole) // 40):
        torn = bytearray(whole)
        torn[start : start + 512] = rng.randbytes(len(torn[start : start + 512]))
        for content in (bytes(torn), whole[:start]):
            path.write_bytes(content)
            with Journal(path) as opened:
                found = opened.find("models", list(given))
                assert found.items() <= given.items()
                n_found.append(len(found))
                opened.add("models", given)
                assert opened.find("models", list(given)).items() <= given.items()
                opened.discard()
    assert max(n_found) > 50


@pytest.mark.parametrize(
    "lack",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ImportError("libtorch.so: failed to map segment from shared object"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("can't start new thread"),
    ],
)
def test_too_little_memory_ends_a_command_with_a_clear_message(
    lack: Exception, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def build() -> Any:
        try:
            raise lack
        except type(lack) as error:  # as libraries pass it on
            raise ImportError("torch cannot be used") from error

    monkeypatch.setattr(app, "_build_command", build)
    assert app.run_app(["status"]) == 1
    said = capfd.readouterr().err
    assert "the memory is not enough: the store is as it was before this command" in said


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, RuntimeError])
def test_an_error_tells_as_undone_only_what_is(
    error: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    job = make_people_job(open_store(f"sqlite:///{tmp_path / 'store.db'}", create=True), tmp_path)
    store = open_store(job.config.store.url)

    def stop(*, has_finished: bool) -> str:
        def build() -> Any:
            if has_finished:
                with job.begin(store, "ingest"):
                    pass
            with job.begin(store, "ingest"):
                raise error

        monkeypatch.setattr(app, "_build_command", build)
        assert app.run_app(["inbox"]) != 0
        return capfd.readouterr().err

    before, stored = "the store is as it was before this command", "had finished is stored"
    assert before in (said := stop(has_finished=False)) and stored not in said
    assert stored in (said := stop(has_finished=True)) and before not in said


MOUNTS = r"""
/dev/vda / ext4 rw 0 0
server:/export /srv/shared nfs4 rw 0 0
//nas/team /srv/my\040team cifs rw 0 0
/dev/vdb /srv/shared/fast xfs rw 0 0
me@host: /srv/far fuse.sshfs rw 0 0
"""


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/srv/local/earful.db", None),
        ("/srv/shared/none/earful.db", "nfs4"),
        ("/srv/shared/fast/earful.db", None),
        ("/srv/my team/earful.db", "cifs"),
        ("/srv/far/earful.db", "fuse.sshfs"),
        ("/srv/farther/earful.db", None),
    ],
)
def test_a_store_on_a_network_file_system_is_refused_with_the_reason(
    place: str, kind: str | None, tmp_path: Path
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS.strip())
    assert find_network_kind(Path(place), mounts) == kind
    if kind:
        with pytest.raises(ConfigError, match=rf"network file system \({kind}\).*network_files"):
            refuse_network_files(Path(place), mounts)


def test_commands_refuse_network_files_unless_the_configuration_allows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipelines.network_files._KINDS", {"ext4", "tmpfs", "overlay", "xfs"})
    arguments = ["status", "--db", f"{tmp_path}/earful.db"]
    assert app.run_app(arguments) == 2
    assert "lies on a network file system" in capfd.readouterr().err
    config = tmp_path / "earful.toml"
    config.write_text("[store]\nnetwork_files = true\n")
    assert app.run_app([*arguments, "--config", str(config)]) == 1
    assert "there is no store" in capfd.readouterr().err
