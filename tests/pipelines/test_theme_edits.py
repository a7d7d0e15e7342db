"""People's edits of themes: no run takes them back, and undoing them leaves no trace."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, insert, text, update

from pipelines import tables
from pipelines.edits.apply import apply_edits
from pipelines.errors import ConfigError
from pipelines.overview import list_themes, show_theme
from pipelines.report.facts import gather_facts
from pipelines.runs import begin_run
from pipelines.store import Store
from pipelines.themes.births import _read_names
from pipelines.themes.history import read_history
from pipelines.themes.pool import load_members
from tests.pipelines.planted import (
    ENCODER,
    START,
    PlantedModels,
    add_customers,
    add_feedback,
    copy_tables,
    count_outdated,
    count_rows,
    edit,
    make_store,
    plant,
    read_mentions,
    read_themes,
)


@pytest.fixture
def filled(sqlite_url: str) -> Iterator[Store]:
    store = make_store(sqlite_url)
    yield store
    store.engine.dispose()


@pytest.fixture
def either(store_url: str) -> Iterator[Store]:
    """The same on either database: its tests have every statement that edits write with."""
    store = make_store(store_url)
    yield store
    store.engine.dispose()


def ids_of(store: Store) -> list[str]:
    return list(read_themes(store))


def mentions_in(store: Store, theme_id: str | None) -> set[str]:
    return {key for key, row in read_mentions(store).items() if row["theme_id"] == theme_id}


def found_in(store: Store, theme_id: str) -> set[str]:
    """Mentions that were found to belong to a theme, whatever people say."""
    return {
        key
        for key, row in read_mentions(store).items()
        if row["nearest_theme_id"] == theme_id and row["found_reason"] is None
    }


def test_a_name_survives_a_later_run_with_new_feedback(filled: Store) -> None:
    theme_id = ids_of(filled)[0]
    found_name = read_themes(filled)[theme_id]["name"]
    edit(filled, "rename", theme_id, text="  Late   cards ")
    edit(filled, "rename", theme_id, text="Cartes en retard", lang="fr")
    edit(filled, "describe", theme_id, text="Cards that come late")
    before = found_in(filled, theme_id)
    add_feedback(filled, range(160, 200))
    row = read_themes(filled)[theme_id]
    assert (row["name"], row["found_name"]) == ("Late cards", found_name)
    assert (row["description"], row["names"]) == (
        "Cards that come late",
        {"fr": "Cartes en retard"},
    )
    assert before < found_in(filled, theme_id) == mentions_in(filled, theme_id)


def test_new_feedback_of_a_merged_theme_goes_to_its_target(either: Store) -> None:
    gone, into, *_ = ids_of(either)
    both = mentions_in(either, gone) | mentions_in(either, into)
    edit(either, "merge", gone, other_id=into)
    assert mentions_in(either, into) == both
    assert count_rows(either, "theme_period", theme_id=gone) == 0
    assert count_rows(either, "theme_quote", theme_id=gone) == 0
    assert count_rows(either, "customer_theme", theme_id=gone) == 0
    before = found_in(either, gone)
    add_feedback(either, range(160, 200))
    rows = read_themes(either)
    assert before < found_in(either, gone) < mentions_in(either, into)
    assert mentions_in(either, gone) == set()
    assert (rows[gone]["status"], rows[gone]["merged_into"], rows[gone]["n_mentions"]) == (
        *("merged", into, 0),
    )
    assert rows[into]["n_mentions"] == len(mentions_in(either, into))
    with either.read() as connection:
        shown = set(connection.execute(text("SELECT theme_id FROM v_theme")).scalars())
    assert shown == rows.keys() - {gone}
    decided = {row["edit_id"] for row in read_mentions(either).values()}
    assert decided == {None, "e000001"}


def test_a_merge_changes_nothing_that_the_machine_finds(filled: Store, file_url: str) -> None:
    gone, into, *_ = ids_of(filled)
    edit(filled, "merge", gone, other_id=into)
    edit(filled, "move", into, mention_ids=sorted(mentions_in(filled, None))[:3] or ["f0003-0"])
    add_feedback(filled, range(160, 220))
    untouched = make_store(file_url.replace("store.db", "other.db"))
    add_feedback(untouched, range(160, 220))
    names = ("nearest_theme_id", "theme_strength", "found_reason")
    found, expected = (
        {key: [row[name] for name in names] for key, row in read_mentions(each).items()}
        for each in (filled, untouched)
    )
    assert found == expected
    untouched.engine.dispose()


def test_a_moved_mention_stays_where_it_was_put(filled: Store) -> None:
    source, target, *_ = ids_of(filled)
    moved = sorted(mentions_in(filled, source))[:2]
    edit(filled, "move", target, mention_ids=[*moved, moved[0]])
    add_feedback(filled, range(160, 200))
    rows = read_mentions(filled)
    assert {(rows[key]["theme_id"], rows[key]["edit_id"]) for key in moved} == {
        (target, "e000001"),
    }
    assert {rows[key]["nearest_theme_id"] for key in moved} == {source}
    quoted = copy_tables(filled)["theme_quote"]
    assert not any(key in quote and source in quote for key in moved for quote in quoted)


def test_a_moved_mention_without_a_theme_loses_the_reason_and_gets_it_back(filled: Store) -> None:
    rows = read_mentions(filled)
    alone = min(key for key, row in rows.items() if row["theme_id"] is None)
    edit(filled, "move", ids_of(filled)[0], mention_ids=[alone])
    assert read_mentions(filled)[alone]["unassigned_reason"] is None
    edit(filled, "undo")
    assert read_mentions(filled)[alone] == rows[alone]


def test_a_moved_mention_that_says_something_else_now_is_where_it_is_found(filled: Store) -> None:
    source, target, *_ = ids_of(filled)
    moved = min(mentions_in(filled, source))
    edit(filled, "move", target, mention_ids=[moved])
    with begin_run(filled, "test", config_hash="", lock_timeout_s=1) as run:
        column = tables.mention.c.mention_id
        run.connection.execute(
            update(tables.mention).where(column == moved).values(text_hash="other")
        )
        run.mark_changed()
        applied = apply_edits(run, PlantedModels())
    assert applied.n_moves_lost == 1
    assert read_mentions(filled)[moved]["theme_id"] == source


def test_a_moved_mention_of_feedback_that_is_read_anew_stays_while_it_says_the_same(
    either: Store,
) -> None:
    source, target, *_ = ids_of(either)
    moved = min(mentions_in(either, source))
    edit(either, "move", target, mention_ids=[moved])
    before = read_mentions(either)[moved]
    with begin_run(either, "test", config_hash="", lock_timeout_s=1) as run:
        column = tables.mention.c.mention_id
        run.connection.execute(delete(tables.mention).where(column == moved))
        decided = ("theme_id", "nearest_theme_id", "theme_strength", "found_reason", "edit_id")
        fresh = {**before, **dict.fromkeys(decided)}
        run.connection.execute(insert(tables.mention).values(**fresh))
        run.mark_changed()
    add_feedback(either, [])
    after = read_mentions(either)[moved]
    assert (after["theme_id"], after["edit_id"]) == (target, "e000001")
    assert after["nearest_theme_id"] is not None


def test_undoing_every_edit_restores_every_table(either: Store) -> None:
    a, b, c, d = ids_of(either)
    before = copy_tables(either)
    some = sorted(mentions_in(either, a))[:3] + sorted(mentions_in(either, c))[:1]
    edit(either, "rename", a, text="one")
    edit(either, "describe", a, text="what it is", lang="he")
    edit(either, "move", d, mention_ids=some)
    edit(either, "merge", a, other_id=b)
    edit(either, "merge", b, other_id=c)
    edit(either, "mute", c)
    edit(either, "group", c, other_id=d)
    assert copy_tables(either) != before
    for _ in range(7):
        edit(either, "undo")
    assert copy_tables(either) == before
    with pytest.raises(ConfigError, match="no edit to undo"):
        edit(either, "undo")


def test_after_each_edit_all_figures_are_those_of_looking_at_everything(either: Store) -> None:
    one, other, third, *_ = ids_of(either)
    moved = tuple(sorted(mentions_in(either, one))[:5])
    noise = moved[0].partition("-")[0]
    with either.write() as connection:
        chosen = update(tables.feedback).where(tables.feedback.c.feedback_id == noise)
        connection.execute(chosen.values(noise_reason="spam", found_noise_reason="spam"))
    add_customers(either)
    edits: list[tuple[str, str | None, dict[str, Any]]] = [
        ("move", third, {"mention_ids": moved}),
        ("mute", third, {}),
        ("fixed", one, {"text": "2026-02-01"}),
        ("not_noise", None, {"mention_ids": (noise,)}),
        ("merge", one, {"other_id": other}),
        ("undo", None, {"other_id": "e000001"}),
        ("unmute", third, {}),
        ("pin", None, {"text": "Nobody speaks of it", "keywords": ("zebra",)}),
        ("pin", None, {"text": "Like some", "examples": (plant().texts[0],)}),
        ("split", other, {"mention_ids": sorted(mentions_in(either, other))[:3]}),
        ("group", third, {"other_id": other}),
        *([("undo", None, {})] * 4),
    ]
    for action, theme_id, asked in edits:
        edit(either, action, theme_id, **asked)
        assert count_outdated(either) == 0, action


def test_undoing_an_undo_brings_the_edit_back(filled: Store) -> None:
    a, b, *_ = ids_of(filled)
    edit(filled, "merge", a, other_id=b)
    merged = copy_tables(filled)
    undo = edit(filled, "undo", other_id="e000001")
    edit(filled, "undo", other_id=undo.edit_id)
    assert copy_tables(filled) == merged


def test_an_undo_that_leaves_a_later_edit_without_sense_is_refused(filled: Store) -> None:
    a, b, *_ = ids_of(filled)
    edit(filled, "merge", a, other_id=b)
    edit(filled, "undo")
    edit(filled, "merge", b, other_id=a)
    before = copy_tables(filled, with_logs=True)
    with pytest.raises(ConfigError, match="undoing e000002 would leave edit e000003"):
        edit(filled, "undo", other_id="e000002")
    assert copy_tables(filled, with_logs=True) == before


def test_a_second_run_after_edits_writes_nothing(either: Store) -> None:
    a, b, c, d = ids_of(either)
    edit(either, "merge", a, other_id=b)
    edit(either, "move", c, mention_ids=sorted(mentions_in(either, d))[:2])
    edit(either, "mute", d)
    edit(either, "rename", b, text="both")
    before = copy_tables(either, with_logs=True)
    add_feedback(either, [])
    after = copy_tables(either, with_logs=True)
    assert {name for name in before if before[name] != after[name]} == {"run"}
    with begin_run(either, "test", config_hash="", lock_timeout_s=1) as run:
        run.mark_changed()
        assert apply_edits(run, PlantedModels()).n_written == 0


@pytest.mark.parametrize(
    ("action", "asked", "message"),
    [
        ("rename", {"theme_id": "t0", "text": "x"}, "no theme 't0'.*earful themes list"),
        ("rename", {"theme_id": "A", "text": "x"}, "merged into .* by e000001.*undo e000001"),
        ("rename", {"theme_id": "B", "text": " \n"}, "the name is empty"),
        ("rename", {"theme_id": "B", "text": "a | b"}, "cannot hold"),
        ("rename", {"theme_id": "B", "text": "x" * 201}, "201 characters"),
        ("rename", {"theme_id": "B", "text": "\udcff"}, "broken text"),
        ("rename", {"theme_id": "B", "text": "x", "lang": "zz"}, "'zz' is no language"),
        ("merge", {"theme_id": "B", "other_id": "B"}, "cannot be merged into itself"),
        ("merge", {"theme_id": "B", "other_id": "A"}, "cannot be merged into itself"),
        ("merge", {"theme_id": "A", "other_id": "C"}, "was merged into"),
        ("merge", {"theme_id": "B", "other_id": "t0"}, "no theme 't0'"),
        ("move", {"theme_id": "B", "mention_ids": ["f0000-0", "m9"]}, "1 of 2 mentions.*'m9'"),
        ("move", {"theme_id": "B"}, "no mention was named"),
        ("unmute", {"theme_id": "B"}, "not muted"),
        ("group", {"theme_id": "B", "other_id": "A"}, "cannot be put under itself"),
        ("group", {"theme_id": "D", "other_id": "B"}, "two levels only"),
        ("group", {"theme_id": "C", "other_id": "D"}, "two levels only"),
        ("undo", {"other_id": "e9"}, "no edit 'e9' among 4"),
        ("undo", {"other_id": "e000003"}, "undone by e000004.*undo e000004"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused_and_nothing_is_written(
    edited: Store, action: str, asked: dict[str, Any], message: str
) -> None:
    names = dict(zip("ABCD", ids_of(edited), strict=True))
    given = {key: names.get(str(value), value) for key, value in asked.items()}
    before = copy_tables(edited, with_logs=True)
    with pytest.raises(ConfigError, match=message):
        edit(edited, action, **given)
    assert copy_tables(edited, with_logs=True) == before


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A into B, B under C, and a muted D that is not any more."""
    store = make_store(f"sqlite:///{tmp_path_factory.mktemp('edited')}/store.db")
    a, b, c, d = ids_of(store)
    edit(store, "merge", a, other_id=b)
    edit(store, "group", b, other_id=c)
    edit(store, "mute", d)
    edit(store, "undo")
    yield store
    store.engine.dispose()


