"""Small runs, edits, refusals and erasures leave the tables that one look at everything makes."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from pipelines import tables
from pipelines.concluding import conclude
from pipelines.errors import ConfigError
from pipelines.rights.consents import Statement, record_statements
from pipelines.rights.forgetting import forget_person
from pipelines.rights.people import Asked
from pipelines.runs import begin_run
from pipelines.store import Store, write_info
from tests.pipelines.planted import RUN_FACTS, add_feedback, edit, plant, read_themes
from tests.pipelines.rights.people import N_ROWS, make_people_job, open_people
from tests.pipelines.store_contents import Contents, compare_contents, read_contents

# Made of mentions, events, consents and edits by judging, comparing, ranking and publishing.
DERIVED = (
    *(tables.theme_period, tables.theme_impact, tables.theme_stake, tables.theme_fix),
    *(tables.theme_signal, tables.priority, tables.comparison, tables.coverage),
    *(tables.theme_share, tables.customer_theme, tables.customer_insight, tables.customer_fact),
    tables.feedback_outcome,
)
FIGURES = ("n_mentions", "n_customers", "sentiment", "first_seen_at", "last_seen_at")
N_BATCH = 12

numbers = st.integers(0, 8)
edits = st.tuples(st.sampled_from(("rename", "mute", "merge", "undo")), numbers, numbers)
steps = st.one_of(
    st.tuples(st.just("read")),
    edits,
    st.tuples(
        st.just("say"),
        numbers,
        st.sampled_from(("analysis", "profiling", "quoting", "contact")),
        st.sampled_from(("withdrawn", "granted")),
    ),
    st.tuples(st.just("forget"), numbers),
)


def live(store: Store, folder: Path, life: Sequence[tuple[object, ...]]) -> None:
    """One step after the other; what makes no sense now is refused and left out."""
    job = make_people_job(store, folder)
    n_rows = N_ROWS
    for kind, *asked in life:
        who = Asked(email=f"c{asked[0]}@example.com") if asked else None
        if kind == "read":
            rows = range(n_rows, min(n_rows + N_BATCH, len(plant().texts)))
            add_feedback(store, rows)
            n_rows = rows.stop
        elif kind == "say" and who:
            record_statements(job, [Statement(who, str(asked[1]), str(asked[2]))], "test")
        elif kind == "forget" and who:
            forget_person(job, who)
        else:
            themes = [*read_themes(store)]
            theme_id, other_id = (themes[int(str(each)) % len(themes)] for each in asked)
            about = {"text": "Said by people"} if kind == "rename" else {"other_id": other_id}
            try:
                if kind == "undo":
                    edit(store, "undo")
                else:
                    edit(store, str(kind), theme_id, **({} if kind == "mute" else about))
            except ConfigError:
                continue


def look_at_everything(store: Store) -> None:
    """Throw away all that is derived, and derive it."""
    with begin_run(store, "anew", config_hash="", lock_timeout_s=5) as run:
        for table in DERIVED:
            run.connection.execute(delete(table))
        run.connection.execute(update(tables.theme).values(dict.fromkeys(FIGURES)))
        for product in ("judged", "compared", "ranked", "published"):
            write_info(run.connection, f"{product}_version", "never")
        conclude(run)


def read_derived(store: Store) -> Contents:
    names = {"theme", *(table.name for table in DERIVED)}
    return {name: rows for name, rows in read_contents(store, RUN_FACTS).items() if name in names}


def compare_with_everything(store: Store, life: Sequence[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        live(store, Path(folder), life)
    lived = read_derived(store)
    assert lived["customer_insight"] and lived["theme_period"]
    look_at_everything(store)
    assert compare_contents(read_derived(store), lived) == []
    store.engine.dispose()


@settings(max_examples=2, deadline=None, derandomize=True)
@given(life=st.lists(steps, min_size=3, max_size=7), last=edits)
def test_a_life_in_small_steps_ends_in_the_tables_of_looking_at_everything(
    life: Sequence[tuple[object, ...]], last: tuple[object, ...]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        compare_with_everything(open_people(f"sqlite:///{folder}/store.db"), [*life, last])


def test_a_life_with_all_kinds_of_steps_ends_so_on_both_databases(store_url: str) -> None:
    life = (
        ("read",),
        ("say", 2, "analysis", "withdrawn"),
        ("merge", 1, 2),
        ("read",),
        ("forget", 4),
        ("say", 2, "analysis", "granted"),
        ("say", 3, "profiling", "withdrawn"),
        ("undo", 0, 0),
        ("mute", 0, 0),
        ("read",),
        # Last, as a run would look at everything.
        ("merge", 3, 1),
    )
    compare_with_everything(open_people(store_url), life)
