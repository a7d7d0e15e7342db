"""``earful themes rename`` and its like, as they are typed."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from nlp.themes.edits import pair_of
from nlp.themes.linking import Link
from pipelines import tables
from pipelines.job import Job
from pipelines.runs import begin_run
from pipelines.store import Store
from pipelines.themes.suggestions import store_suggestions
from tests.command_line import Call, make_call
from tests.pipelines.planted import PlantedModels, make_store, read_mentions, read_themes


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
    monkeypatch.setenv("LOGNAME", "noa")
    return make_call(capsys)


@pytest.fixture
def run(call: Call) -> Callable[..., Any]:
    """Run a command of themes with --json and give what it says."""

    def run_json(*arguments: str) -> Any:
        ended = call("themes", *arguments, "--json")
        assert ended.code == 0, ended.err
        return json.loads(ended.out)

    return run_json


def test_each_command_edits_and_undo_takes_it_back(
    filled: Store, run: Callable[..., Any], call: Call
) -> None:
    a, b, c, d = read_themes(filled)
    mention = min(key for key, row in read_mentions(filled).items() if row["theme_id"] == d)
    done = [
        run("rename", a, "Late cards"),
        run("rename", a, "Cartes en retard", "--lang", "fr", "--author", "dana"),
        run("describe", a, "Cards that come late"),
        run("merge", b, c),
        run("move", mention, "--to", a),
        run("mute", c),
        run("unmute", c),
        run("fixed", c, "--at", "2026-02-01T12:00+02:00"),
        run("group", a, "--under", c),
        run("group", a, "--alone"),
    ]
    assert [each["edit_id"] for each in done] == [f"e{n:06d}" for n in range(1, 11)]
    assert done[7]["payload"] == {"at": "2026-02-01T10:00:00+00:00"}
    assert done[4]["payload"]["mentions"].keys() == {mention}
    with filled.read() as connection:
        authors = connection.execute(select(tables.theme_edit.c.author)).scalars().all()
        commands = connection.execute(select(tables.run.c.command)).scalars().all()
    assert authors == ["noa", "dana", *["noa"] * 8]
    assert commands[1:4] == ["themes rename", "themes rename", "themes describe"]
    assert {row["theme_id"] for row in run("list")} == {a, c, d}
    assert {row["theme_id"]: row["status"] for row in run("list", "--all")}[b] == "merged"
    assert run("undo")["payload"] == {"edit_id": "e000010"}
    assert run("undo")["payload"] == {"edit_id": "e000009"}
    run("undo", "e000004")
    assert read_themes(filled)[b]["status"] == "active"


def test_show_and_history_say_who_changed_what(
    filled: Store, run: Callable[..., Any], call: Call
) -> None:
    a, b, *_ = read_themes(filled)
    run("rename", a, "Late cards", "--author", "[bold]dana")
    run("merge", a, b)
    run("undo", "e000001")
    shown = call("themes", "show", a).out
    assert f"merged into {b} by e000002" in shown
    history = call("themes", "history", a).out
    for said in (shown, history):
        assert "born of" in said
        assert "renamed to “Late cards”" in " ".join(said.split())
        assert "undone by e000003" in " ".join(said.split())
        assert "[bold]dana" in said
    everything = run("history")
    assert [row["event"] for row in everything if row["edit_id"]] == [
        *("renamed", "merged", "merged", "undone"),
    ]
    assert "theme" in call("themes", "history").out
    assert all(row["theme_id"] == b for row in run("history", b))


def test_a_group_is_told_apart_from_the_theme_that_leads_it(
    filled: Store, run: Callable[..., Any], call: Call
) -> None:
    a, b, c, d = read_themes(filled)
    run("rename", b, "Cards")
    for follower in (a, c):
        run("group", follower, "--under", b)
    rows = {row["theme_id"]: row for row in run("list")}
    group = "Cards and 2 more"
    assert [rows[each]["group_name"] for each in (a, b, c, d)] == [group, group, group, None]
    assert rows[a]["parent_name"] == "Cards"
    with filled.read() as connection:
        shown = connection.execute(text("SELECT theme_id, group_name FROM v_theme")).all()
    assert dict(shown) == {a: group, b: group, c: group, d: None}
    assert call("themes", "list").out.count(group) == 3
    assert f"in the group “{group}”, led by {b}" in call("themes", "show", a).out
    assert run("show", b)["group_name"] == group
    for each in (a, b, c, d):
        run("mute", each)
    assert "no theme is active" in call("themes", "list").out


def test_show_lists_mentions_to_move(filled: Store, run: Callable[..., Any], call: Call) -> None:
    a, b, *_ = read_themes(filled)
    shown = run("show", a, "--mentions", "2")["mentions"]
    assert [each["edit_id"] for each in shown] == [None, None]
    assert shown[0]["theme_strength"] <= shown[1]["theme_strength"]
    run("move", shown[0]["mention_id"], "--to", b)
    assert " e000001 " in call("themes", "show", b, "--mentions", "200").out
    assert run("show", a)["mentions"] == []


def test_an_edit_says_what_it_did_and_how_to_take_it_back(filled: Store, call: Call) -> None:
    a, b, c, _ = read_themes(filled)
    said = call("themes", "merge", a, b)
    assert said.code == 0
    assert f"e000001: merge of {a}" in said.out
    assert "earful themes undo e000001" in said.out
    assert f"{a} was merged into {b}, so {b} it is" in call("themes", "merge", c, a).out


def test_what_may_not_have_been_meant_is_said(
    filled: Store, run: Callable[..., Any], call: Call
) -> None:
    a, b, c, _ = read_themes(filled)
    mention = min(key for key, row in read_mentions(filled).items() if row["theme_id"] == a)
    assert run("rename", a, "Late cards")["notes"] == []
    (same,) = run("rename", b, "late CARDS")["notes"]
    assert f"{a} is called so too" in same
    run("mute", c)
    for arguments in (("merge", b, c), ("move", mention, "--to", c)):
        assert f"bring it back with: earful themes unmute {c}" in call("themes", *arguments).out
    again = call("themes", "move", mention, "--to", b)  # which is in c
    assert (again.code, "by e000005 already; nothing was done" in again.err) == (2, True)


def test_what_people_say_of_a_theme_in_other_languages_is_shown(
    filled: Store, run: Callable[..., Any], call: Call
) -> None:
    a, *_ = read_themes(filled)
    run("rename", a, "Cartes en retard", "--lang", "French")
    run("describe", a, "Les cartes arrivent tard", "--lang", "fr")
    run("describe", a, "כרטיסים שמאחרים", "--lang", "iw")
    shown = call("themes", "show", a).out
    assert "in fr: Cartes en retard – Les cartes arrivent tard\n" in shown
    assert "in he: כרטיסים שמאחרים\n" in shown


def test_wrong_use_is_told_apart_from_a_missing_store_and_a_held_lock(
    filled: Store, call: Call
) -> None:
    a, *_ = read_themes(filled)
    wrong = [
        ("rename", "t0", "x"),
        ("rename", a),
        ("merge", a, a),
        ("group", a),
        ("group", a, "--alone", "--under", a),
        ("move", "m0", "--to", a),
        ("undo",),
        ("history", "t0"),
    ]
    for arguments in wrong:
        assert call("themes", *arguments).code == 2, arguments
    assert call("themes", "mute", a, "--db", "none.db").code == 1
    assert not Path("none.db").exists()
    with filled.lock(1):
        held = call("themes", "mute", a, "--lock-timeout", "0.1")
    assert held.code == 4
    assert call("runs", "--json").out.count("themes ") == 0


def test_themes_are_split_suggested_and_exchanged(
    filled: Store,
    run: Callable[..., Any],
    call: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Job, "models", PlantedModels())
    a, *_ = read_themes(filled)
    mention = min(key for key, row in read_mentions(filled).items() if row["theme_id"] == a)
    split = run("split", a, "--example", mention, "--name", "Lost cards")
    part = split["payload"]["parts"][1]["theme_id"]
    assert read_themes(filled)[part]["name"] == "Lost cards"
    assert run("suggestions") == []
    assert "no suggestion is open" in call("themes", "suggestions").out
    pair = pair_of(a, part)
    with begin_run(filled, "test", config_hash="", lock_timeout_s=1) as begun:
        store_suggestions(begun, dict(enumerate(pair)), [Link(0, 1, 0.3)])
    assert "May be the same" in call("themes", "suggestions").out
    (found,) = run("suggestions")
    assert run("refuse", found["suggestion_id"])["action"] == "refuse"
    assert call("themes", "accept", found["suggestion_id"]).code == 2
    book = str(tmp_path / "book.xlsx")
    assert run("export", book)["n_categories"] == len(read_themes(filled))
    assert run("import", book)["edits"] is None
    assert "nothing to change" in call("themes", "import", book).out
    for wrong in (("split", a), ("split", a, "--finer", "--example", mention)):
        assert call("themes", *wrong).code == 2
    history = " ".join(call("themes", "history", part).out.split())
    assert f"split from {a}" in history


@pytest.mark.parametrize(
    "name",
    [
        *("rename", "describe", "merge", "move", "mute", "unmute", "group", "undo", "history"),
        *("pin", "split", "suggestions", "accept", "refuse", "export", "import", "fixed", "impact"),
    ],
)
def test_each_command_has_help_with_an_example(call: Call, name: str) -> None:
    ended = call("themes", name, "--help")
    assert ended.code == 0
    assert f"earful themes {name}" in ended.out
