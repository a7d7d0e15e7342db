"""Vectors that stay in the store: read by parts they give what all of them in memory give."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

import nlp.themes.vectors
import pipelines.themes.draws
import pipelines.themes.growth
import pipelines.themes.members
import pipelines.themes.pool
from nlp.themes.context import mix_context
from pipelines import tables
from pipelines.store import Store, open_store
from pipelines.themes.members import choose_known
from pipelines.themes.pool import read_pool
from pipelines.themes.pool_vectors import find_vectors
from tests.pipelines.growing import NEVER, feed, texts_of
from tests.pipelines.planted import (
    ENCODER,
    add_feedback,
    copy_tables,
    edit,
    make_store,
    plant,
    read_mentions,
    read_themes,
)

SIZES = (1, 3, 12, 2, 9, 1, 8)  # mentions a feedback; from nine on only the next ones are near
N_MENTIONS = sum(SIZES)
_RUN = re.compile(r"\d{8}T\d+[0-9a-f]+")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('vectors')}/earful.db", create=True)
    # Every fifth mention says what the one before says.
    rows = [
        {"text_hash": f"h{row}", "model": ENCODER, "data": plant().vectors[row].tobytes()}
        for row in range(N_MENTIONS)
        if row % 5 != 4
    ]
    with store.write() as connection:
        connection.execute(insert(tables.vector), rows)
    yield store
    store.engine.dispose()


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.integers(0, N_MENTIONS - 1), max_size=50))
def test_any_part_of_the_vectors_is_as_in_the_whole(filled: Store, rows: list[int]) -> None:
    texts_of_mentions = [f"f{number}" for number, size in enumerate(SIZES) for _ in range(size)]
    said = [row - (row % 5 == 4) for row in range(N_MENTIONS)]
    hashes = [f"h{row}" for row in said]
    whole = mix_context(plant().vectors[said], texts_of_mentions)
    with filled.read() as connection:
        vectors = find_vectors(connection, ENCODER, hashes, texts_of_mentions)
        assert vectors.shape == whole.shape
        np.testing.assert_array_equal(vectors[np.array(rows, dtype=int)], whole[rows])
        np.testing.assert_array_equal(vectors[5:20], whole[5:20])
        np.testing.assert_array_equal(vectors.take(rows)[:], whole[rows])


def test_a_pool_that_stays_in_the_store_gives_the_same_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(name: str) -> dict[str, list[str]]:
        store = make_store(f"sqlite:///{tmp_path}/{name}.db", 160)
        first, second = sorted(read_themes(store))[:2]
        edit(store, "pin", text="a subject", examples=plant().texts[:2])
        edit(store, "split", first, mention_ids=_mentions_of(store, first)[:2])
        edit(store, "merge", second, other_id=first)
        add_feedback(store, range(160, 240))
        found = copy_tables(store)
        store.engine.dispose()
        return {key: [_RUN.sub("run", row) for row in rows] for key, rows in found.items()}

    in_memory = fill("memory")
    monkeypatch.setattr(pipelines.themes.pool, "IN_MEMORY_ROWS", 0)
    for module in (nlp.themes.vectors, pipelines.themes.draws):
        monkeypatch.setattr(module, "READ_ROWS", 37)
    assert fill("store") == in_memory


def _mentions_of(store: Store, theme_id: str) -> list[str]:
    column = tables.mention.c
    with store.read() as connection:
        query = tables.mention.select().where(column.theme_id == theme_id)
        return sorted(row.mention_id for row in connection.execute(query))


def test_members_that_stand_for_all_are_bounded_and_of_every_theme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(f"sqlite:///{tmp_path}/earful.db", 240)
    monkeypatch.setattr(pipelines.themes.members, "MAX_KNOWN_MEMBERS", 100)
    with store.read() as connection:
        pool = read_pool(connection, ENCODER)
        known = choose_known(pool, without={0})
    assert 80 <= len(known.labels) <= 104
    assert known.theme_ids == sorted({each for each in pool.themes if each})
    assert pool.keys[0] not in known.pool.keys
    assert [known.theme_ids[label] for label in known.labels] == known.pool.themes
    store.engine.dispose()


def test_new_texts_that_were_too_many_join_the_theme_that_is_born_of_the_others(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(sqlite_url, create=True)
    feed(store, [text for theme in range(6) for text in texts_of(theme, range(40))])
    known = set(read_themes(store))
    monkeypatch.setattr(pipelines.themes.growth, "MAX_OUTSIDE", 60)
    new = [text for theme in (9, 10) for text in texts_of(theme, range(45))]
    feed(store, new, NEVER)
    born = set(read_themes(store)) - known
    found = [row for key, row in read_mentions(store).items() if key[:3] in ("f09", "f10")]
    assert sum(row["nearest_theme_id"] in born for row in found) >= 75
    assert sum(row["theme_id"] in born for row in found) > 60
    store.engine.dispose()
