"""``earful themes why``: who decided about a mention, and what speaks for it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from pipelines import tables
from pipelines.store import Store
from tests.command_line import Call, make_call
from tests.pipelines.planted import (
    add_feedback,
    edit,
    make_store,
    plant,
    read_mentions,
    read_themes,
)

mention, feedback = tables.mention, tables.feedback


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Store]:
    store = make_store(f"sqlite:///{tmp_path}/earful.db", 120)
    yield store
    store.engine.dispose()


@pytest.fixture
def call(
    tmp_path: Path,
    filled: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Call:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "110")
    return make_call(capsys)


@pytest.fixture
def why(call: Call) -> Callable[[str], Any]:
    """Ask about a mention; what is printed must hold together as well."""

    def ask(mention_id: str) -> Any:
        ended = call("themes", "why", mention_id, "--json")
        assert ended.code == 0, ended.err
        shown = call("themes", "why", mention_id)
        assert shown.code == 0, shown.err
        found = json.loads(ended.out)
        assert found["decided"]["id"] is None or found["decided"]["id"] in shown.out
        return found

    return ask


def find_mention(store: Store, **values: Any) -> str:
    """The first mention with these values."""
    rows = read_mentions(store).values()
    return next(
        row["mention_id"] for row in rows if all(row[name] == values[name] for name in values)
    )


def change(store: Store, table: Any, key: str, **values: Any) -> None:
    column = next(iter(table.primary_key))
    with store.write() as connection:
        connection.execute(update(table).where(column == key).values(**values))


def test_an_assigned_mention_names_its_run_its_theme_and_the_next(
    filled: Store, why: Callable[[str], Any]
) -> None:
    theme_id = next(iter(read_themes(filled)))
    found = why(find_mention(filled, theme_id=theme_id))
    assert found["theme"]["theme_id"] == found["found"]["theme_id"] == theme_id
    assert found["decided"]["by"] == "run"
    assert found["decided"]["is_birth"] is True
    assert found["strength"] >= found["threshold"] == 0.5
    assert found["needs"] == "" and found["found_reason"] is None
    assert found["rivals"][0]["theme"]["theme_id"] == theme_id
    assert found["rivals"][0]["n_votes"] >= 8
    assert found["runner_up"]["theme_id"] == found["rivals"][1]["theme"]["theme_id"] != theme_id
    assert len(found["nearest"]) == 5
    texts = set(plant().texts)
    for each in found["nearest"]:
        assert each["text"] in texts and each["mention_id"] != found["mention_id"]
        assert each["theme"]["theme_id"] == theme_id


def test_a_later_run_that_assigns_is_no_birth(filled: Store, why: Callable[[str], Any]) -> None:
    add_feedback(filled, range(120, 130))
    rows = read_mentions(filled)
    new = next(f"f{n:04d}-0" for n in range(120, 130) if rows[f"f{n:04d}-0"]["theme_id"])
    found = why(new)
    assert found["decided"]["is_birth"] is False
    assert found["decided"]["id"] != why("f0000-0")["decided"]["id"]


def test_a_moved_mention_names_the_person_and_what_was_found(
    filled: Store, why: Callable[[str], Any]
) -> None:
    a, b, *_ = read_themes(filled)
    moved = find_mention(filled, theme_id=a)
    made = edit(filled, "move", b, mention_ids=[moved])
    found = why(moved)
    assert found["theme"]["theme_id"] == b and found["found"]["theme_id"] == a
    decided = found["decided"]
    assert (decided["by"], decided["id"], decided["who"], decided["what"]) == (
        *("edit", made.edit_id, "dana", "move"),
    )
    edit(filled, "undo")
    assert why(moved)["decided"]["by"] == "run"


def test_a_merged_theme_is_followed_and_is_not_its_own_runner_up(
    filled: Store, why: Callable[[str], Any]
) -> None:
    a, *_ = read_themes(filled)
    asked = find_mention(filled, theme_id=a)
    second = why(asked)["runner_up"]["theme_id"]
    made = edit(filled, "merge", a, other_id=second)
    found = why(asked)
    assert found["theme"]["theme_id"] == second
    assert found["found"] == {**found["found"], "theme_id": a, "status": "merged"}
    assert found["decided"]["id"] == made.edit_id
    assert found["rivals"][0]["seen_as"]["theme_id"] == second
    assert found["runner_up"]["theme_id"] not in (a, second)


@pytest.mark.parametrize(
    ("reason", "text", "words"),
    [
        ("far_from_all", "six words that say so much", ("more of likeness", "nearest mentions")),
        ("between_themes", "six words that say so much", ("neighbours that agree", "nearest 10")),
        ("too_short", "two words", ("more to go by than 2 words",)),
        ("language_unknown", "six words that say so much", ("a language that can be told",)),
        ("no_content", "😀 12", ("at least one word",)),
    ],
)
def test_an_unassigned_mention_says_what_it_would_have_taken(
    filled: Store, why: Callable[[str], Any], reason: str, text: str, words: tuple[str, ...]
) -> None:
    asked = "f0000-0"
    far = (-plant().vectors.astype(float).mean(axis=0)).astype("float16").tobytes()
    change(filled, tables.vector, "h0000", data=far)
    values = {"theme_id": None, "unassigned_reason": reason, "found_reason": reason}
    change(filled, mention, asked, text=text, theme_strength=0.2, **values)
    found = why(asked)
    assert found["theme"] is None and found["unassigned_reason"] == reason
    assert found["found"] is not None
    for each in words:
        assert each in found["needs"]


def test_a_mention_that_would_fit_by_now_says_so(filled: Store, why: Callable[[str], Any]) -> None:
    asked = find_mention(filled, unassigned_reason=None)
    values = {"theme_id": None, "unassigned_reason": "far_from_all", "found_reason": "far_from_all"}
    change(filled, mention, asked, **values)
    assert "nothing more by the themes as they are now" in why(asked)["needs"]


def test_noise_says_what_its_feedback_was_set_aside_as(
    filled: Store, why: Callable[[str], Any]
) -> None:
    change(filled, feedback, "f0000", noise_reason="spam", noise_score=0.93)
    with filled.write() as connection:
        connection.execute(
            update(mention)
            .where(mention.c.mention_id == "f0000-0")
            .values(theme_id=None, nearest_theme_id=None, found_reason="noise")
            .values(unassigned_reason="noise", theme_strength=None)
        )
    found = why("f0000-0")
    assert "set aside as spam (score 0.93)" in found["needs"]
    assert found["rivals"] == found["nearest"] == []


def test_a_mention_that_no_run_has_decided_about_says_so(
    filled: Store, why: Callable[[str], Any]
) -> None:
    values = {"nearest_theme_id": None, "theme_id": None, "found_run": None}
    change(filled, mention, "f0000-0", theme_strength=None, found_reason=None, **values)
    found = why("f0000-0")
    assert found["decided"]["by"] == "nobody" and "earful discover" in found["needs"]


def test_an_unknown_mention_is_wrong_use_and_says_where_ids_are(filled: Store, call: Call) -> None:
    ended = call("themes", "why", "f9999-0")
    assert ended.code == 2
    assert "there is no mention 'f9999-0'" in ended.err
    assert "earful themes show THEME_ID --mentions 20" in ended.err
    assert call("themes", "why", "f0000-0", "--db", "none.db").code == 1


def test_asking_changes_nothing(filled: Store, why: Callable[[str], Any]) -> None:
    before = read_mentions(filled)
    why("f0001-0")
    assert read_mentions(filled) == before
