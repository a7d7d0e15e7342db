"""Themes that people take apart: the parts stay, later mentions find theirs, undo joins them."""

from collections.abc import Iterator

import pytest

from pipelines.edits.commands import make_edit
from pipelines.edits.requests import EditRequest
from pipelines.errors import ConfigError
from pipelines.store import Store
from pipelines.themes.history import read_history
from tests.pipelines.planted import (
    N_THEMES,
    PlantedJob,
    PlantedModels,
    add_feedback,
    copy_tables,
    edit,
    make_job,
    plant,
    read_mentions,
    read_themes,
)
from tests.pipelines.store_copies import open_copy

SMALL = "One word"


def open_joined(url: str) -> Store:
    """A store where two planted themes are one, by a merge."""

    def join(empty: Store) -> None:
        add_feedback(empty, range(160))
        one, other = sorted(theme_of(empty, planted) for planted in (0, 1))
        edit(empty, "merge", one, other_id=other)

    return open_copy(url, "joined", join)


@pytest.fixture
def joined(sqlite_url: str) -> Iterator[Store]:
    store = open_joined(sqlite_url)
    yield store
    store.engine.dispose()


@pytest.fixture
def either(store_url: str) -> Iterator[Store]:
    """The same on either database: its tests have every statement that splits write with."""
    store = open_joined(store_url)
    yield store
    store.engine.dispose()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The same with a small theme beside; nothing writes into it."""
    store = open_joined(f"sqlite:///{tmp_path_factory.mktemp('kept')}/store.db")
    edit(store, "pin", text=SMALL, keywords=[plant().texts[2].split()[0]])
    yield store
    store.engine.dispose()


def theme_of(store: Store, planted: int) -> str:
    """The theme that most mentions of a planted one are in."""
    found = [
        row["theme_id"]
        for key, row in sorted(read_mentions(store).items())
        if int(key[1:5]) % N_THEMES == planted and row["theme_id"]
    ]
    return max(sorted(set(found)), key=found.count)


def mentions_in(store: Store, theme_id: str) -> set[str]:
    return {key for key, row in read_mentions(store).items() if row["theme_id"] == theme_id}


def planted_in(keys: set[str]) -> set[int]:
    return {int(key[1:5]) % N_THEMES for key in keys}


def test_what_is_nearer_to_the_examples_becomes_a_theme_of_its_own(either: Store) -> None:
    whole = theme_of(either, 0)
    both = mentions_in(either, whole)
    made = edit(either, "split", whole, mention_ids=["f0000-0", "f0004-0"], text="Lost cards")
    part = theme_of(either, 0)
    row = read_themes(either)[part]
    assert (row["name"], row["status"], row["made_by"]) == ("Lost cards", "active", made.edit_id)
    assert planted_in(mentions_in(either, part)) == {0}
    assert planted_in(mentions_in(either, whole)) == {1}
    assert mentions_in(either, part) | mentions_in(either, whole) == both
    assert row["n_mentions"] == len(mentions_in(either, part))


def test_a_closer_look_finds_the_parts_and_touches_no_other_theme(joined: Store) -> None:
    whole = theme_of(joined, 0)
    others = {key: row for key, row in read_mentions(joined).items() if row["theme_id"] != whole}
    edit(joined, "split", whole)
    parts = {theme_of(joined, 0), theme_of(joined, 1)}
    assert len(parts) == 2
    assert all(len(planted_in(mentions_in(joined, part))) == 1 for part in parts)
    assert {key: read_mentions(joined)[key] for key in others} == others
    # The theme goes on as the part that would be called as it is.
    planted = next(each for each in (0, 1) if theme_of(joined, each) != whole)
    name = read_themes(joined)[theme_of(joined, planted)]["name"]
    edit(joined, "undo")
    edit(joined, "rename", whole, text=name)
    edit(joined, "split", whole)
    assert theme_of(joined, planted) == whole


def test_later_mentions_go_to_the_part_that_they_are_nearest(joined: Store) -> None:
    whole = theme_of(joined, 0)
    edit(joined, "split", whole, mention_ids=["f0000-0"])
    part = theme_of(joined, 0)
    before = {each: mentions_in(joined, each) for each in (whole, part)}
    add_feedback(joined, range(160, 200))
    after = {each: mentions_in(joined, each) for each in (whole, part)}
    assert all(before[each] < after[each] for each in before)
    assert (planted_in(after[part]), planted_in(after[whole])) == ({0}, {1})


def test_undo_joins_the_parts_again(either: Store) -> None:
    before = copy_tables(either)
    whole = theme_of(either, 0)
    edit(either, "split", whole, mention_ids=["f0000-0"])
    split = copy_tables(either)
    part = theme_of(either, 0)
    edit(either, "undo")
    assert copy_tables(either) == before
    assert read_themes(either)[part]["status"] == "retired"
    edit(either, "undo", other_id="e000003")
    assert copy_tables(either) == split
    with either.read() as connection:
        lives = [[row["event"] for row in read_history(connection, each)] for each in (whole, part)]
    assert lives[0][-3:] == ["split", "undone", "undone"]
    assert lives[1] == ["split", "undone", "undone"]


def test_a_part_can_be_split_and_merged_like_any_theme(joined: Store) -> None:
    whole = theme_of(joined, 0)
    edit(joined, "split", whole, mention_ids=["f0000-0"])
    part = theme_of(joined, 0)
    rest = sorted(mentions_in(joined, part))
    edit(joined, "split", part, mention_ids=rest[:3])
    assert len(mentions_in(joined, part)) < len(rest)
    other = theme_of(joined, 2)
    edit(joined, "merge", whole, other_id=other)
    assert planted_in(mentions_in(joined, other)) == {1, 2}
    for _ in range(4):
        edit(joined, "undo")
    assert theme_of(joined, 0) != theme_of(joined, 1)


@pytest.mark.parametrize(
    ("theme", "mentions", "message"),
    [
        ("t0", ["f0000-0"], "no theme 't0'"),
        ("gone", ["f0000-0"], r"was merged into .* by e000001"),
        ("whole", ["f0000-0", "m9"], r"1 of 2 mentions are not in the store \(first: 'm9'\)"),
        ("whole", ["f0002-0"], "1 of 1 mentions are not in theme"),
        (
            "small",
            [],
            r"has \d distinct .* a closer look needs 10: .* split it by mentions",
        ),
        ("whole", "all", r"these are all .* mentions of theme"),
    ],
)
def test_a_split_that_makes_no_sense_is_refused_without_a_trace(
    kept: Store, theme: str, mentions: list[str] | str, message: str
) -> None:
    whole = theme_of(kept, 0)
    themes = read_themes(kept)
    gone = next(key for key, row in themes.items() if row["status"] == "merged")
    small = next(key for key, row in themes.items() if row["name"] == SMALL)
    theme_id = {"gone": gone, "whole": whole, "small": small}.get(theme, theme)
    named = sorted(mentions_in(kept, whole)) if mentions == "all" else mentions
    before = copy_tables(kept, with_logs=True)
    with pytest.raises(ConfigError, match=message):
        edit(kept, "split", theme_id, mention_ids=named)
    assert copy_tables(kept, with_logs=True) == before


def test_another_encoder_than_that_of_the_store_is_refused(joined: Store) -> None:
    class OtherModels(PlantedModels):
        encoder_name = "other"

    class OtherJob(PlantedJob):
        models = OtherModels()  # type: ignore[assignment]

    whole = theme_of(joined, 0)
    job = make_job(joined, OtherJob)
    split = EditRequest("split", whole)
    with pytest.raises(ConfigError, match="was read by other; read the texts first"):
        make_edit(job, split, "dana")
    edit(joined, "split", whole, mention_ids=["f0000-0"])
    before = read_mentions(joined)
    with pytest.raises(ConfigError, match="read by planted, and the configuration names other"):
        make_edit(job, EditRequest("mute", whole), "dana")
    assert read_mentions(joined) == before