def test_a_merged_theme_that_is_named_stands_for_its_target(filled: Store) -> None:
    a, b, c, d = ids_of(filled)
    edit(filled, "merge", a, other_id=b)
    assert edit(filled, "merge", c, other_id=a).payload == {"into": b}
    moved = sorted(mentions_in(filled, d))[:1]
    assert edit(filled, "move", a, mention_ids=moved).theme_id == b
    assert edit(filled, "group", d, other_id=a).payload == {"parent": b}
    assert read_themes(filled)[d]["parent_id"] == b


def test_an_edit_of_a_theme_that_is_gone_is_reported_and_harms_nothing(filled: Store) -> None:
    kept = ids_of(filled)[1]
    edit(filled, "rename", kept, text="kept")
    with begin_run(filled, "test", config_hash="", lock_timeout_s=1) as run:
        at = {"at": START, "author": "dana", "theme_id": "t_gone"}
        for edit_id, action in (("e000002", "rename"), ("e000003", "merge"), ("e000004", "paint")):
            values = {"edit_id": edit_id, "action": action, "payload": {"name": "x", "into": kept}}
            run.connection.execute(insert(tables.theme_edit).values(**at, **values))
        run.mark_changed()
        applied = apply_edits(run, PlantedModels())
    assert applied.unapplied == dict.fromkeys(("e000002", "e000003", "e000004"), "no_theme")
    assert read_themes(filled)[kept]["name"] == "kept"
    with filled.read() as connection:
        rows = {row["edit_id"]: row for row in read_history(connection, "t_gone")}
    assert rows["e000002"]["unapplied"] == "no_theme"
    edit(filled, "undo", other_id="e000002")
    assert count_rows(filled, "theme_event", edit_id="e000002") == 0


