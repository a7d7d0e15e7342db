"""Themes stay themselves: through new feedback, refits, silence, erasure and another encoder."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import insert, select

from pipelines import tables
from pipelines.cli.history import print_history
from pipelines.errors import ConfigError
from pipelines.store import Store, open_store
from pipelines.themes.births import make_theme_id
from pipelines.themes.fit import Fit, RefitPlan, explain_refit
from pipelines.themes.history import read_history
from pipelines.themes.refit import fit_themes
from tests.pipelines.growing import (
    NEVER,
    NOW,
    events_of,
    feed,
    main_theme,
    read_again,
    remove,
    texts_of,
    themes_of,
)
from tests.pipelines.planted import copy_tables, count_rows, edit, read_themes
from tests.pipelines.store_copies import open_copy

FIRST = [text for theme in range(6) for text in texts_of(theme, range(40))]


@pytest.fixture
def grown(store_url: str) -> Iterator[Store]:
    store = open_copy(store_url, "growing", lambda empty: feed(empty, FIRST))
    yield store
    store.engine.dispose()


@pytest.fixture
def small(sqlite_url: str) -> Iterator[Store]:
    store = open_copy(sqlite_url, "growing", lambda empty: feed(empty, FIRST))
    yield store
    store.engine.dispose()


def ids_of(store: Store, themes: range = range(6)) -> dict[int, str]:
    return {theme: main_theme(store, texts_of(theme, range(40))) for theme in themes}


def test_a_refit_keeps_ids_and_names_and_tells_with_what_evidence(grown: Store) -> None:
    ids = ids_of(grown)
    assert len(set(ids.values())) == len(read_themes(grown)) == 6
    names = {key: row["name"] for key, row in read_themes(grown).items()}
    feed(grown, [text for theme in range(6) for text in texts_of(theme, range(40, 50))], NOW)
    assert ids_of(grown) == ids
    assert {key: row["name"] for key, row in read_themes(grown).items()} == names
    kinds = [event for event, _ in events_of(grown, ids[0])]
    assert kinds == ["born", "matched"]
    detail = events_of(grown, ids[0])[1][1]
    assert detail["cause"] == "requested"
    assert detail["n_shared"] > 20
    assert min(detail["of_before"], detail["of_after"]) > 0.9
    before = copy_tables(grown, with_logs=True)
    feed(grown, [], NOW)
    after = copy_tables(grown, with_logs=True)
    assert {name for name in before if before[name] != after[name]} == {"run"}


def test_new_themes_are_found_and_not_swallowed(small: Store) -> None:
    ids = ids_of(small)
    new = [text for theme in (6, 7) for text in texts_of(theme, range(15))]
    old = [text for theme in range(6) for text in texts_of(theme, range(40, 45))]
    feed(small, [*new, *old], NEVER)
    born = {main_theme(small, texts_of(theme, range(15))) for theme in (6, 7)}
    assert len(born) == 2
    assert not born & set(ids.values())
    assert len(read_themes(small)) == 8
    assert ids_of(small) == ids
    assert [event for event, _ in events_of(small)] == ["born"] * 8


def test_a_theme_that_stops_and_returns_after_five_batches_is_revived(small: Store) -> None:
    gone = ids_of(small)[5]
    for batch in range(5):
        numbers = range(40 + 8 * batch, 48 + 8 * batch)
        feed(small, [text for theme in range(5) for text in texts_of(theme, numbers)])
    faded = read_themes(small)[gone]
    assert (faded["found_status"], faded["status"]) == ("faded", "active")
    feed(small, [text for theme in range(6) for text in texts_of(theme, range(80, 88))])
    assert main_theme(small, texts_of(5, range(80, 88))) == gone
    told = [each for each in events_of(small, gone) if each[0] in ("faded", "revived")]
    assert [event for event, _ in told] == ["faded", "revived"]
    assert told[0][1]["n_runs"] == 3
    assert told[0][1]["missed"] >= 5
    assert read_themes(small)[gone]["found_status"] == "active"
    others = [event for event, _ in events_of(small) if event in ("faded", "revived")]
    assert len(others) == 2


@pytest.mark.parametrize("plan", [NEVER, NOW])
def test_a_theme_without_members_is_retired_and_known_again_by_its_centre(
    small: Store, plan: RefitPlan
) -> None:
    gone = ids_of(small)[5]
    remove(small, texts_of(5, range(40)))
    feed(small, texts_of(0, range(40, 45)), NOW)
    assert read_themes(small)[gone]["status"] == "retired"
    assert events_of(small, gone)[-1][0] == "faded"
    feed(small, texts_of(5, range(100, 130)), plan)
    assert main_theme(small, texts_of(5, range(100, 130))) == gone
    assert read_themes(small)[gone]["status"] == "active"
    assert "revived" in [event for event, _ in events_of(small, gone)]


def test_a_refit_counts_the_themes_that_it_retires_and_not_those_that_were(
    small: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove(small, texts_of(5, range(40)))
    counted = []
    monkeypatch.setattr(
        "pipelines.discover.fit_themes",
        lambda *given: counted.append(fit_themes(*given)) or counted[-1],
    )
    for numbers in (range(40, 45), range(45, 50)):
        feed(small, texts_of(0, numbers), NOW)
    assert [done.n_gone for done in counted] == [1, 0]


def test_a_theme_that_people_named_is_not_retired_by_a_machine(small: Store) -> None:
    named = ids_of(small)[5]
    edit(small, "rename", named, text="Late cards")
    remove(small, texts_of(5, range(40)))
    feed(small, texts_of(0, range(40, 45)), NOW)
    row = read_themes(small)[named]
    assert (row["status"], row["name"]) == ("active", "Late cards")
    assert events_of(small, named)[-1][0] == "kept"


def test_what_people_merged_stays_merged_through_a_refit_and_can_be_undone(small: Store) -> None:
    ids = ids_of(small)
    edit(small, "merge", ids[0], other_id=ids[1])
    feed(small, texts_of(0, range(40, 50)), NOW)
    assert set(themes_of(small, texts_of(0, range(40)))) <= {ids[1], None}
    edit(small, "undo")
    assert ids_of(small) == ids


def test_another_encoder_carries_every_id_over_by_its_members(small: Store) -> None:
    ids = ids_of(small)
    with pytest.raises(ConfigError, match=r"240 mentions were not read with second.*earful enrich"):
        feed(small, [], encoder="second")
    read_again(small, "second")
    feed(small, [], encoder="second")
    assert ids_of(small) == ids
    event, detail = events_of(small, ids[0])[-1]
    assert (event, detail["cause"], detail["was"]) == ("matched", "encoder", "first")
    assert detail["recalled"] > 0.9
    feed(small, texts_of(3, range(40, 60)), encoder="second")
    assert main_theme(small, texts_of(3, range(40, 60))) == ids[3]
    feed(small, texts_of(4, range(40, 60)), NOW, encoder="second")
    assert ids_of(small) == ids


def test_the_order_of_rows_changes_nothing(small: Store, tmp_path: object) -> None:
    other = open_store(f"sqlite:///{tmp_path}/other.db", create=True)
    batch = [*texts_of(6, range(20)), *texts_of(1, range(40, 60))]
    feed(other, FIRST[::-1])
    for each, texts in ((small, batch), (other, batch[::-1])):
        feed(each, texts)
        feed(each, texts_of(2, range(40, 50)), NOW)
    assert _without_runs(small) == _without_runs(other)
    other.engine.dispose()


def test_a_refit_of_a_store_without_texts_or_with_few_finds_nothing(sqlite_url: str) -> None:
    store = open_copy(sqlite_url, "empty")
    feed(store, [], NOW)
    feed(store, texts_of(0, range(3)), NOW)
    feed(store, texts_of(1, range(3)), NOW)
    assert read_themes(store) == {}
    store.engine.dispose()


def say_again(store: Store, n: int, values: dict[str, Any]) -> None:
    """More feedback in the words of the first, with these values."""
    with store.write() as connection:
        names = ("feedback", "mention")
        first = {
            name: dict(connection.execute(select(tables.metadata.tables[name])).mappings().one())
            for name in names
        }
        for number in range(n):
            row = {"feedback_id": f"again{number}"}
            connection.execute(insert(tables.feedback).values(first["feedback"] | row | values))
            row["mention_id"] = f"again{number}-0"
            connection.execute(insert(tables.mention).values(first["mention"] | row))


@pytest.mark.parametrize(
    ("values", "n_themes"),
    [({}, 1), ({"noise_reason": "copy", "duplicate_of": "f00x0000"}, 0)],
    ids=["many people", "one voice and its copies"],
)
def test_three_hundred_equal_texts_are_a_theme_where_many_people_said_them(
    sqlite_url: str, values: dict[str, Any], n_themes: int
) -> None:
    store = open_copy(sqlite_url, "empty")
    feed(store, texts_of(0, [0]))
    say_again(store, 299, values)
    feed(store, [], NOW)
    themes = read_themes(store)
    assert len(themes) == n_themes
    assert [count_rows(store, "mention", theme_id=each) for each in themes] == [300] * n_themes
    feed(store, texts_of(1, range(40)))  # the texts have more than doubled: found anew
    assert main_theme(store, texts_of(1, range(40))) not in themes
    store.engine.dispose()


def test_the_history_tells_of_refits_in_words(
    small: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    ids = ids_of(small)
    edit(small, "rename", ids[4], text="Late cards")
    remove(small, [text for theme in (4, 5) for text in texts_of(theme, range(40))])
    feed(small, texts_of(0, range(40, 60)), NOW)
    read_again(small, "second")
    feed(small, [], encoder="second")
    with small.read() as connection:
        print_history(read_history(connection))
    shown = capsys.readouterr().out
    for said in (
        "found anew (requested): ",
        "retired: not found again",
        "not found again; kept, as people edited it",
        "read with second, was first: ",
    ):
        assert said in shown


def _without_runs(store: Store) -> str:
    return re.sub(r"\d{8}T\w{13}", "RUN", repr(copy_tables(store)))


def test_a_store_that_doubled_is_looked_at_anew(small: Store) -> None:
    feed(small, [text for theme in range(6) for text in texts_of(theme, range(40, 79))])
    assert {event for event, _ in events_of(small)} == {"born"}
    feed(small, [text for theme in range(6) for text in texts_of(theme, range(79, 80))])
    causes = {detail.get("cause") for event, detail in events_of(small) if event == "matched"}
    assert causes == {"growth"}


def test_a_refit_is_due_when_asked_for_by_growth_or_by_the_age_of_feedback() -> None:
    last = Fit("e", 100, "2026-01-05T00:00:00+00:00", "a")
    now = Fit("e", 150, "2026-04-04T00:00:00+00:00", "b")
    assert explain_refit(RefitPlan(), last, now) is None
    assert explain_refit(RefitPlan(every_days=89), last, now) == "age"
    assert explain_refit(RefitPlan(growth=1.5), last, now) == "growth"
    assert explain_refit(RefitPlan(growth=0, every_days=0), last, now) is None
    assert explain_refit(RefitPlan(is_requested=True), last, now) == "requested"
    assert explain_refit(RefitPlan(is_requested=True), now, now) is None


def test_an_id_is_never_given_twice_not_even_for_the_same_texts(small: Store) -> None:
    first = make_theme_id(["a", "b"])
    second = make_theme_id(["b", "a"], {first})
    assert first == make_theme_id(["b", "a"])
    assert len({first, second, make_theme_id(["a", "b"], {first, second})}) == 3
    with small.read() as connection:
        query = select(tables.theme_event.c.theme_id).where(tables.theme_event.c.event == "born")
        births = list(connection.execute(query).scalars())
    assert sorted(births) == sorted(read_themes(small))


def test_a_theme_that_doubles_in_one_batch_is_not_born_again(small: Store) -> None:
    ids = ids_of(small)
    feed(small, texts_of(2, range(40, 80)), NEVER)
    assert main_theme(small, texts_of(2, range(40, 80))) == ids[2]
    assert len(read_themes(small)) == 6
