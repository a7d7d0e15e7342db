"""Groups that themes are found in, and how fine themes are: held from run to run; people decide."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from nlp.themes.centring import zero_means
from nlp.themes.edits import Decisions, Edit, Part
from nlp.themes.leaders import place_themes
from nlp.themes.replay import replay_edits
from pipelines import tables
from pipelines.cli.steps import set_granularity
from pipelines.config import Config, check_config
from pipelines.errors import ConfigError
from pipelines.runs import Run
from pipelines.store import Store, open_store
from pipelines.themes.fit import Fit, explain_refit
from pipelines.themes.groups import group_newcomers
from tests.pipelines.growing import (
    DIM,
    NEVER,
    NOW,
    PAIRED,
    NamedModels,
    events_of,
    feed,
    main_theme,
    remove,
    texts_of,
    themes_of,
)
from tests.pipelines.planted import START, copy_tables, edit, read_themes
from tests.pipelines.store_copies import open_copy

FIRST = [text for theme in range(6) for text in texts_of(theme, range(40))]
COARSE, FINE = replace(NEVER, granularity="coarse"), replace(NEVER, granularity="fine")
PAIRS = {frozenset({0, 1}), frozenset({2, 3}), frozenset({4, 5})}


def feed_paired(store: Store, texts: Any, plan: Any = NEVER) -> None:
    feed(store, texts, plan, encoder=PAIRED)


@pytest.fixture
def grown(store_url: str) -> Iterator[Store]:
    store = open_copy(store_url, "paired", lambda empty: feed_paired(empty, FIRST))
    yield store
    store.engine.dispose()


@pytest.fixture
def small(sqlite_url: str) -> Iterator[Store]:
    store = open_copy(sqlite_url, "paired", lambda empty: feed_paired(empty, FIRST))
    yield store
    store.engine.dispose()


def ids_of(store: Store, n: int = 6) -> list[str]:
    return [main_theme(store, texts_of(theme, range(40))) for theme in range(n)]


def parents_of(store: Store) -> dict[str, str | None]:
    return {key: row["parent_id"] for key, row in read_themes(store).items()}


def groups_of(store: Store) -> set[frozenset[int]]:
    """Planted themes that are in one group."""
    ids, parents = ids_of(store), parents_of(store)
    leaders = [parents[theme_id] or theme_id for theme_id in ids]
    return {
        frozenset(n for n, each in enumerate(leaders) if each == leader) for leader in set(leaders)
    }


def test_themes_that_belong_together_are_led_by_one_of_them(grown: Store) -> None:
    assert groups_of(grown) == PAIRS
    themes = read_themes(grown)
    for row in themes.values():
        if row["parent_id"]:
            assert themes[row["parent_id"]]["parent_id"] is None
            assert themes[row["parent_id"]]["found_group_id"] == row["parent_id"]


def test_groups_are_held_in_later_runs_and_in_a_refit(grown: Store) -> None:
    before = parents_of(grown)
    feed_paired(grown, [text for theme in range(6) for text in texts_of(theme, range(40, 50))])
    assert parents_of(grown) == before
    feed_paired(grown, texts_of(0, range(50, 60)), NOW)
    assert parents_of(grown) == before
    assert "grouped" not in {event for event, _ in events_of(grown)}


def test_a_new_theme_joins_the_group_of_its_nearest_or_stands_alone(small: Store) -> None:
    parents = parents_of(small)
    joined = {}
    for theme_id, leader in parents.items():
        if leader:
            joined[theme_id] = group_as_new(small, theme_id)
            assert joined[theme_id] in (leader, None)
    assert any(joined.values()) and not all(joined.values())


def group_as_new(store: Store, theme_id: str) -> str | None:
    """The group that a theme would join if it were born now."""
    theme = tables.theme.c
    own = theme.theme_id == theme_id
    with store.engine.connect() as connection:
        connection.execute(update(tables.theme).where(own).values(found_group_id=None))
        run = Run(connection, "new", START)
        group_newcomers(run, NamedModels(PAIRED), {theme_id}, zero_means(DIM))  # type: ignore[arg-type]
        found = connection.execute(select(theme.found_group_id).where(own)).scalar_one()
        connection.rollback()
    return found


def test_what_people_grouped_wins_and_is_never_undone_by_a_machine(grown: Store) -> None:
    a, b, c, d, e, f = ids_of(grown)
    edit(grown, "group", a, other_id=c)
    edit(grown, "group", f)
    for plan in (NEVER, NOW):
        n = 40 if plan == NEVER else 50
        feed_paired(grown, texts_of(1, range(n, n + 10)), plan)
        parents = parents_of(grown)
        assert (parents[a], parents[c], parents[d]) == (c, None, c)
        assert (parents[b], parents[e], parents[f]) == (None, None, None)
    edit(grown, "undo")
    edit(grown, "undo")
    assert groups_of(grown) == PAIRS


def test_undoing_every_edit_brings_the_found_groups_back(small: Store) -> None:
    a, b, c, _d, e, f = ids_of(small)
    edit(small, "mute", f)
    edit(small, "undo")
    before = copy_tables(small)
    leader = parents_of(small)[a] or a
    follower = ({a, b} - {leader}).pop()
    edit(small, "merge", leader, other_id=c)
    assert parents_of(small)[follower] is None
    edit(small, "group", e, other_id=follower)
    assert parents_of(small)[e] == follower
    edit(small, "mute", f)
    for _ in range(3):
        edit(small, "undo")
    assert copy_tables(small) == before


def test_a_part_of_a_theme_stays_in_its_group() -> None:
    parts = (Part("a", "", (), ()), Part("x", "X", (), ()))
    decisions = replay_edits([Edit("e000001", "split", "a", parts=parts)], "ab")
    themes = {"a", "b", "x"}
    placed = place_themes({"a": "b", "b": "b"}, themes, themes, decisions)
    assert placed == {"a": "b", "x": "b"}


def test_a_group_stays_together_under_who_leads_by_hand_or_can_still_lead() -> None:
    groups = dict.fromkeys("abcd", "a")
    placed = place_themes(groups, {*"abcdef"}, {*"abcdef"}, decide([("group", "e", "c")]))
    assert placed == {"e": "c", "a": "c", "b": "c", "d": "c"}
    alone = place_themes(groups, {*"abcdef"}, {*"abcdef"}, decide([("alone", "a", "")]))
    assert alone == {"c": "b", "d": "b"}
    muted = place_themes(groups, {*"abcd"}, {*"bcd"}, decide([]))
    assert muted == {"a": "b", "c": "b", "d": "b"}


def test_a_leader_that_is_gone_is_followed_by_another_and_it_is_told(small: Store) -> None:
    a, b = ids_of(small, 2)
    leader = parents_of(small)[a] or a
    number = 0 if leader == a else 1
    remove(small, texts_of(number, range(40)))
    feed_paired(small, texts_of(1 - number, range(40, 60)), NOW)
    rest = ({a, b} - {leader}).pop()
    assert read_themes(small)[leader]["found_group_id"] is None
    assert read_themes(small)[rest]["parent_id"] is None
    told = [detail for event, detail in events_of(small, rest) if event == "grouped"]
    assert told == [{"cause": "requested", "group": None, "was": leader}]


def test_coarse_themes_are_the_groups_and_go_on_under_ids_of_theirs(grown: Store) -> None:
    ids = ids_of(grown)
    feed_paired(grown, [], COARSE)
    coarse = ids_of(grown)
    assert [coarse[n] == coarse[n + 1] for n in (0, 2, 4)] == [True] * 3
    assert len(set(coarse)) == 3 and set(coarse) <= set(ids)
    events = events_of(grown)
    told = {detail.get("cause") for event, detail in events if event not in ("born", "renamed")}
    assert told == {"granularity"}
    assert {event for event, _ in events} >= {"born", "matched", "merged"}
    before = copy_tables(grown, with_logs=True)
    feed_paired(grown, [], COARSE)
    after = copy_tables(grown, with_logs=True)
    assert {name for name in before if before[name] != after[name]} == {"run"}
    feed_paired(grown, texts_of(0, range(40, 60)), COARSE)
    assert main_theme(grown, texts_of(0, range(40, 60))) == coarse[0]
    feed_paired(grown, [])
    assert len(set(ids_of(grown))) == 6 and set(coarse) <= set(ids_of(grown))


def test_what_people_edited_stays_through_another_granularity(small: Store) -> None:
    a, b, c, d = ids_of(small, 4)
    edit(small, "rename", a, text="Late cards")
    edit(small, "move", b, mention_ids=["f00x0003-0"])
    edit(small, "group", c, other_id=d)
    for plan in (COARSE, FINE, NEVER):
        feed_paired(small, [], plan)
        themes = read_themes(small)
        assert (themes[a]["name"], themes[a]["status"]) == ("Late cards", "active")
        if plan != FINE:
            assert main_theme(small, texts_of(0, range(40))) == a
        assert themes_of(small, [(0, 3)]) == [b]
        assert themes[c]["parent_id"] == d
    assert main_theme(small, texts_of(1, range(40))) == b


def test_finer_themes_lie_inside_the_themes_before(small: Store) -> None:
    before = dict(zip(FIRST, themes_of(small, FIRST), strict=True))
    feed_paired(small, [], FINE)
    after = dict(zip(FIRST, themes_of(small, FIRST), strict=True))
    pairs = {(after[text], before[text]) for text in FIRST if after[text] and before[text]}
    assert len(pairs) == len({fine for fine, _ in pairs}) >= 6


@pytest.mark.parametrize("n", [0, 1, 2, 5, 29])
def test_few_texts_are_no_theme_whatever_the_granularity(sqlite_url: str, n: int) -> None:
    store = open_store(sqlite_url, create=True)
    for plan in (COARSE, FINE, NEVER):
        feed_paired(store, texts_of(0, range(n)) if plan == COARSE else [], plan)
        assert read_themes(store) == {}
    store.engine.dispose()


def test_the_order_of_rows_changes_no_group(small: Store, tmp_path: object) -> None:
    other = open_store(f"sqlite:///{tmp_path}/other.db", create=True)
    feed_paired(other, FIRST[::-1])
    for plan in (COARSE, NEVER):
        for store in (small, other):
            feed_paired(store, [], plan)
        assert parents_of(small) == parents_of(other)
    other.engine.dispose()


def test_another_granularity_is_a_reason_for_a_refit_with_the_same_texts() -> None:
    last = Fit("e", 100, None, "a")
    assert explain_refit(COARSE, last, replace(last, granularity="coarse")) == "granularity"
    assert explain_refit(NEVER, last, last) is None


theme_ids = st.sampled_from("abcdef")
drawn_edits = st.lists(
    st.tuples(st.sampled_from(("group", "alone", "merge", "undo")), theme_ids, theme_ids),
    max_size=8,
)


@given(
    groups=st.dictionaries(theme_ids, theme_ids),
    edits=drawn_edits,
    able=st.sets(theme_ids),
)
def test_there_are_two_levels_and_people_come_first_whatever_is_found(
    groups: dict[str, str], edits: list[tuple[str, str, str]], able: set[str]
) -> None:
    decisions = decide(edits)
    shown = {key for key in "abcdef" if decisions.resolve(key) == key}
    placed = place_themes(groups, shown, able & shown, decisions)
    assert not set(placed) & set(placed.values())
    for theme_id, decision in decisions.themes.items():
        if decision.is_placed:
            assert placed.get(theme_id) == decision.parent_id
    for theme_id, leader in placed.items():
        is_by_hand = theme_id in decisions.themes and decisions.themes[theme_id].is_placed
        assert is_by_hand or {theme_id, leader} <= shown


def decide(edits: list[tuple[str, str, str]]) -> Decisions:
    log = []
    for number, (action, theme_id, other_id) in enumerate(edits, 1):
        key = f"e{number:06d}"
        if action == "undo":
            log.append(Edit(key, "undo", other_id=f"e{max(number - 1, 1):06d}"))
        elif action == "alone":
            log.append(Edit(key, "group", theme_id))
        else:
            log.append(Edit(key, action, theme_id, other_id=other_id))
    return replay_edits(log, "abcdef")


def test_a_granularity_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"--granularity 'finer' is not there; choose coarse, no"):
        set_granularity(Config(), "finer")
    with pytest.raises(ConfigError, match=r"'coarse', 'normal' or 'fine' @ themes\.granularity"):
        check_config({"themes": {"granularity": "finer"}}, "earful.toml")


def test_an_option_that_differs_from_the_configuration_says_that_it_holds_for_this_run() -> None:
    settings, warning = set_granularity(Config(), "coarse")
    assert settings.themes.granularity == "coarse"
    assert warning and 'granularity = "coarse" under [themes]' in warning
    assert set_granularity(settings, "coarse") == (settings, None)
    assert set_granularity(settings, None) == (settings, None)
