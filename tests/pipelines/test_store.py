"""Opening, checking, locking and writing stores, on both databases."""

import json
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, inspect, select, text, update

from pipelines import migrations, tables
from pipelines.bulk import insert_rows
from pipelines.database import sqlite_driver
from pipelines.errors import ConfigError, EarfulError, LockedError, StoreError
from pipelines.migrations import SCHEMA_VERSION, schema_version
from pipelines.runs import begin_run
from pipelines.store import Store, open_store, read_info, upgrade_store, write_info
from pipelines.views import VIEW_COMMENTS, view_columns
from tests.pipelines.conftest import add_rows, read_rows

CONTRACT = Path(__file__).parents[1] / "cases" / "contract.jsonl"


def test_a_migrated_store_has_just_the_declared_tables(store: Store) -> None:
    with store.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []


def test_the_schema_version_is_the_newest_migration() -> None:
    files = Path(migrations.__file__).parent.glob("versions/[0-9]*.py")
    assert max(path.name[:4] for path in files) == SCHEMA_VERSION


def test_every_view_can_be_read(store: Store) -> None:
    with store.read() as connection:
        for name in VIEW_COMMENTS:
            assert connection.execute(text(f"SELECT * FROM {name}")).all() == []
        assert view_columns(connection).keys() == VIEW_COMMENTS.keys()


def test_each_name_that_dashboards_rely_on_is_in_the_store(store: Store) -> None:
    promised = [json.loads(line) for line in CONTRACT.read_text(encoding="utf-8").splitlines()]
    tables_promised = {each["table"]: set(each["columns"]) for each in promised if "table" in each}
    assert len(tables_promised) == 19
    with store.read() as connection:
        found = inspect(connection)
        for name, columns in tables_promised.items():
            missing = columns - {column["name"] for column in found.get_columns(name)}
            assert not missing, f"{name} lacks {missing}"
        views = {each["view"] for each in promised if "view" in each}
        assert views <= set(found.get_view_names())


def test_a_moment_comes_back_in_utc_whatever_zone_it_was_given_in(store: Store) -> None:
    tehran = timezone(timedelta(hours=3, minutes=30))
    with store.write() as connection:
        add_rows(
            connection,
            "feedback",
            {
                "feedback_id": "f1",
                "source": "s",
                "text": "t",
                "occurred_at": datetime(2026, 1, 1, 1, 0, tzinfo=tehran),
            },
        )
    with store.read() as connection:
        rows = read_rows(connection, "feedback", "occurred_at")
    assert rows == [(datetime(2025, 12, 31, 21, 30, tzinfo=UTC),)]


def test_a_moment_without_a_zone_is_refused(store: Store) -> None:
    row = {"event_id": "e", "customer_id": "c", "kind": "k", "at": datetime(2026, 1, 1)}
    with pytest.raises(Exception, match="without a time zone"), store.write() as connection:
        add_rows(connection, "event", row)


def test_a_failed_write_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.write() as connection:
        add_rows(connection, "customer", {"customer_id": "c1"})
        raise ZeroDivisionError
    with store.read() as connection:
        assert read_rows(connection, "customer") == []


def test_readers_see_the_state_before_while_a_run_writes(store: Store) -> None:
    with begin_run(store, "test", config_hash="", lock_timeout_s=1) as run:
        add_rows(run.connection, "customer", {"customer_id": "c1"})
        with store.read() as reader:
            assert read_rows(reader, "customer", "customer_id") == []
    with store.read() as reader:
        assert read_rows(reader, "customer", "customer_id") == [("c1",)]


def test_readers_at_the_commit_of_a_run_see_all_of_it_or_nothing(store: Store) -> None:
    n_rows, done = 3_000, threading.Event()
    seen: list[tuple[int, int]] = []
    both = (tables.customer, tables.event)
    counts = [select(func.count()).select_from(table) for table in both]

    def look() -> None:
        with store.read() as reader:
            first, second = (reader.execute(query).scalar_one() for query in counts)
        seen.append((first, second))

    def watch() -> None:
        while not done.is_set() or seen[-1] != (n_rows, n_rows):
            look()

    with ThreadPoolExecutor(2) as pool:
        with begin_run(store, "test", config_hash="", lock_timeout_s=1) as run:
            rows = [{"customer_id": str(n)} for n in range(n_rows)]
            insert_rows(run.connection, tables.customer, rows)
            look()
            watching = [pool.submit(watch) for _ in range(2)]
            rows = [{"event_id": str(n), "kind": "order"} for n in range(n_rows)]
            insert_rows(run.connection, tables.event, rows)
        done.set()
        for each in watching:
            each.result(timeout=30)
    assert set(seen) == {(0, 0), (n_rows, n_rows)}