def test_a_muted_theme_is_counted_but_not_listed_and_nothing_is_claimed_of_it(
    either: Store,
) -> None:
    theme_id = ids_of(either)[0]
    before = read_themes(either)[theme_id]
    assert before["verdict"] is not None
    edit(either, "mute", theme_id)
    row = read_themes(either)[theme_id]
    assert (row["n_mentions"], row["verdict"]) == (before["n_mentions"], None)
    assert count_rows(either, "theme_period", theme_id=theme_id) > 0
    assert count_rows(either, "theme_quote", theme_id=theme_id) > 0
    with either.read() as connection:
        listed = {row["theme_id"] for row in list_themes(connection)}
        everything = {row["theme_id"] for row in list_themes(connection, is_all=True)}
        facts = gather_facts(connection)
    assert theme_id not in listed | {theme.theme_id for theme in facts.themes}
    assert everything - listed == {theme_id}
    assert facts.n_themes_hidden == 1
    assert facts.last_run is not None
    assert (facts.last_run.command, facts.last_run.encoder) == ("themes mute", "planted")
    edit(either, "unmute", theme_id)
    assert read_themes(either)[theme_id]["verdict"] == before["verdict"]


def test_each_edit_is_told_once_in_the_lives_of_its_themes(either: Store) -> None:
    a, b, c, *_ = ids_of(either)
    n_mentions = len(mentions_in(either, a))
    found_name = read_themes(either)[a]["name"]
    edit(either, "rename", a, text="one")
    edit(either, "merge", a, other_id=b)
    moved = sorted(mentions_in(either, c))[:2]
    edit(either, "move", b, mention_ids=moved)
    edit(either, "undo")
    add_feedback(either, range(160, 180))
    with either.read() as connection:
        lives = {
            theme_id: [
                (row["event"], row["edit_id"], row["detail"], row["undone_by"])
                for row in read_history(connection, theme_id)[1:]
            ]
            for theme_id in (a, b, c)
        }
        shown = show_theme(connection, a)
    merged = {"n_mentions": n_mentions}
    move = ("moved", "e000003", {"n_mentions": 2, "into": b}, "e000004")
    undone = ("undone", "e000004", {"edit_id": "e000003", "action": "move"}, None)
    assert lives == {
        a: [
            ("renamed", "e000001", {"name": "one", "was": found_name}, None),
            ("merged", "e000002", {**merged, "into": b}, None),
        ],
        b: [("merged", "e000002", {**merged, "from": a}, None), move, undone],
        c: [move],
    }
    assert shown is not None
    assert [row["author"] for row in shown["history"]] == [None, "dana", "dana"]


