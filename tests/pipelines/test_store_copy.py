"""Moving a store: every row, between any two databases, or nothing at all."""

import json
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import JSON, Double, Integer, LargeBinary, inspect, text

from pipelines import store_copy, tables
from pipelines.bulk import COPY_ROWS, insert_rows
from pipelines.cli.app import run_app
from pipelines.errors import ConfigError, LockedError, StoreError
from pipelines.progress import SilentProgress
from pipelines.row_digest import RowDigest
from pipelines.store import Store, open_store
from pipelines.store_copy import Copied, copy_store
from pipelines.views import VIEW_COMMENTS
from tests.pipelines.conftest import add_rows, read_rows
from tests.pipelines.store_copies import make_postgres_database, name_postgres_database, open_copy

MANY = COPY_ROWS + 3
KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
_LARGE = ("feedback", "vector", "consent")
NUMBERS = (0.1 + 0.2, -0.0, 1e300, 5e-324, 4.0, 1 / 3)
DOCUMENT = {"z": [1, 1.0, 1e22, 0.1 + 0.2, None, True, "א' \"; --"], "a": {"e": {}, "b": []}}


def make_value(column: Any, n: int) -> Any:
    """A value of a column's type; extreme ones among them, and nulls where they may be."""
    if column.nullable and n % 5 == 4:
        return None
    if isinstance(column.type, tables.UtcDateTime):
        return datetime(1999, 12, 31, 23, 59, 59, 999_999, UTC) + timedelta(days=400 * n)
    if isinstance(column.type, JSON):
        return {**DOCUMENT, "n": n}
    if isinstance(column.type, LargeBinary):
        return bytes(range(256)) * 3 + bytes([n])
    if isinstance(column.type, Double):
        return NUMBERS[n % len(NUMBERS)]
    return n * 10**7 if isinstance(column.type, Integer) else f"{column.name} {n} '\"; -- \\N א\t"


def fill(store: Store) -> None:
    """Rows in every table, enough of them to be copied as many; no vector lies in a lake."""
    with store.write() as connection:
        connection.execute(tables.store_info.delete())
        for table in tables.metadata.sorted_tables:
            if table is tables.lake_file:
                continue
            for n in range(MANY if table.name in _LARGE else 2):
                row = {column.name: make_value(column, n) for column in table.c}
                connection.execute(table.insert().values(**row))
        kept = {"tables": store_info_of(store), "store_id": "kept"}
        connection.execute(
            tables.store_info.insert(), [{"name": name, "value": kept[name]} for name in kept]
        )


def store_info_of(store: Store) -> str:
    from pipelines.store import read_info

    with store.read() as connection:
        return str(read_info(connection, "tables"))


@pytest.fixture
def make_place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    def make(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path}/copy.db"
        return make_postgres_database(request.getfixturevalue("postgres_url"))

    return make


@pytest.fixture
def make_source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Store]]:
    opened: list[Store] = []

    def make(kind: str) -> Store:
        url = f"sqlite:///{tmp_path}/source.db"
        if kind == "postgresql":
            url = name_postgres_database(request.getfixturevalue("postgres_url"))
        opened.append(open_copy(url, "rows in every table", fill))
        return opened[-1]

    yield make
    for store in opened:
        store.engine.dispose()


def url_of(store: Store) -> str:
    return store.url.render_as_string(hide_password=False)


def copy(source: Store, target: str) -> Copied:
    return copy_store(url_of(source), target, 1, SilentProgress())


def read_all(url: str) -> dict[str, list[tuple[Any, ...]]]:
    store = open_store(url)
    with store.read() as connection:
        found = {
            name: sorted(read_rows(connection, name), key=repr) for name in tables.metadata.tables
        }
    store.engine.dispose()
    return found


@pytest.mark.parametrize("to", KINDS)
@pytest.mark.parametrize("of", KINDS)
def test_every_row_arrives_as_it_was_in_a_store_that_keeps_its_rules(
    of: str,
    to: str,
    make_source: Callable[[str], Store],
    make_place: Callable[[str], str],
) -> None:
    source, target = make_source(of), make_place(to)
    done = copy(source, target)
    assert read_all(target) == read_all(url_of(source))
    assert {each.table for each in done.tables} == set(tables.metadata.tables)
    assert min(each.rows for each in done.tables if each.table != "lake_file") >= 2
    store = open_store(target)
    with store.read() as connection:
        assert set(inspect(connection).get_view_names()) >= VIEW_COMMENTS.keys()
    for change in ("UPDATE audit SET who = 'x'", "DELETE FROM audit"):
        with pytest.raises(StoreError), store.write() as connection:
            connection.execute(text(change))
    store.engine.dispose()
    if store.path:
        assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


@pytest.mark.postgres
def test_a_store_that_went_and_came_back_has_the_same_digests(
    make_source: Callable[[str], Store], make_place: Callable[[str], str]
) -> None:
    away = make_place("postgresql")
    there = copy(make_source("sqlite"), away)
    back = copy_store(away, make_place("sqlite"), 1, SilentProgress())
    assert back.tables == there.tables


