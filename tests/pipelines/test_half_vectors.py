"""Vectors as pgvector's halfvec: the same numbers, gone with theirs, and the same answers."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, text

from pipelines import tables
from pipelines.asking import shortlist
from pipelines.asking.searching import Filters
from pipelines.errors import ConfigError
from pipelines.progress import SilentProgress
from pipelines.readings import write_vectors
from pipelines.rights.cleaning import rewrite_store
from pipelines.store import Store, make_empty_store, open_store, upgrade_store
from pipelines.store_copy import copy_store
from tests.pipelines.asking.test_asking import fill, make_asker, texts_of
from tests.pipelines.store_copies import make_postgres_database, name_postgres_database, open_copy

pytestmark = pytest.mark.postgres


def add_extension(store: Store) -> None:
    with store.write() as connection:
        connection.execute(text('CREATE SCHEMA "Their extensions"'))
        connection.execute(text('CREATE EXTENSION vector SCHEMA "Their extensions"'))


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    """A store whose extension came after its vectors."""
    opened = open_copy(name_postgres_database(postgres_url), "asked", fill)
    add_extension(opened)
    upgrade_store(opened.url.render_as_string(hide_password=False))
    yield opened
    opened.engine.dispose()


def read_halves(store: Store) -> dict[tuple[str, str], list[float]]:
    with store.read() as connection:
        rows = connection.execute(text("SELECT text_hash, model, data::text FROM vector_half"))
        return {(row[0], row[1]): [float(each) for each in row[2][1:-1].split(",")] for row in rows}


def read_stored(store: Store) -> dict[tuple[str, str], list[float]]:
    with store.read() as connection:
        return {
            (row.text_hash, row.model): np.frombuffer(row.data, dtype="<f2").tolist()
            for row in connection.execute(tables.vector.select())
        }


def assert_same(store: Store) -> None:
    halves, stored = read_halves(store), read_stored(store)
    assert halves.keys() == stored.keys()
    for key, numbers in stored.items():
        assert np.array_equal(np.array(halves[key], dtype=np.float16), np.array(numbers)), key


def test_every_vector_is_there_once_more_and_goes_with_its_own(store: Store) -> None:
    assert_same(store)
    wide = np.linspace(-1, 1, 768).astype("<f2").tobytes()
    with store.write() as connection:
        write_vectors(connection, "another encoder", {"a": wide, "b": wide})
    assert_same(store)
    with store.write() as connection:
        connection.execute(delete(tables.vector).where(tables.vector.c.text_hash != "a"))
    assert read_halves(store).keys() == {("a", "another encoder")}
    rewrite_store(store)


def test_answers_are_the_same_with_and_without_the_server_comparing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = [
        ("refund", Filters()),
        ("money is late", Filters(langs=("he",))),
        ("courier", Filters(sources=("social", "review"))),
        ("crash at login", Filters(segments=("gold",))),
        ("refund", Filters(themes=("t2",))),
        ('refund "order A-1234"', Filters()),
        ("crash on iPhone 15", Filters()),
    ]

    def ask() -> list[tuple[list[str], int]]:
        asker = make_asker(store, tmp_path)
        found = [asker.ask(words, filters, 4) for words, filters in questions]
        return [(texts_of(each), each.n_texts) for each in found]

    whole = ask()
    made: list[int] = []

    def count(*given: object) -> shortlist.Shortlist:
        found = shortlist.make_shortlist(*given)  # type: ignore[arg-type]
        made.append(len(found.hashes))
        return found

    monkeypatch.setattr(shortlist, "LEAST_VECTORS", 1)
    monkeypatch.setattr("pipelines.asking.asking.make_shortlist", count)
    assert ask() == whole
    # Names and words that must be there are looked for in all texts.
    assert len(made) == len(questions) - 2


def test_a_shortlist_that_was_cut_too_short_is_not_the_last_word(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = make_asker(store, tmp_path).ask("refund", Filters(), 50)
    monkeypatch.setattr(shortlist, "LEAST_VECTORS", 1)
    monkeypatch.setattr(shortlist, "_A_LANGUAGE", 1)
    monkeypatch.setattr(shortlist, "_AN_ANSWER", 0)
    assert make_asker(store, tmp_path).ask("refund", Filters(), 50).answers == whole.answers


def test_an_extension_that_hides_the_table_is_told_with_what_to_do(postgres_url: str) -> None:
    url = make_postgres_database(postgres_url)
    with make_empty_store(url).engine.begin() as connection:
        connection.execute(text("CREATE EXTENSION vector"))
    with pytest.raises(ConfigError, match="ALTER EXTENSION vector SET SCHEMA"):
        open_store(url, create=True)
    with make_empty_store(url).engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA extensions"))
        connection.execute(text("ALTER EXTENSION vector SET SCHEMA extensions"))
    store = open_store(url, create=True)
    assert read_halves(store) == {}
    store.engine.dispose()


def test_a_copy_keeps_them_where_its_server_can(store: Store, postgres_url: str) -> None:
    url = make_postgres_database(postgres_url)
    copy_store(store.url.render_as_string(hide_password=False), url, 1, SilentProgress())
    plain = open_store(url)
    with plain.read() as connection:
        assert connection.execute(text("SELECT to_regclass('vector_half')")).scalar() is None
    plain.engine.dispose()
    other = name_postgres_database(postgres_url)
    empty = open_copy(other, "empty")
    add_extension(empty)
    upgrade_store(other)
    empty.engine.dispose()
    copy_store(url, other, 1, SilentProgress())
    copied = open_store(other)
    assert_same(copied)
    copied.engine.dispose()
