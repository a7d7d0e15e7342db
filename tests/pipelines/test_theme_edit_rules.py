"""Any sequence of edits and runs, beside a store that nobody edits: the rules of edits hold."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from nlp.themes.linking import Link
from pipelines.edits.suggestions import list_suggestions
from pipelines.errors import ConfigError
from pipelines.runs import begin_run
from pipelines.store import Store, open_store
from pipelines.themes.suggestions import store_suggestions
from tests.pipelines.planted import (
    N_THEMES,
    add_customers,
    add_feedback,
    copy_tables,
    count_outdated,
    edit,
    make_store,
    plant,
    read_mentions,
    read_themes,
)

N_FIRST, N_BATCH, N_ALL = 100, 20, 180
numbers = st.integers(0, 99)
FOUND = ("nearest_theme_id", "theme_strength", "found_reason")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("template") / "store.db"
    store = make_store(f"sqlite:///{path}", N_FIRST)
    add_customers(store)
    store.engine.dispose()
    yield path


class EditedStore(RuleBasedStateMachine):
    """A store that is edited, and its twin that only runs."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store, self.twin = (self._copy(name) for name in ("edited", "twin"))
        self.themes = list(read_themes(self.store))
        self.n_rows = N_FIRST
        self.edits: list[str] = []

    def _copy(self, name: str) -> Store:
        path = self.folder / f"{name}.db"
        shutil.copy(self.template, path)
        return open_store(f"sqlite:///{path}")

    def teardown(self) -> None:
        """Undo everything: no table differs from those of the twin."""
        while True:
            try:
                edit(self.store, "undo")
            except ConfigError as error:
                assert "no edit to undo" in str(error)
                break
        assert copy_tables(self.store) == copy_tables(self.twin)
        for store in (self.store, self.twin):
            store.engine.dispose()
        shutil.rmtree(self.folder)

    @rule()
    def read_more_feedback(self) -> None:
        rows = range(self.n_rows, min(self.n_rows + N_BATCH, N_ALL))
        themes, mentions = self._decided()
        for store in (self.store, self.twin):
            add_feedback(store, rows)
        self.n_rows = rows.stop
        themes_now, mentions_now = self._decided()
        assert themes_now == themes
        assert mentions.items() <= mentions_now.items()

    @rule()
    def run_again(self) -> None:
        before = copy_tables(self.store, with_logs=True)
        add_feedback(self.store, [])
        after = copy_tables(self.store, with_logs=True)
        assert {name for name in before if before[name] != after[name]} == {"run"}

    @rule(theme=numbers, name=st.sampled_from(("one", "two", "שם")))
    def rename(self, theme: int, name: str) -> None:
        theme_id = self._theme(theme)
        self._try("rename", lambda: edit(self.store, "rename", theme_id, text=name))

    @rule(theme=numbers, into=numbers)
    def merge(self, theme: int, into: int) -> None:
        theme_id, other_id = self._theme(theme), self._theme(into)
        self._try("merge", lambda: edit(self.store, "merge", theme_id, other_id=other_id))

    @rule(theme=numbers, under=st.none() | numbers)
    def group(self, theme: int, under: int | None) -> None:
        other_id = None if under is None else self._theme(under)
        theme_id = self._theme(theme)
        self._try("group", lambda: edit(self.store, "group", theme_id, other_id=other_id))

    @rule(theme=numbers, action=st.sampled_from(("mute", "unmute")))
    def mute(self, theme: int, action: str) -> None:
        self._try(action, lambda: edit(self.store, action, self._theme(theme)))

    @rule(theme=numbers, day=st.integers(1, 28))
    def fixed(self, theme: int, day: int) -> None:
        theme_id, at = self._theme(theme), f"2026-01-{day:02d}"
        self._try("fixed", lambda: edit(self.store, "fixed", theme_id, text=at))

    @rule(theme=numbers, rows=st.sets(numbers, min_size=1, max_size=4))
    def move(self, theme: int, rows: set[int]) -> None:
        mention_ids = [f"f{row:04d}-0" for row in rows]
        theme_id = self._theme(theme)
        self._try("move", lambda: edit(self.store, "move", theme_id, mention_ids=mention_ids))

    @rule(name=st.sampled_from(("one", "two", "pinned")), row=numbers, n=st.integers(0, 3))
    def pin(self, name: str, row: int, n: int) -> None:
        examples = [plant().texts[(row + N_THEMES * each) % N_ALL] for each in range(n)]
        made = self._try("pin", lambda: edit(self.store, "pin", text=name, examples=examples))
        if made and made.theme_id not in self.themes:
            self.themes.append(str(made.theme_id))

    @rule(theme=numbers, rows=st.sets(numbers, max_size=3))
    def split(self, theme: int, rows: set[int]) -> None:
        theme_id = self._theme(theme)
        own = [key for key, row in read_mentions(self.store).items() if row["theme_id"] == theme_id]
        chosen = sorted({own[row % len(own)] for row in rows}) if own else []
        made = self._try("split", lambda: edit(self.store, "split", theme_id, mention_ids=chosen))
        for part in made.payload["parts"][1:] if made else ():
            if part["theme_id"] not in self.themes:
                self.themes.append(part["theme_id"])

    @rule(pair=st.tuples(numbers, numbers), action=st.sampled_from(("accept", "refuse")))
    def answer(self, pair: tuple[int, int], action: str) -> None:
        """Both stores are suggested the same; only one of them answers."""
        found = list(read_themes(self.twin))
        one, other = (found[each % len(found)] for each in pair)
        if one == other:
            return
        for store in (self.store, self.twin):
            with begin_run(store, "suggest", config_hash="", lock_timeout_s=1) as run:
                store_suggestions(run, {0: one, 1: other}, [Link(0, 1, 0.3)])
        with self.store.read() as connection:
            asked = [row["suggestion_id"] for row in list_suggestions(connection)]
        if asked:
            self._try(action, lambda: edit(self.store, action, other_id=asked[0]))
            with self.store.read() as connection:
                still = [row["suggestion_id"] for row in list_suggestions(connection)]
            assert asked[0] not in still

    @rule(which=st.none() | numbers)
    def undo(self, which: int | None) -> None:
        edit_id = self.edits[which % len(self.edits)] if which and self.edits else None
        self._try("undo", lambda: edit(self.store, "undo", other_id=edit_id))

    @invariant()
    def edits_change_nothing_that_is_found(self) -> None:
        found, expected = (
            {key: [row[name] for name in FOUND] for key, row in read_mentions(store).items()}
            for store in (self.store, self.twin)
        )
        assert found == expected

    @invariant()
    def every_mention_has_a_theme_that_is_there_or_a_reason(self) -> None:
        themes = read_themes(self.store)
        for row in read_mentions(self.store).values():
            assert (row["theme_id"] is None) == bool(row["unassigned_reason"])
            status = themes[row["theme_id"]]["status"] if row["theme_id"] else "active"
            assert status not in ("merged", "retired")

    @invariant()
    def figures_are_those_of_looking_at_everything(self) -> None:
        assert count_outdated(self.store) == 0

    def _theme(self, number: int) -> str:
        return self.themes[number % len(self.themes)]

    def _try(self, action: str, make: Callable[[], Any]) -> Any:
        """An edit that makes no sense is refused without a trace."""
        before = copy_tables(self.store, with_logs=True)
        try:
            made = make()
        except ConfigError:
            assert copy_tables(self.store, with_logs=True) == before
            return None
        self.edits.append(made.edit_id)
        return made

    def _decided(self) -> tuple[list[Any], dict[str, Any]]:
        """All that people decided, as the tables show it.

        What pins and splits draw is found, by a rule that people gave: it may grow.
        """
        columns = ("name", "description", "names", "status", "parent_id", "merged_into")
        themes = {
            key: [row[name] for name in columns] for key, row in read_themes(self.store).items()
        }
        mentions = {
            key: (row["theme_id"], row["edit_id"])
            for key, row in read_mentions(self.store).items()
            if row["edit_id"] and row["edit_id"] != row["drawn_by"]
        }
        return [themes[key] for key in self.themes], mentions


def test_no_sequence_of_edits_and_runs_breaks_the_rules(template: Path) -> None:
    EditedStore.template = template
    run_state_machine_as_test(
        EditedStore,
        settings=settings(
            max_examples=3,
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