@pytest.mark.parametrize("to", KINDS)
def test_a_target_that_holds_anything_is_refused_and_left_alone(
    to: str, make_source: Callable[[str], Store], make_place: Callable[[str], str]
) -> None:
    source, target = make_source("sqlite"), make_place(to)
    held = open_store(target, create=True)
    with held.write() as connection:
        add_rows(connection, "customer", {"customer_id": "c"})
    held.engine.dispose()
    before = read_all(target)
    with pytest.raises(ConfigError, match=r"is not empty \(1 rows in customer\)"):
        copy(source, target)
    assert read_all(target) == before


def test_an_empty_store_that_somebody_made_before_is_filled(
    make_source: Callable[[str], Store], make_place: Callable[[str], str]
) -> None:
    target = make_place("sqlite")
    open_store(target, create=True).engine.dispose()
    source = make_source("sqlite")
    copy(source, target)
    assert read_all(target) == read_all(url_of(source))


def test_other_peoples_tables_and_the_store_itself_are_no_place_for_a_copy(
    make_source: Callable[[str], Store], tmp_path: Path
) -> None:
    from pipelines.database import sqlite_driver

    source = make_source("sqlite")
    with sqlite_driver().connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE TABLE invoices (id)")
    connection.close()
    with pytest.raises(ConfigError, match="has other tables"):
        copy(source, f"sqlite:///{tmp_path}/shop.db")
    (tmp_path / "link.db").symlink_to(tmp_path / "source.db")
    with pytest.raises(ConfigError, match="is the store itself"):
        copy(source, f"sqlite:///{tmp_path}/link.db")


@pytest.mark.parametrize("to", KINDS)
def test_stopped_in_the_middle_it_leaves_the_place_as_it_was_and_can_be_done_again(
    to: str,
    make_source: Callable[[str], Store],
    make_place: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    source, target = make_source("sqlite"), make_place(to)

    def stop_at_mentions(connection: Any, table: Any, rows: Any) -> None:
        insert_rows(connection, table, rows)
        if table.name == "mention":
            raise KeyboardInterrupt

    monkeypatch.setattr(store_copy, "insert_rows", stop_at_mentions)
    with pytest.raises(KeyboardInterrupt):
        copy(source, target)
    assert not list(tmp_path.glob("copy.db*"))
    monkeypatch.undo()
    if to == "sqlite":  # what kill -9 leaves
        (tmp_path / "copy.db").touch()
    copy(source, target)
    assert read_all(target) == read_all(url_of(source))


def test_a_row_that_arrives_changed_is_noticed_and_nothing_stays(
    make_source: Callable[[str], Store], make_place: Callable[[str], str]
) -> None:
    target = make_place("sqlite")
    empty = open_store(target, create=True)
    with empty.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER meddle AFTER INSERT ON customer BEGIN UPDATE customer SET "
            "country = 'XX' WHERE customer_id = NEW.customer_id; END"
        )
    empty.engine.dispose()
    before = read_all(target)
    with pytest.raises(StoreError, match=r"customer \(2 rows left, 2 arrived\); nothing was"):
        copy(make_source("sqlite"), target)
    assert read_all(target) == before


def test_a_run_on_either_store_keeps_the_copy_waiting(
    make_source: Callable[[str], Store], make_place: Callable[[str], str]
) -> None:
    source, target = make_source("sqlite"), make_place("sqlite")
    for busy in (source, open_store(target, create=True)):
        with busy.lock(1), pytest.raises(LockedError):
            copy_store(url_of(source), target, 0.05, SilentProgress())


@pytest.mark.postgres
def test_what_postgresql_cannot_hold_is_named_without_its_words(
    make_source: Callable[[str], Store], make_place: Callable[[str], str]
) -> None:
    source, target = make_source("sqlite"), make_place("postgresql")
    with source.write() as connection:
        row = {"feedback_id": "f", "source": "s", "text": "secret\0words"}
        add_rows(connection, "feedback", row)
    with pytest.raises(StoreError, match="of feedback: a text has a null character") as caught:
        copy(source, target)
    assert "secret" not in str(caught.value)
    with pytest.raises(StoreError, match="is empty"):
        open_store(target)


def test_the_command_takes_any_name_of_a_file_and_urls_from_the_environment(
    make_source: Callable[[str], Store],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = make_source("sqlite")
    monkeypatch.setenv("OLD_STORE", url_of(source))
    name = 'it\'s a "copy"; DROP TABLE x--?mode=ro%20#.db'
    assert run_app(["copy-store", "${OLD_STORE}", str(tmp_path / name), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["n_rows"] == sum(each["rows"] for each in said["tables"])
    assert tmp_path / name in tmp_path.iterdir()
    assert run_app(["status", "--db", str(tmp_path / name), "--json"]) == 0
    assert run_app(["copy-store", "${OLD_STORE}", str(tmp_path / name)]) == 2


def digest(rows: list[tuple[Any, ...]]) -> str:
    made = RowDigest(tables.store_info)
    for row in rows:
        made.add(row)
    return made.text()


ROWS = st.lists(st.tuples(st.text(max_size=4), st.none() | st.text(max_size=4)), max_size=5)


@settings(max_examples=30)
@given(ROWS, ROWS)
def test_digests_are_equal_just_where_the_rows_are_in_whatever_order(
    one: list[tuple[Any, ...]], other: list[tuple[Any, ...]]
) -> None:
    assert digest(one) == digest(one[::-1])
    assert (digest(one) == digest(other)) == (sorted(one, key=repr) == sorted(other, key=repr))
