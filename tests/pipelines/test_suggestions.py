"""Themes that may be the same: what people decide about them is not asked again."""

from collections.abc import Iterator
from typing import Any

import pytest

from nlp.themes.linking import Link
from pipelines.edits.suggestions import list_suggestions
from pipelines.errors import ConfigError
from pipelines.runs import begin_run
from pipelines.store import Store
from pipelines.themes.suggestions import store_suggestions
from tests.pipelines.planted import copy_tables, edit, make_store, plant, read_themes


@pytest.fixture
def filled(store_url: str) -> Iterator[Store]:
    store = make_store(store_url)
    suggest(store)
    yield store
    store.engine.dispose()


def suggest(store: Store) -> None:
    """What a run does with the links that it finds: of the first theme with the three others."""
    ids = dict(enumerate(read_themes(store)))
    links = [Link(0, 1, 0.3), Link(2, 0, 0.28), Link(0, 3, 0.26), Link(0, 9, 0.25)]
    with begin_run(store, "test", config_hash="", lock_timeout_s=1) as run:
        store_suggestions(run, ids, links)


def open_in(store: Store) -> list[dict[str, Any]]:
    with store.read() as connection:
        return list_suggestions(connection)


def test_suggestions_are_listed_the_surest_first(filled: Store) -> None:
    a, b, c, d = read_themes(filled)
    found = open_in(filled)
    assert [row["strength"] for row in found] == [0.3, 0.28, 0.26]
    pairs = [{theme["theme_id"] for theme in row["themes"]} for row in found]
    assert pairs == [{a, b}, {a, c}, {a, d}]
    suggest(filled)
    assert open_in(filled) == found


def test_a_refused_suggestion_is_never_made_again_until_it_is_undone(filled: Store) -> None:
    before = copy_tables(filled)
    first, *others = open_in(filled)
    edit(filled, "refuse", other_id=first["suggestion_id"])
    suggest(filled)
    assert open_in(filled) == others
    with pytest.raises(ConfigError, match="is not open: it was refused"):
        edit(filled, "accept", other_id=first["suggestion_id"])
    edit(filled, "undo")
    assert open_in(filled) == [first, *others]
    assert copy_tables(filled) == before


def test_an_accepted_suggestion_is_a_merge_into_the_larger_theme(filled: Store) -> None:
    first, *_ = open_in(filled)
    sizes = {theme["theme_id"]: theme["n_mentions"] for theme in first["themes"]}
    made = edit(filled, "accept", other_id=first["suggestion_id"])
    assert (made.action, made.payload["into"]) == ("merge", max(sizes, key=lambda key: sizes[key]))
    assert len(open_in(filled)) == 2
    into = made.payload["into"]
    assert all(into in {each["theme_id"] for each in row["themes"]} for row in open_in(filled))
    with pytest.raises(ConfigError, match=f"its themes are one already, {into}"):
        edit(filled, "refuse", other_id=first["suggestion_id"])
    edit(filled, "undo")
    assert open_in(filled)[0] == first


def test_a_pinned_theme_stays_when_a_suggestion_is_accepted(filled: Store) -> None:
    first, *_ = open_in(filled)
    smaller = min(first["themes"], key=lambda theme: (theme["n_mentions"], theme["theme_id"]))
    edit(filled, "pin", text=smaller["name"], examples=[plant().texts[0]])
    made = edit(filled, "accept", other_id=first["suggestion_id"])
    assert made.payload["into"] == smaller["theme_id"]


def test_an_unknown_suggestion_is_refused(filled: Store) -> None:
    with pytest.raises(ConfigError, match=r"no suggestion 's0'.*earful themes suggestions"):
        edit(filled, "accept", other_id="s0")
