"""A store that is fed batch by batch: planted themes that come, go and come back.

A theme is a cloud of vectors around its centre; its texts are words that mean nothing. With the
encoder PAIRED themes 0 and 1, 2 and 3 ... are about much the same, and each pair is a group.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from sqlalchemy import delete, insert, select

from pipelines import tables
from pipelines.discover import NO_PLAN, discover_store
from pipelines.edits.apply import apply_edits
from pipelines.progress import SilentProgress
from pipelines.runs import begin_run
from pipelines.store import Store
from pipelines.themes.fit import RefitPlan
from tests.pipelines.planted import START

DIM, N_CENTRES = 32, 16
PAIRED = "paired"
PAIR_DISTANCE, PAIR_SPREAD = 0.4, 1.0
NOW = RefitPlan(is_requested=True)
NEVER = RefitPlan(growth=0, every_days=0)

Texts = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class NamedModels:
    """Named, never loaded."""

    encoder_name: str = "first"
    is_default_encoder: bool = False


def texts_of(theme: int, numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Texts of a theme, by number."""
    return [(theme, number) for number in numbers]


def feed(
    store: Store,
    texts: Texts,
    plan: RefitPlan = NO_PLAN,
    *,
    encoder: str = "first",
    day: int = 0,
) -> None:
    """A run that reads these texts, one mention each."""
    with begin_run(store, "run", config_hash="", lock_timeout_s=5) as run:
        for theme, number in texts:
            _add_text(run.connection, theme, number, encoder, day)
        run.facts["encoder"] = encoder
        if texts:
            run.mark_changed()
        discover_store(run, NamedModels(encoder), SilentProgress(), plan)  # type: ignore[arg-type]
        apply_edits(run, NamedModels(encoder))  # type: ignore[arg-type]


def read_again(store: Store, encoder: str) -> None:
    """Give every text a vector of another encoder, as the step before would."""
    with store.write() as connection:
        for (key,) in connection.execute(select(tables.mention.c.mention_id)).all():
            theme, number = map(int, key[1:-2].split("x"))
            _add_vector(connection, theme, number, encoder)


def remove(store: Store, texts: Texts) -> None:
    """Take feedback away, as an erasure does."""
    names = [_name(*text) for text in texts]
    with store.write() as connection:
        for table in (tables.mention, tables.feedback):
            connection.execute(delete(table).where(table.c.feedback_id.in_(names)))


def themes_of(store: Store, texts: Texts) -> list[str | None]:
    """The theme of each text, as people see it."""
    column = tables.mention.c
    with store.read() as connection:
        found = dict(connection.execute(select(column.feedback_id, column.theme_id)).all())
    return [found[_name(*text)] for text in texts]


def main_theme(store: Store, texts: Texts) -> str:
    """The theme that most of these texts belong to; there must be one."""
    ids, counts = np.unique([each or "" for each in themes_of(store, texts)], return_counts=True)
    theme_id, n = ids[counts.argmax()], counts.max()
    assert theme_id
    assert n > len(texts) / 2
    return str(theme_id)


def events_of(store: Store, theme_id: str | None = None) -> list[tuple[str, Any]]:
    """What happened to a theme, or to all: event and evidence."""
    event = tables.theme_event.c
    query = select(event.event, event.detail).order_by(event.run_id, event.event_id)
    if theme_id:
        query = query.where(event.theme_id == theme_id)
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def _name(theme: int, number: int) -> str:
    return f"f{theme:02d}x{number:04d}"


def _add_text(connection: Any, theme: int, number: int, encoder: str, day: int) -> None:
    rng = np.random.default_rng([theme, number])
    words = " ".join("".join(rng.choice(list("אבגדהוזחטילמנסר"), 5)) for _ in range(6))
    key = {"text": words, "text_hash": f"h{_name(theme, number)}", "lang": "he"}
    name = _name(theme, number)
    connection.execute(
        insert(tables.feedback).values(
            feedback_id=name,
            source="planted",
            occurred_at=START + timedelta(days=day),
            enriched_run="planted",
            **key,
        )
    )
    connection.execute(
        insert(tables.mention).values(mention_id=f"{name}-0", feedback_id=name, position=0, **key)
    )
    _add_vector(connection, theme, number, encoder)


def _add_vector(connection: Any, theme: int, number: int, encoder: str) -> None:
    key = f"h{_name(theme, number)}"
    vector = tables.vector.c
    stored = select(vector.model).where(vector.text_hash == key, vector.model == encoder)
    if connection.execute(stored).first():
        return
    seed = sum(encoder.encode())
    centres, spread = (_pair_centres(), PAIR_SPREAD) if encoder == PAIRED else (_plant(seed), 0.5)
    noise = np.random.default_rng([theme, number, seed]).normal(size=DIM)
    row = _unit((centres[theme] + spread * noise / DIM**0.5)[None])[0]
    data = row.astype("<f2").tobytes()
    connection.execute(insert(tables.vector).values(text_hash=key, model=encoder, data=data))


def _plant(seed: int) -> Any:
    return _unit(np.random.default_rng(seed).normal(size=(N_CENTRES, DIM)))


def _pair_centres() -> Any:
    basis, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(DIM, DIM)))
    return _unit(basis[np.arange(N_CENTRES) // 2] + PAIR_DISTANCE * basis[-N_CENTRES:])


def _unit(rows: Any) -> Any:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