def test_a_theme_born_later_does_not_take_a_name_that_people_gave(filled: Store) -> None:
    a, *_ = ids_of(filled)
    name = read_themes(filled)[a]["name"]
    edit(filled, "rename", a, text="one")
    with filled.read() as connection:
        assert {"one", name.casefold()} <= _read_names(connection)


def test_quotes_of_mentions_that_are_gone_are_chosen_anew(filled: Store) -> None:
    theme_id = ids_of(filled)[0]
    with begin_run(filled, "test", config_hash="", lock_timeout_s=1) as run:
        quote, mention = tables.theme_quote.c, tables.mention.c.mention_id
        quoted = run.connection.execute(
            tables.theme_quote.select().where(quote.theme_id == theme_id, quote.rank == 1)
        ).one()
        run.connection.execute(delete(tables.mention).where(mention == quoted.mention_id))
        run.mark_changed()
        apply_edits(run, PlantedModels())
    assert count_rows(filled, "theme_quote", mention_id=quoted.mention_id) == 0
    assert count_rows(filled, "theme_quote", theme_id=theme_id, rank=1) == 1


def test_of_a_large_theme_the_first_by_their_ids_are_read_for_quotes(either: Store) -> None:
    themes = ids_of(either)
    own = [sorted(mentions_in(either, theme_id)) for theme_id in themes]
    with either.read() as connection:
        alone = load_members(connection, ENCODER, themes[:1], 3)
        together = load_members(connection, ENCODER, themes, 3)
    found = [sorted(together[theme_id].mention_ids) for theme_id in themes]
    assert found == [mention_ids[:3] for mention_ids in own]
    assert alone[themes[0]].mention_ids == together[themes[0]].mention_ids
