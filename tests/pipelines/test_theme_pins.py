"""Themes that must exist: what they draw, for how long, and what is left when they are undone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nlp.masking import STANDARD
from pipelines.edits.pins import make_pin
from pipelines.edits.requests import EditRequest
from pipelines.errors import ConfigError
from pipelines.store import Store
from pipelines.themes.history import read_history
from tests.pipelines.planted import (
    N_THEMES,
    add_feedback,
    copy_tables,
    count_rows,
    edit,
    make_store,
    plant,
    read_mentions,
    read_themes,
)
from tests.pipelines.store_copies import open_copy

# Texts of one planted theme, and the mentions of it.
OWN = [text for text, theme in zip(plant().texts, plant().themes, strict=True) if theme == 0]


@pytest.fixture
def filled(sqlite_url: str) -> Iterator[Store]:
    store = make_store(sqlite_url)
    yield store
    store.engine.dispose()


@pytest.fixture
def either(store_url: str) -> Iterator[Store]:
    """The same on either database: its tests have every statement that pins write with."""
    store = make_store(store_url)
    yield store
    store.engine.dispose()


def mentions_in(store: Store, theme_id: str) -> set[str]:
    return {key for key, row in read_mentions(store).items() if row["theme_id"] == theme_id}


def planted_in(theme: int, n_rows: int) -> set[str]:
    return {f"f{row:04d}-0" for row in range(n_rows) if row % N_THEMES == theme}


def pin(store: Store, name: str = "Late cards", **asked: object) -> str:
    return str(edit(store, "pin", text=name, **asked).theme_id)


def test_a_pinned_theme_draws_the_mentions_that_resemble_its_examples(filled: Store) -> None:
    theme_id = pin(filled, examples=OWN[:3])
    drawn = mentions_in(filled, theme_id)
    assert drawn <= planted_in(0, 160)
    assert len(drawn) > 0.9 * len(planted_in(0, 160))
    row = read_themes(filled)[theme_id]
    assert (row["name"], row["origin"], row["status"]) == ("Late cards", "pinned", "active")
    assert row["n_mentions"] == len(drawn)
    assert {read_mentions(filled)[key]["edit_id"] for key in drawn} == {"e000001"}
    assert count_rows(filled, "theme_quote", theme_id=theme_id) == 3


def test_later_mentions_go_to_a_pinned_theme_too(either: Store) -> None:
    theme_id = pin(either, examples=OWN[:3])
    before = mentions_in(either, theme_id)
    add_feedback(either, range(160, 200))
    after = mentions_in(either, theme_id)
    assert before < after <= planted_in(0, 200)
    again = copy_tables(either, with_logs=True)
    add_feedback(either, [])
    now = copy_tables(either, with_logs=True)
    assert {name for name in again if again[name] != now[name]} == {"run"}


def test_undoing_a_pin_frees_its_mentions_and_leaves_a_retired_theme(either: Store) -> None:
    before = copy_tables(either)
    theme_id = pin(either, examples=OWN[:3], keywords=["card"])
    pinned = copy_tables(either)
    edit(either, "undo")
    assert copy_tables(either) == before
    assert read_themes(either)[theme_id]["status"] == "retired"
    edit(either, "undo", other_id="e000002")
    assert copy_tables(either) == pinned
    edit(either, "undo", other_id="e000003")
    assert pin(either, examples=OWN[:3], keywords=["card"]) == theme_id


def test_a_theme_is_pinned_before_there_is_any_data(sqlite_url: str) -> None:
    store = open_copy(sqlite_url, "empty")
    theme_id = pin(store, examples=OWN[:3])
    row = read_themes(store)[theme_id]
    assert (row["status"], row["n_mentions"] or 0) == ("active", 0)
    add_feedback(store, range(160))
    assert len(mentions_in(store, theme_id)) > 0.9 * len(planted_in(0, 160))
    store.engine.dispose()


def test_a_pin_changes_nothing_that_the_machine_finds(filled: Store, tmp_path: Path) -> None:
    pin(filled, examples=OWN[:3])
    add_feedback(filled, range(160, 220))
    twin = make_store(f"sqlite:///{tmp_path}/twin.db")
    add_feedback(twin, range(160, 220))
    names = ("nearest_theme_id", "theme_strength", "found_reason")
    found, expected = (
        {key: [row[name] for name in names] for key, row in read_mentions(each).items()}
        for each in (filled, twin)
    )
    assert found == expected
    twin.engine.dispose()


def test_a_keyword_goes_before_meaning(filled: Store) -> None:
    word = OWN[0].split()[0]
    theme_id = pin(filled, keywords=[word])
    texts = {key: row["text"] for key, row in read_mentions(filled).items()}
    held = {key for key, text in texts.items() if word in text.split()}
    assert held
    assert held <= mentions_in(filled, theme_id)
    assert len(mentions_in(filled, theme_id)) < 10


def test_a_theme_that_is_there_is_pinned_as_it_is(filled: Store) -> None:
    theme_id, row = next(iter(read_themes(filled).items()))
    mine = mentions_in(filled, theme_id)
    assert pin(filled, row["name"].upper(), keywords=["כרטיס"]) == theme_id
    assert read_themes(filled)[theme_id]["origin"] == "pinned"
    assert mine <= mentions_in(filled, theme_id)
    edit(filled, "undo")
    assert dict(read_themes(filled)[theme_id]) | {"updated_run": ""} == dict(row) | {
        "updated_run": ""
    }


def test_pinning_again_keeps_what_was_told_and_is_not_told_anew(filled: Store) -> None:
    theme_id = pin(filled, examples=OWN[:3])
    drawn = mentions_in(filled, theme_id)
    with pytest.raises(ConfigError, match="pinned just so by e000001"):
        pin(filled)
    edited = edit(filled, "pin", text="late CARDS", keywords=["כרטיס"])
    assert (edited.payload["examples"], edited.payload["keywords"]) == (OWN[:3], ["כרטיס"])
    assert drawn <= mentions_in(filled, theme_id)


def test_examples_are_masked_before_they_are_stored(filled: Store) -> None:
    pinned = edit(filled, "pin", text="Calls", examples=["call me: dana@example.com"])
    assert pinned.payload["examples"] == ["call me: <EMAIL>"]


def test_the_life_of_a_pinned_theme_says_who_pinned_it(filled: Store) -> None:
    theme_id = pin(filled, examples=OWN[:3])
    edit(filled, "undo")
    with filled.read() as connection:
        life = [(row["event"], row["author"]) for row in read_history(connection, theme_id)]
    assert life == [("pinned", "dana"), ("undone", "dana")]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"text": " "}, "the name is empty"),
        ({"text": "x", "examples": ["  "]}, "the example is empty"),
        ({"text": "x", "keywords": ["the"], "lang": "en"}, "says nothing by itself"),
        ({"text": "x", "keywords": ["!!"]}, "says nothing by itself"),
        ({"text": "x", "examples": ["y"] * 51}, "51 examples"),
        ({"text": "x", "lang": "zz"}, "is no language"),
        ({"text": "Late cards", "examples": OWN[:1]}, "pinned just so by e000001"),
    ],
)
def test_a_pin_that_makes_no_sense_is_refused_without_a_trace(
    pinned: Store, asked: dict[str, object], message: str
) -> None:
    before = copy_tables(pinned, with_logs=True)
    with pytest.raises(ConfigError, match=message):
        edit(pinned, "pin", **asked)
    assert copy_tables(pinned, with_logs=True) == before


@pytest.fixture(scope="module")
def pinned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with nothing but a pin; nothing writes into it."""
    store = open_copy(f"sqlite:///{tmp_path_factory.mktemp('pinned')}/store.db", "empty")
    pin(store, examples=OWN[:1])
    yield store
    store.engine.dispose()


def test_words_that_say_nothing_alone_may_say_something_together() -> None:
    asked = EditRequest("pin", keywords=["top up", "show up"], lang="en")
    pin = make_pin(asked, "Top-up", STANDARD)
    assert pin.keywords == ("top up", "show up")


def test_an_edit_of_a_pinned_theme_keeps_its_pin_from_being_undone(filled: Store) -> None:
    theme_id = pin(filled, examples=OWN[:3])
    edit(filled, "describe", theme_id, text="Cards that come late")
    with pytest.raises(ConfigError, match="undoing e000001 would leave edit e000002"):
        edit(filled, "undo", other_id="e000001")
    edit(filled, "undo", other_id="e000001-e000002")
    assert read_themes(filled)[theme_id]["status"] == "retired"
