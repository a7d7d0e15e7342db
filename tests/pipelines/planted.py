"""A store with planted themes: real discovery on made vectors, without any model.

Each theme is a cloud of vectors around a centre; its texts are words that mean nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import func, insert, select

from nlp.meaning import Meanings
from pipelines import tables
from pipelines.concluding import conclude
from pipelines.config import Config
from pipelines.discover import discover_store
from pipelines.edits.apply import Applied, apply_edits
from pipelines.edits.commands import EditResult, make_edit
from pipelines.edits.requests import EditRequest
from pipelines.job import Job
from pipelines.progress import SilentProgress
from pipelines.runs import begin_run
from pipelines.store import Store, write_info
from tests.pipelines.store_contents import Contents, read_contents
from tests.pipelines.store_copies import open_copy

START = datetime(2026, 1, 5, tzinfo=UTC)
DIM, N_THEMES, ENCODER = 32, 4, "planted"
# Changed by every run and edit, whatever it says.
RUN_FACTS = {"run_id", "found_run", "updated_run", "updated_at"}
LOGS = {"run", "run_measure", "theme_edit", "theme_event", "store_info"}
# An undone pin leaves its theme, retired, and the vectors of its examples.
REMAINS = {
    "theme": tables.theme.c.status != "retired",
    "vector": tables.vector.c.text_hash.in_(select(tables.mention.c.text_hash)),
}


class PlantedModels:
    """Knows the planted texts; any other text is beside all themes."""

    encoder_name = ENCODER
    is_default_encoder = False

    def read(self, texts: Sequence[str], langs: Sequence[str]) -> Meanings:
        planted = plant()
        known = dict(zip(planted.texts, planted.vectors, strict=True))
        rows = [known[text] if text in known else _unit_vector(text) for text in texts]
        return Meanings(np.array(rows, np.float16), np.zeros((len(rows), 3), np.float32))

    def embed(self, texts: Sequence[str]) -> Any:
        return self.read(texts, [""] * len(texts)).vectors


class PlantedJob(Job):
    """A job with these models."""

    models = PlantedModels()  # type: ignore[assignment]


@dataclass(frozen=True)
class Planted:
    """Texts with vectors; theme -1 is beside all themes."""

    texts: list[str]
    vectors: Any
    themes: list[int]


@cache
def plant(n_a_theme: int = 60, seed: int = 1) -> Planted:
    """Texts in an order that mixes the themes."""
    rng = np.random.default_rng(seed)
    centres = _unit(rng.normal(size=(N_THEMES, DIM)))
    themes = [place % N_THEMES for place in range(n_a_theme * N_THEMES)]
    rows = centres[themes] + 0.5 * rng.normal(size=(len(themes), DIM)) / DIM**0.5
    letters = list("אבגדהוזחטילמנסר")
    texts = [" ".join("".join(rng.choice(letters, 5)) for _ in range(6)) for _ in themes]
    return Planted(texts, _unit(rows).astype(np.float16), themes)


def add_feedback(store: Store, rows: Sequence[int]) -> Applied:
    """A run that reads the planted texts with these numbers, one mention each."""
    planted = plant()
    with begin_run(store, "run", config_hash="", lock_timeout_s=5) as run:
        for row in rows:
            key = {"text": planted.texts[row], "text_hash": f"h{row:04d}", "lang": "he"}
            run.connection.execute(
                insert(tables.feedback).values(
                    feedback_id=f"f{row:04d}",
                    source="planted",
                    occurred_at=START + timedelta(days=row % 60),
                    customer_id=f"c{row % 9}",
                    enriched_run="planted",
                    **key,
                )
            )
            run.connection.execute(
                insert(tables.mention).values(
                    mention_id=f"f{row:04d}-0",
                    feedback_id=f"f{row:04d}",
                    position=0,
                    sentiment=("negative", "neutral", "positive")[row % 3],
                    sentiment_score=(-0.5, 0.0, 0.5)[row % 3],
                    **key,
                )
            )
            run.connection.execute(
                insert(tables.vector).values(
                    text_hash=key["text_hash"], model=ENCODER, data=planted.vectors[row].tobytes()
                )
            )
        if rows:
            run.mark_changed()
        run.facts["encoder"] = ENCODER
        discover_store(run, PlantedModels(), SilentProgress())  # type: ignore[arg-type]
        applied = apply_edits(run, PlantedModels())  # type: ignore[arg-type]
        conclude(run)
    return applied


def count_outdated(store: Store) -> int:
    """Rows that judging, ranking and publishing would write if they looked at everything anew."""
    with begin_run(store, "check", config_hash="", lock_timeout_s=5) as run:
        for product in ("judged", "compared", "ranked", "published"):
            write_info(run.connection, f"{product}_version", "never")
        return conclude(run)


def add_customers(store: Store) -> None:
    """Give the customers of the planted feedback records, so that segments are judged too."""
    rows = [{"customer_id": f"c{row}", "segment": f"segment {row // 6}"} for row in range(9)]
    with begin_run(store, "customers", config_hash="", lock_timeout_s=5) as run:
        run.connection.execute(insert(tables.customer), rows)
        run.mark_changed()
        apply_edits(run, PlantedModels())  # type: ignore[arg-type]
        conclude(run)


def edit(store: Store, action: str, theme_id: str | None = None, **asked: Any) -> EditResult:
    """Do what ``earful themes ACTION`` does."""
    return make_edit(make_job(store), EditRequest(action, theme_id, **asked), "dana")


def make_job(store: Store, kind: type[Job] | None = None) -> Job:
    """A job for a store, with planted models unless its kind has others."""
    url = store.url.render_as_string(hide_password=False)
    return (kind or PlantedJob)(Config.model_validate({"store": {"url": url}}), cache_dir=None)  # type: ignore[arg-type]


def copy_tables(store: Store, *, with_logs: bool = False) -> Contents:
    """Every row as people see it: without what any run changes."""
    return (
        read_contents(store, (), {})
        if with_logs
        else read_contents(store, LOGS | RUN_FACTS, REMAINS)
    )


def read_themes(store: Store) -> dict[str, Any]:
    """Every theme by its id."""
    with store.read() as connection:
        rows = connection.execute(select(tables.theme)).mappings().all()
    return {row["theme_id"]: row for row in sorted(rows, key=lambda row: row["theme_id"])}


def read_mentions(store: Store) -> dict[str, Any]:
    """Every mention by its id."""
    with store.read() as connection:
        rows = connection.execute(select(tables.mention)).mappings().all()
    return {row["mention_id"]: row for row in sorted(rows, key=lambda row: row["mention_id"])}


def count_rows(store: Store, name: str, **values: Any) -> int:
    """Rows of a table with these values."""
    table = tables.metadata.tables[name]
    chosen = [table.c[column] == value for column, value in values.items()]
    with store.read() as connection:
        query = select(func.count()).select_from(table).where(*chosen)
        return connection.execute(query).scalar_one()


def make_store(url: str, n_rows: int = 160) -> Store:
    """A new store after one run."""
    return open_copy(url, f"planted {n_rows}", lambda store: add_feedback(store, range(n_rows)))


def _unit(rows: Any) -> Any:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _unit_vector(text: str) -> Any:
    seed = int.from_bytes(text.encode()[:8].ljust(8), "little")
    return _unit(np.random.default_rng(seed).normal(size=(1, DIM)))[0]
