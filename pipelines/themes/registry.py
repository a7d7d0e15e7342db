"""The themes that a store knows, as matching needs them: numbered, with status and centre."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sqlalchemy import delete, func, select, update

from nlp.themes.centring import LanguageMeans, centre_rows, name_voices
from nlp.themes.vectors import read_blocks, sum_rows, unit_rows
from pipelines import tables
from pipelines.bulk import insert_rows
from pipelines.id_batches import batch_ids
from pipelines.models import Models
from pipelines.runs import Run
from pipelines.themes.edit_log import read_log, replay_log
from pipelines.themes.pool import Pool
from pipelines.themes.pool_vectors import take_vectors

_THEME, _CENTRE = tables.theme.c, tables.theme_centre.c


@dataclass(frozen=True)
class KnownTheme:
    """A theme that was found by an earlier run.

    :param status: active, faded or retired, as found.
    :param group_id: the theme that leads its group, as found; itself where it leads.
    """

    theme_id: str
    name: str | None
    status: str
    group_id: str | None = None


@dataclass(frozen=True)
class Registry:
    """All themes that were ever found, numbered in the order of their ids.

    :param locked: numbers of those that people decided something about.
    """

    themes: list[KnownTheme]
    locked: frozenset[int]

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Number by id."""
        return {each.theme_id: number for number, each in enumerate(self.themes)}

    @cached_property
    def groups(self) -> dict[int, int]:
        """Number of the group of each theme that is in one: that of the theme that leads it."""
        numbers = ((n, self.numbers.get(each.group_id or "")) for n, each in enumerate(self.themes))
        return {number: group for number, group in numbers if group is not None}

    def label_rows(self, pool: Pool) -> Any:
        """(n,) number of the theme that each text was found to belong to, -1 for none."""
        found = [self.numbers.get(theme_id or "", -1) for theme_id in pool.themes]
        return np.array(found, dtype=np.int32)


def read_registry(run: Run) -> Registry:
    """Every theme that a run found; those that people made are theirs alone."""
    columns = (
        _THEME.theme_id,
        _THEME.found_name,
        func.coalesce(_THEME.found_status, "active"),
        _THEME.found_group_id,
    )
    query = select(*columns).where(_THEME.made_by.is_(None)).order_by(_THEME.theme_id)
    themes = [KnownTheme(*row) for row in run.connection.execute(query)]
    edited = _find_edited(run)
    locked = [number for number, each in enumerate(themes) if each.theme_id in edited]
    return Registry(themes, frozenset(locked))


def _find_edited(run: Run) -> set[str]:
    """Themes that an edit that counts is about, as the one edited or as the other one."""
    log = read_log(run.connection)
    effective = replay_log(run.connection, log).effective
    edits = [edit for edit in log if edit.edit_id in effective]
    return {name for edit in edits for name in (edit.theme_id, edit.other_id) if name}


def write_status(run: Run, theme_id: str, status: str) -> None:
    """Set what was found about a theme's state; people's edits lie over it."""
    run.connection.execute(
        update(tables.theme)
        .where(_THEME.theme_id == theme_id)
        .values(found_status=status, n_quiet_runs=0, n_missed=0.0, updated_run=run.run_id)
    )


def write_theme_centres(run: Run, models: Models, pool: Pool, ids: Mapping[int, str]) -> None:
    """Keep the mean of each theme's texts by voice, to know it again when they are gone.

    :param ids: theme_id by row of the pool.
    """
    chosen = sorted(ids)
    voices = name_voices(*([each[row] for row in chosen] for each in (pool.langs, pool.registers)))
    named = zip([ids[row] for row in chosen], voices, strict=True)
    cells: dict[tuple[str, str], int] = {}
    labels = np.array([cells.setdefault(each, len(cells)) for each in named], dtype=np.int32)
    sums = np.zeros((len(cells), pool.vectors.shape[1]))
    for part, vectors in read_blocks(take_vectors(pool.vectors, chosen)):
        sums += sum_rows(vectors, labels[part], len(cells))
    sizes = np.bincount(labels, minlength=len(cells))
    rows = [
        {
            "theme_id": theme_id,
            "voice": voice,
            "model": models.encoder_name,
            "n_texts": int(sizes[number]),
            "data": np.ascontiguousarray(sums[number] / sizes[number], dtype="<f4").tobytes(),
        }
        for (theme_id, voice), number in cells.items()
    ]
    written = sorted({theme_id for theme_id, _ in cells})
    for batch in batch_ids(written):
        run.connection.execute(
            delete(tables.theme_centre).where(
                _CENTRE.theme_id.in_(batch),
                _CENTRE.model == models.encoder_name,
            )
        )
    insert_rows(run.connection, tables.theme_centre, rows)


def read_theme_centres(run: Run, models: Models, registry: Registry, space: LanguageMeans) -> Any:
    """(n_themes, d) unit rows in the space of centred texts; zeros where nothing is known."""
    query = (
        select(_CENTRE.theme_id, _CENTRE.voice, _CENTRE.n_texts, _CENTRE.data)
        .where(_CENTRE.model == models.encoder_name)
        .order_by(_CENTRE.theme_id, _CENTRE.voice)
    )
    rows = [row for row in run.connection.execute(query) if row.theme_id in registry.numbers]
    if not rows:
        return np.zeros((len(registry.themes), 1), dtype=np.float32)
    means = np.array([np.frombuffer(row.data, dtype="<f4") for row in rows])
    centred = centre_rows(means, [row.voice for row in rows], space)
    sums = np.zeros((len(registry.themes), centred.shape[1]))
    for row, unit in zip(rows, centred, strict=True):
        sums[registry.numbers[row.theme_id]] += row.n_texts * unit
    return unit_rows(sums)


def centre_themes(pool: Pool, labels: Any, n_themes: int, space: LanguageMeans) -> Any:
    """(n_themes, d) unit rows: what the texts of each theme are like."""
    voices = name_voices(pool.langs, pool.registers)
    sums = np.zeros((n_themes, space.width))
    for rows, vectors in read_blocks(pool.vectors):
        sums += sum_rows(centre_rows(vectors, voices[rows], space), labels[rows], n_themes)
    return unit_rows(sums)
