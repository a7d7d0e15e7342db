"""The log of people's edits, replayed: examples and laws."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.themes import edits
from nlp.themes.edits import Conflict, Decisions, Edit, Made, Move, Part, Pin, pick_text
from nlp.themes.replay import replay_edits

THEMES = ("a", "b", "c", "d", "e")


def log(*made: Edit | tuple[object, ...]) -> list[Edit]:
    """Edits numbered in the order given: (action, theme, other) in short."""
    full = [each if isinstance(each, Edit) else _expand(*each) for each in made]
    return [replace(each, edit_id=f"e{n}") for n, each in enumerate(full, 1)]


def _expand(action: str, theme_id: str | None = None, other_id: str | None = None) -> Edit:
    return Edit("", action, theme_id, other_id=other_id)


def split(theme_id: str, part_id: str) -> Edit:
    """Take a part off a theme."""
    parts = tuple(
        Part(each, each.upper(), (), ((f"m-{each}", "h"),)) for each in (theme_id, part_id)
    )
    return Edit("", "split", theme_id, parts=parts)


def pin(theme_id: str, *examples: str, about: str = "") -> Edit:
    return Edit("", "pin", theme_id, text=theme_id.upper(), pin=Pin(about, examples))


def replay(*made: Edit | tuple[object, ...]) -> Decisions:
    return replay_edits(log(*made), THEMES)


def test_mentions_of_a_merged_theme_are_in_its_target_over_any_number_of_merges() -> None:
    found = replay(("merge", "a", "b"), ("merge", "b", "c"))
    assert [found.resolve(theme) for theme in THEMES] == ["c", "c", "c", "d", "e"]
    assert (found.themes["a"].merge_id, found.themes["b"].merge_id) == ("e1", "e2")


def test_a_pin_makes_a_theme_that_can_be_edited_and_the_last_pin_holds() -> None:
    found = replay(pin("p", "one", about="what"), ("merge", "a", "p"), pin("p", "two"))
    assert found.made["p"] == Made("e1", "P", None, ())
    assert found.resolve("a") == "p"
    assert (found.themes["p"].pin, found.themes["p"].pin_id) == (Pin("", ("two",)), "e3")
    assert pick_text(found.themes["p"].descriptions, "en") == "what"
    undone = replay(pin("p", "one"), ("undo", None, "e1"), ("rename", "p"))
    assert "p" not in undone.theme_ids
    assert undone.conflicts == (Conflict("e3", edits.NO_THEME),)


def test_a_theme_that_was_found_stays_itself_when_it_is_pinned() -> None:
    found = replay(pin("a", "one"))
    assert (dict(found.made), found.themes["a"].pin_id) == ({}, "e1")


def test_a_split_takes_apart_what_was_in_the_theme_then() -> None:
    found = replay(("merge", "a", "b"), split("b", "q"), ("merge", "c", "b"), ("merge", "q", "d"))
    assert [each.sources for each in found.splits] == [frozenset("ab")]
    assert found.made["q"] == Made("e2", "Q", None, ())
    assert (found.resolve("c"), found.resolve("q")) == ("b", "d")


def test_a_refused_pair_is_refused_whichever_theme_is_named_first() -> None:
    assert (
        replay(("refuse", "b", "a")).refused == replay(("refuse", "a", "b")).refused == {("a", "b")}
    )
    assert not replay(("refuse", "a", "b"), ("undo", None, "e1")).refused


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ([("merge", "a", "a")], edits.INTO_ITSELF),
        ([("merge", "a", "b"), ("merge", "b", "a")], edits.INTO_ITSELF),
        ([("merge", "a", "b"), ("merge", "a", "c")], edits.MERGED_ALREADY),
        ([("merge", "a", "x")], edits.NO_TARGET),
        ([("rename", "x")], edits.NO_THEME),
        ([("mute", None)], edits.NO_THEME),
        ([("undo", None, "e9")], edits.NO_EDIT),
        ([("undo", None, "e1")], edits.NO_EDIT),
        ([("group", "a", "a")], edits.INTO_ITSELF),
        ([("group", "a", "x")], edits.NO_TARGET),
        ([("group", "a", "b"), ("group", "b", "c")], edits.IS_GROUP),
        ([("group", "b", "c"), ("group", "a", "b")], edits.IS_GROUPED),
        ([("paint", "a")], edits.UNKNOWN_ACTION),
        ([("refuse", "a", "x")], edits.NO_TARGET),
        ([("rename", "p")], edits.NO_THEME),
        ([("merge", "a", "b"), split("a", "q")], edits.MERGED_ALREADY),
        ([split("a", "b")], edits.IS_TAKEN),
    ],
)
def test_an_edit_that_cannot_apply_is_left_out_and_reported(
    made: list[tuple[object, ...]], reason: str
) -> None:
    found = replay(*made)
    assert found.conflicts == (Conflict(f"e{len(made)}", reason),)
    assert found.themes == replay(*made[:-1]).themes


def test_the_later_of_two_names_holds_and_a_name_in_the_themes_language_is_its_name() -> None:
    found = replay(
        Edit("", "rename", "a", "first"),
        Edit("", "rename", "a", "second", "en"),
        Edit("", "rename", "a", "שני", "he"),
    )
    names = found.themes["a"].names
    assert [pick_text(names, lang) for lang in ("en", "he", "ar")] == ["second", "שני", "first"]
    assert pick_text({}, "en") is None


def test_an_undo_that_is_undone_brings_the_edit_back() -> None:
    assert replay(("mute", "a"), ("undo", "a", "e1")).themes == {}
    back = replay(("mute", "a"), ("undo", "a", "e1"), ("undo", "a", "e2"))
    assert back.themes == replay(("mute", "a")).themes
    assert back.undone_by == {"e2": "e3"}


def test_a_merge_that_is_brought_back_against_a_later_one_is_a_conflict_of_the_later_one() -> None:
    made = [("merge", "a", "b"), ("undo", "a", "e1"), ("merge", "b", "a"), ("undo", "a", "e2")]
    found = replay(*made)
    assert found.conflicts == (Conflict("e3", edits.INTO_ITSELF),)
    assert found.resolve("a") == found.resolve("b") == "b"


def test_a_moved_mention_follows_the_merges_of_its_theme() -> None:
    moved = Edit("", "move", "a", mentions=(("m1", "h1"), ("m2", "h2")))
    found = replay(moved, ("merge", "a", "b"), Edit("", "move", "c", mentions=(("m2", "h2"),)))
    assert found.moves == {"m1": Move("b", "h1", "e1"), "m2": Move("c", "h2", "e3")}


def test_a_group_that_is_merged_into_a_member_of_another_keeps_two_levels() -> None:
    found = replay(("group", "a", "b"), ("group", "c", "d"), ("merge", "b", "c"))
    assert {key: each.parent_id for key, each in found.themes.items()} == {
        "a": "d",
        "b": None,
        "c": "d",
    }


def test_groups_that_merges_put_into_each_other_are_none() -> None:
    made = [("group", "a", "b"), ("group", "c", "d"), ("merge", "b", "c"), ("merge", "d", "a")]
    found = replay(*made)
    assert all(each.parent_id is None for each in found.themes.values())


theme_ids = st.sampled_from((*THEMES, "x"))
edit_ids = st.integers(1, 14).map("e{:02d}".format)
single = st.one_of(
    st.builds(
        Edit,
        st.just(""),
        st.sampled_from(("rename", "describe")),
        theme_ids,
        st.sampled_from(("one", "two")),
        st.sampled_from((None, "en", "he")),
    ),
    st.builds(Edit, st.just(""), st.sampled_from(("mute", "unmute")), theme_ids),
    st.builds(lambda theme, other: Edit("", "merge", theme, other_id=other), theme_ids, theme_ids),
    st.builds(
        lambda theme, other: Edit("", "group", theme, other_id=other),
        theme_ids,
        st.none() | theme_ids,
    ),
    st.builds(
        lambda theme, mention: Edit("", "move", theme, mentions=((mention, "h"),)),
        theme_ids,
        st.sampled_from(("m1", "m2", "m3")),
    ),
    st.builds(pin, st.sampled_from(("a", "p")), st.sampled_from(("one", "two"))),
    st.builds(split, theme_ids, st.sampled_from(("q", "r"))),
    st.builds(lambda *pair: _expand("refuse", *pair), theme_ids, theme_ids),
    st.builds(lambda other: Edit("", "undo", None, other_id=other), edit_ids),
)
logs = st.lists(single, max_size=12).map(
    lambda made: [replace(each, edit_id=f"e{n:02d}") for n, each in enumerate(made, 1)]
)


@given(logs, st.integers(0, 99))
def test_the_order_in_which_the_log_is_read_decides_nothing(made: list[Edit], seed: int) -> None:
    expected = replay_edits(made, THEMES)
    shuffled = list(made)
    random.Random(seed).shuffle(shuffled)
    assert replay_edits(shuffled, frozenset(THEMES)) == expected


@given(logs)
def test_nothing_is_in_a_merged_theme_and_nothing_is_deeper_than_two_levels(
    made: list[Edit],
) -> None:
    found = replay_edits(made, THEMES)
    merged = {theme for theme, each in found.themes.items() if each.merged_into}
    assert not {found.resolve(theme) for theme in found.theme_ids} & merged
    assert not {move.theme_id for move in found.moves.values()} & merged
    parents = {theme: each.parent_id for theme, each in found.themes.items() if each.parent_id}
    assert not set(parents.values()) & (merged | parents.keys())


@given(logs)
def test_undoing_what_counts_from_the_last_to_the_first_leaves_nothing(made: list[Edit]) -> None:
    undone = list(made)
    while rest := _still_counting(undone):
        undone.append(Edit(f"e{len(undone) + 1:02d}", "undo", other_id=rest[-1]))
        assert len(undone) < 40
    found = replay_edits(undone, THEMES)
    assert (found.themes, found.moves, found.made) == ({}, {}, {})
    assert (found.splits, found.refused) == ((), frozenset())


def _still_counting(made: Sequence[Edit]) -> list[str]:
    effective = replay_edits(made, THEMES).effective
    return [each.edit_id for each in made if each.edit_id in effective and each.action != "undo"]


@given(logs)
def test_an_undone_edit_might_as_well_never_have_been(made: list[Edit]) -> None:
    found = replay_edits(made, THEMES)
    without = [edit for edit in made if edit.edit_id in found.effective and edit.action != "undo"]
    again = replay_edits(without, THEMES)
    assert (again.themes, again.moves, again.conflicts) == (found.themes, found.moves, ())
