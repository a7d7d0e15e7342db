"""Mentions of near-copies are decided by what they copy, and decide nothing about others."""

from sqlalchemy import insert

from pipelines import tables
from pipelines.discover import discover_store
from pipelines.progress import SilentProgress
from pipelines.runs import begin_run
from pipelines.store import Store
from tests.pipelines.planted import (
    ENCODER,
    PlantedModels,
    add_feedback,
    make_store,
    plant,
    read_mentions,
)

LATER = 130


def _add_near_copy(store: Store) -> None:
    """A near-copy of the first feedback, with a sentence that this one has not."""
    said = {"text": plant().texts[LATER], "text_hash": f"h{LATER:04d}", "lang": "he"}
    with begin_run(store, "run", config_hash="", lock_timeout_s=5) as run:
        copied = {"noise_reason": "copy", "found_noise_reason": "copy", "duplicate_of": "f0000"}
        row = {"feedback_id": "copy", "source": "planted", "enriched_run": "planted"}
        run.connection.execute(insert(tables.feedback).values(**row, **said, **copied))
        place = {"mention_id": "copy-1", "feedback_id": "copy", "position": 1}
        run.connection.execute(insert(tables.mention).values(**place, **said))
        data = plant().vectors[LATER].tobytes()
        run.connection.execute(
            insert(tables.vector).values(text_hash=said["text_hash"], model=ENCODER, data=data)
        )
        run.mark_changed()
        run.facts["encoder"] = ENCODER
        discover_store(run, PlantedModels(), SilentProgress())  # type: ignore[arg-type]


def _add_the_same(store: Store) -> None:
    """Somebody says that sentence, and copies nobody."""
    with begin_run(store, "run", config_hash="", lock_timeout_s=5) as run:
        run.connection.execute(
            tables.vector.delete().where(tables.vector.c.text_hash == f"h{LATER:04d}")
        )
    add_feedback(store, [LATER])


def test_what_a_near_copy_says_beyond_its_original_decides_nothing_about_others(
    sqlite_url: str, tmp_path: object
) -> None:
    with_copy = make_store(sqlite_url, 120)
    _add_near_copy(with_copy)
    assert read_mentions(with_copy)["copy-1"]["found_reason"] == "noise"
    _add_the_same(with_copy)
    without = make_store(f"sqlite:///{tmp_path}/without.db", 120)
    _add_the_same(without)
    facts = ("nearest_theme_id", "theme_strength", "found_reason", "theme_id")
    fates = [
        [read_mentions(store)[f"f{LATER:04d}-0"][name] for name in facts]
        for store in (with_copy, without)
    ]
    assert fates[0] == fates[1]
    assert read_mentions(with_copy)["copy-1"]["found_reason"] == "noise"
    for store in (with_copy, without):
        store.engine.dispose()