def test_a_second_writer_is_told_to_wait(store: Store) -> None:
    other = open_store(store.url.render_as_string(hide_password=False))
    with (
        store.lock(1),
        pytest.raises(LockedError, match="another run holds"),
        begin_run(other, "second", config_hash="", lock_timeout_s=0.1),
    ):
        pass
    other.engine.dispose()


def test_a_failed_run_says_so_and_keeps_customer_text_out_of_its_row(store: Store) -> None:
    with (
        pytest.raises(ValueError, match="dana"),
        begin_run(store, "test", config_hash="", lock_timeout_s=1),
    ):
        raise ValueError("dana@example.com wrote something")
    with store.read() as connection:
        rows = read_rows(connection, "run", "status", "error")
    assert rows == [("failed", "ValueError")]


def test_a_run_that_was_killed_is_closed_by_the_next(store: Store) -> None:
    with begin_run(store, "first", config_hash="", lock_timeout_s=1):
        pass
    with store.write() as connection:
        connection.execute(update(tables.run).values(status="running"))
    with begin_run(store, "second", config_hash="", lock_timeout_s=1):
        pass
    with store.read() as connection:
        assert read_rows(connection, "run", "command", "status") == [
            ("first", "interrupted"),
            ("second", "done"),
        ]


def test_opening_again_changes_nothing(store: Store) -> None:
    with store.read() as connection:
        before = read_info(connection, "store_id")
    again = open_store(store.url.render_as_string(hide_password=False), create=True)
    with again.read() as connection:
        assert read_info(connection, "store_id") == before
        assert schema_version(connection) == SCHEMA_VERSION
    again.engine.dispose()


def test_a_database_that_is_not_ours_is_refused(database_url: str) -> None:
    from pipelines.database import connect_engine, parse_url

    engine = connect_engine(parse_url(database_url))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE invoices (id integer)"))
    engine.dispose()
    with pytest.raises(ConfigError, match="not a store of earful"):
        open_store(database_url, create=True)


def test_a_newer_store_is_refused_and_named(store: Store) -> None:
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="newer than this program"):
        open_store(store.url.render_as_string(hide_password=False))


def test_a_store_of_other_tables_is_refused_before_a_query_fails(store: Store) -> None:
    with store.write() as connection:
        write_info(connection, "tables", "of another commit")
    with pytest.raises(StoreError, match="between releases"):
        open_store(store.url.render_as_string(hide_password=False))


def test_an_older_store_is_not_touched_until_migrate(store: Store) -> None:
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(StoreError, match="earful migrate"):
        open_store(store.url.render_as_string(hide_password=False), create=True)


def test_migrating_a_current_store_changes_nothing(store: Store) -> None:
    assert upgrade_store(store.url.render_as_string(hide_password=False)) == SCHEMA_VERSION


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://x/y", "neither SQLite nor PostgreSQL"),
        ("nonsense", "neither SQLite nor PostgreSQL"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
    ],
)
def test_a_wrong_url_is_explained(url: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        open_store(url)


def test_a_missing_store_is_named_with_the_way_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="earful run PATH"):
        open_store(f"sqlite:///{tmp_path}/none.db")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_bytes(b"this is not a database, but long enough to look like a header" * 20)
    with pytest.raises(StoreError, match="not an SQLite database"):
        open_store(f"sqlite:///{path}", create=True)
    assert path.read_bytes().startswith(b"this is not")


def test_a_folder_instead_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        open_store(f"sqlite:///{tmp_path}", create=True)


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    with pytest.raises(EarfulError) as caught:
        open_store("postgresql://me:hunter2@127.0.0.1:1/none", create=True)
    assert "hunter2" not in str(caught.value)
    assert "cannot be reached" in str(caught.value)


def test_the_sqlite_file_is_private_and_in_wal_mode(file_url: str, tmp_path: Path) -> None:
    opened = open_store(file_url, create=True)
    with opened.read() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    opened.engine.dispose()


def test_the_sqlite_library_has_no_wal_reset_bug() -> None:
    assert tuple(map(int, sqlite_driver().sqlite_version.split("."))) >= (3, 51, 3)
