"""Roles of a store on PostgreSQL, each connected as: what it may do, and what it may not."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from pipelines import tables
from pipelines.cli.app import run_app
from pipelines.errors import StoreError
from pipelines.rights.cleaning import rewrite_store
from pipelines.roles import OPEN_TABLES, RoleNames, list_shown, write_roles
from pipelines.runs import begin_run
from pipelines.store import Store, open_store
from pipelines.views import VIEW_COMMENTS
from tests.pipelines.conftest import add_rows, read_rows
from tests.pipelines.store_copies import do_on_server, name_postgres_database, open_copy

WORDS = {"text", "quote", "payload", "raw", "attributes", "description", "question"}
PERSONS = {"customer_id", "author_key", "key_hash", "feedback_id", "source_id", "data"}
REFUSED = "lacks a right"


@pytest.fixture
def names() -> RoleNames:
    own = uuid4().hex[:8]
    return RoleNames(f'w"; DROP TABLE run; --{own}', f"reader'{own}", f"Dash board {own}")


@pytest.fixture
def owned(postgres_url: str, names: RoleNames) -> Iterator[Store]:
    store = open_copy(name_postgres_database(postgres_url), "empty")
    url = store.url.set(drivername="postgresql").render_as_string(hide_password=False)
    for _ in range(2):  # it may be run again
        with psycopg.connect(url) as connection:
            connection.execute(write_roles(names).encode())
    with store.write() as connection:
        add_rows(connection, "feedback", {"feedback_id": "f", "source": "s", "text": "words"})
        add_rows(
            connection,
            "theme",
            {"theme_id": "t", "name": "n", "status": "active", "origin": "pinned"},
        )
    yield store
    store.engine.dispose()


@pytest.fixture
def log_in(owned: Store, postgres_url: str) -> Iterator[Callable[[str], Store]]:
    """The store, as somebody who is only a member of a role."""
    opened: list[Store] = []

    def enter(role: str) -> Store:
        user, server = f"user_{uuid4().hex[:8]}", make_url(postgres_url)
        quoted = role.replace('"', '""').replace(":", r"\:")
        do_on_server(server, f"CREATE ROLE {user} LOGIN")
        do_on_server(server, f'GRANT "{quoted}" TO {user}')
        opened.append(open_store_as(owned, user))
        return opened[-1]

    yield enter
    for store in opened:
        store.engine.dispose()


def open_store_as(owned: Store, user: str) -> Store:
    from pipelines.database import connect_engine

    url = owned.url.set(username=user)
    return Store(url, connect_engine(url))


def is_refused(store: Store, statement: str) -> bool:
    try:
        with store.write() as connection:
            connection.execute(text(statement))
    except StoreError as error:
        assert REFUSED in str(error), error
        return True
    return False


pytestmark = pytest.mark.postgres


def test_the_writer_runs_and_can_drop_alter_and_empty_nothing(
    log_in: Callable[[str], Store], names: RoleNames
) -> None:
    store = log_in(names.writer)
    again = open_store(store.url.render_as_string(hide_password=False))
    with begin_run(again, "test", config_hash="", lock_timeout_s=1) as run:
        add_rows(run.connection, "customer", {"customer_id": "c"})
        run.connection.execute(text("CREATE TEMPORARY TABLE own (a int)"))
        run.connection.execute(text("DELETE FROM customer"))
    for name in tables.metadata.tables:
        assert is_refused(store, f"DROP TABLE {name} CASCADE"), name
        assert is_refused(store, f"TRUNCATE {name}"), name
    for statement in (
        "DROP VIEW v_theme",
        "ALTER TABLE feedback ADD COLUMN more text",
        "ALTER TABLE consent DISABLE TRIGGER ALL",
        "DROP TRIGGER guard_audit ON audit",
        "DELETE FROM audit",
        "UPDATE alembic_version SET version_num = '9999'",
        "CREATE TABLE mine (a int)",
        "CREATE ROLE friend",
    ):
        assert is_refused(store, statement), statement
    again.engine.dispose()


def test_the_writer_can_leave_no_traces_of_an_erasure(
    log_in: Callable[[str], Store], names: RoleNames
) -> None:
    rewrite_store(log_in(names.writer))


def test_the_reader_sees_the_views_and_open_tables_and_changes_nothing(
    log_in: Callable[[str], Store], names: RoleNames
) -> None:
    store = log_in(names.reader)
    for name in (*OPEN_TABLES, *VIEW_COMMENTS):
        assert not is_refused(store, f"SELECT * FROM {name}"), name
    for name in OPEN_TABLES:
        assert is_refused(store, f"DELETE FROM {name}"), name
    for name in tables.metadata.tables.keys() - {*OPEN_TABLES}:
        assert is_refused(store, f"SELECT * FROM {name}"), name


def test_the_dashboard_sees_no_words_no_customers_and_no_vectors(
    log_in: Callable[[str], Store], names: RoleNames
) -> None:
    store = log_in(names.dashboard)
    shown = list_shown()
    for name, columns in shown.items():
        assert not is_refused(store, f"SELECT {', '.join(columns)} FROM {name}"), name
        assert not (WORDS | PERSONS) & {*columns}, name
    for statement in (
        "SELECT text FROM v_feedback",
        "SELECT customer_id FROM v_feedback",
        "SELECT quote FROM v_theme",
        "SELECT description FROM theme",
        "SELECT * FROM v_customer",
    ):
        assert is_refused(store, statement), statement
    for name in tables.metadata.tables.keys() - {*OPEN_TABLES}:
        assert is_refused(store, f"SELECT 1 FROM {name}"), name
    with store.read() as connection:
        n_rows = connection.execute(text("SELECT count(*) FROM v_feedback")).scalar_one()
    assert n_rows == 1


def test_a_new_column_of_feedback_is_shown_to_dashboards_only_when_somebody_says_so() -> None:
    assert sorted(list_shown()["v_feedback"]) == [
        *("channel", "edited_at", "found_noise_reason", "ingested_at", "lang", "link_confidence"),
        *("link_method", "link_via", "n_mentions", "noise_edit_id", "noise_reason"),
        *("noise_score", "occurred_at", "party", "rating", "rating_max", "sentiment_high"),
        *("sentiment_low", "sentiment_score", "source", "stated", "theme_ids", "themes"),
    ]


def test_the_command_prints_the_script_and_refuses_names_that_are_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_app(["roles", "--writer", "w", "--schema", "s"]) == 0
    assert capsys.readouterr().out == write_roles(RoleNames(writer="w"), "s")
    assert run_app(["roles", "--writer", "x", "--reader", "x"]) == 2
    assert run_app(["roles", "--writer", "a$roles$"]) == 2


def test_nobody_sees_rows_who_has_no_role(owned: Store, postgres_url: str) -> None:
    user = f"user_{uuid4().hex[:8]}"
    do_on_server(make_url(postgres_url), f"CREATE ROLE {user} LOGIN")
    store = open_store_as(owned, user)
    assert is_refused(store, "SELECT * FROM v_theme")
    store.engine.dispose()
    with owned.read() as connection:
        assert read_rows(connection, "feedback", "feedback_id") == [("f",)]
