"""Locks on a server: what becomes of them when a connection is lost, and what a run holds there."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from pipelines.errors import LockedError, StoreError
from pipelines.runs import begin_run
from pipelines.store import Store, open_store
from tests.pipelines.conftest import add_rows, read_rows
from tests.pipelines.store_copies import name_postgres_database, open_copy

pytestmark = pytest.mark.postgres
_HOLDERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND objid = CAST(:key AS oid)"
)
_STORE, _WRITING = 0xEA5F0001, 0xEA5F0004


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    opened = open_copy(name_postgres_database(postgres_url), "empty")
    yield opened
    opened.engine.dispose()


@pytest.fixture
def other(store: Store) -> Iterator[Store]:
    opened = open_store(store.url.render_as_string(hide_password=False))
    yield opened
    opened.engine.dispose()


def cut(other: Store, key: int) -> None:
    """End the session that holds a lock, as an administrator or a network would."""
    with other.read() as connection:
        assert connection.execute(text(_HOLDERS), {"key": key}).scalars().all() == [True]


def test_a_run_that_lost_its_lock_is_waited_for_until_its_transaction_ends(
    store: Store, other: Store
) -> None:
    with store.lock(1):
        with store.write() as writing:
            add_rows(writing, "customer", {"customer_id": "first"})
            cut(other, _STORE)
            with pytest.raises(LockedError, match="another run holds"), other.lock(0.3):
                pass
        with other.lock(1), other.write() as connection:
            assert read_rows(connection, "customer", "customer_id") == [("first",)]


def test_a_run_that_lost_its_lock_writes_nothing_more(store: Store, other: Store) -> None:
    said = r"the connection that held its lock \(store\) was lost"
    with store.lock(1):
        cut(other, _STORE)
        with pytest.raises(StoreError, match=said), other.lock(1), store.write():
            pytest.fail("it wrote")


def test_who_sends_rows_elsewhere_writes_nothing_more_when_that_lock_is_lost(
    store: Store, other: Store
) -> None:
    with store.lock(1, "syncs"):
        cut(other, 0xEA5F0002)
        with pytest.raises(StoreError, match=r"\(syncs\) was lost"), store.lock(1), store.write():
            pytest.fail("it wrote")


def test_a_run_whose_connection_is_cut_says_so_and_leaves_nothing(
    store: Store, other: Store
) -> None:
    with (
        pytest.raises(StoreError, match="run the same command again"),
        begin_run(store, "test", config_hash="", lock_timeout_s=1) as run,
    ):
        add_rows(run.connection, "customer", {"customer_id": "c"})
        cut(other, _WRITING)
        add_rows(run.connection, "customer", {"customer_id": "d"})
    with begin_run(other, "next", config_hash="", lock_timeout_s=1) as run:
        assert read_rows(run.connection, "customer") == []
        assert read_rows(run.connection, "run", "command", "status")[0] == ("test", "failed")


def test_a_connection_that_was_lost_while_nobody_used_it_is_made_anew(
    store: Store, other: Store
) -> None:
    with store.write() as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with other.read() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    with store.write() as connection:
        add_rows(connection, "customer", {"customer_id": "c"})


def test_limits_for_others_do_not_end_a_run_but_those_of_a_reader_hold(
    store: Store, other: Store
) -> None:
    with store.write() as connection:
        name = connection.engine.url.database
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"ALTER DATABASE {name} SET {limit} = '80ms'"))
    store.engine.dispose()
    with begin_run(store, "test", config_hash="", lock_timeout_s=1) as run:
        run.connection.execute(text("SELECT pg_sleep(0.1)"))
    with (
        pytest.raises(StoreError, match="cancelled a statement"),
        other.read() as connection,
    ):
        connection.execute(text("SELECT pg_sleep(1)"))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("42501", "lacks a right"),
        ("53300", "no connection left"),
        ("40P01", "another session holds"),
        ("57P03", "starting or stopping"),
    ],
)
def test_what_the_server_refuses_is_explained(other: Store, code: str, said: str) -> None:
    refuse = f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$"
    with pytest.raises(StoreError, match=said), other.read() as connection:
        connection.execute(text(refuse))
