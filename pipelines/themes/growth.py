"""Later runs: new texts go to the themes that there are; what fits nowhere may become new ones."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nlp.themes.assignment import KnownThemes
from nlp.themes.births import (
    MIN_SEPARATION,
    find_newcomers,
    may_be_new,
    measure_novelty,
    measure_separation,
)
from nlp.themes.discovery import Discovery
from nlp.themes.granularity import Granularity
from nlp.themes.partition import min_theme_size
from nlp.themes.registry import match_themes
from pipelines.engine import LOCAL, Engine
from pipelines.models import Models
from pipelines.runs import Run
from pipelines.themes.births import add_themes, name_pool
from pipelines.themes.events import ThemeEvent, record_events
from pipelines.themes.groups import group_newcomers
from pipelines.themes.members import KnownMembers, choose_known
from pipelines.themes.pool import Fate, Pool, discover_pool, fixed_means, read_centres
from pipelines.themes.refit import member_labels
from pipelines.themes.registry import (
    centre_themes,
    read_registry,
    read_theme_centres,
    write_status,
    write_theme_centres,
)
from pipelines.themes.suggestions import store_suggestions

# A theme is born of what is left over only when most of its texts are new: old ones were left over
# before, and were not enough then.
MIN_NEW_SHARE = 0.5
# Comparing all with all is quadratic: among so many it takes 8 CPU seconds.
MAX_OUTSIDE = 20_000
_LEFT_OVER = frozenset({"far_from_all", "between_themes"})


@dataclass(frozen=True)
class _Candidates:
    """Texts that may be of a new theme.

    :param shares: share of the nearest of each that are new; see ``measure_novelty``.
    :param expected: that by chance.
    :param others: rows of new texts that were too many to look at.
    """

    pool: Pool
    shares: Any
    expected: Any
    others: list[int]

    @property
    def fates(self) -> list[tuple[str, Fate | None]]:
        """Key of each text, and what an earlier run decided about it."""
        return list(zip(self.pool.keys, self.pool.fates, strict=True))


def extend_themes(
    run: Run,
    models: Models,
    pool: Pool,
    granularity: Granularity = "normal",
    engine: Engine = LOCAL,
) -> tuple[dict[str, Fate], int]:
    """Give every new text a theme or a reason; find new themes among those that fit nowhere.

    :param granularity: how fine new themes are.
    :returns: what was decided by key, and how many themes were born or revived.
    """
    members = choose_known(pool)
    theme_ids = members.theme_ids
    known = members.describe(read_centres(run, models, members.pool))
    new = pool.take(np.flatnonzero(pool.is_new))
    fates = _assign_new(models, new, known, theme_ids, engine)
    candidates = _find_candidates(models, pool, fates, known)
    numbers = {theme_id: number for number, theme_id in enumerate(theme_ids)}
    nearest = [fates.get(key) or before for key, before in candidates.fates]
    rivals = [numbers.get((fate and fate.nearest) or "", -1) for fate in nearest]
    nearest_known = np.array(rivals, np.int32)
    born = _find_births(run, models, candidates, known, nearest_known, fates, granularity)
    if born and candidates.others:
        others = pool.take(candidates.others)
        fates |= _join_births(models, others, candidates.pool, members, known, born, engine)
    return {**_follow_their_like(pool), **fates}, len({*born.values()})


def _assign_new(
    models: Models, new: Pool, known: KnownThemes, theme_ids: list[str], engine: Engine
) -> dict[str, Fate]:
    assigned = engine.assign_themes(
        new.texts,
        new.vectors,
        new.langs,
        known,
        registers=new.registers,
        means=fixed_means(models, new.vectors.shape[1]),
    )
    return {
        key: Fate(theme_ids[label] if label >= 0 else None, float(strength), reason)
        for key, label, strength, reason in zip(
            new.keys, assigned.labels, assigned.strengths, assigned.reasons, strict=True
        )
    }


def _follow_their_like(pool: Pool) -> dict[str, Fate]:
    """Mentions whose like was decided by an earlier run."""
    return {
        key: fate
        for key, fate, waiting in zip(pool.keys, pool.fates, pool.waiting, strict=True)
        if fate is not None and waiting
    }


def _find_candidates(
    models: Models, pool: Pool, fates: dict[str, Fate], known: KnownThemes
) -> _Candidates:
    """New texts and those that earlier runs left over, where they keep to themselves."""
    rows, others = _choose_outside(pool, fates)
    outside = pool.take(rows)
    is_left_over = np.array(
        [
            _is_left_over(fates.get(key, before))
            for key, before in zip(outside.keys, outside.fates, strict=True)
        ],
        dtype=bool,
    )
    shares, expected = measure_novelty(
        outside.vectors[:],
        outside.langs,
        outside.is_new,
        known,
        registers=outside.registers,
        means=fixed_means(models, outside.vectors.shape[1]),
    )
    chosen = np.flatnonzero(may_be_new(shares, outside.is_new, is_left_over))
    return _Candidates(outside.take(chosen), shares[chosen], expected[chosen], others)


def _choose_outside(pool: Pool, fates: dict[str, Fate]) -> tuple[list[int], list[int]]:
    """The rows of no theme that new ones are looked for in, the new ones first; and other new ones.

    Rows are in the order of their keys: the first are as good as drawn by lot.
    """
    outside = [
        row
        for row, key in enumerate(pool.keys)
        if pool.themes[row] is None and (key in fates or _is_left_over(pool.fates[row]))
    ]
    new = [row for row in outside if pool.is_new[row]]
    old = [row for row in outside if not pool.is_new[row]]
    chosen = [*new, *old][:MAX_OUTSIDE]
    return sorted(chosen), new[len(chosen) :]


def _is_left_over(fate: Fate | None) -> bool:
    return fate is not None and fate.reason in _LEFT_OVER


def _find_births(
    run: Run,
    models: Models,
    candidates: _Candidates,
    known: KnownThemes,
    rivals: Any,
    fates: dict[str, Fate],
    granularity: Granularity,
) -> dict[int, str]:
    """Themes among the candidates; the fates of their members are written over.

    :param rivals: (n,) number of the known theme that each candidate is nearest to, -1 for none.
    :returns: theme_id by row of the candidates, for the members of new themes.
    """
    pool = candidates.pool
    if pool.is_new.sum() < min_theme_size(len(pool.keys)):
        return {}
    found = discover_pool(models, pool, centres=known.centres, granularity=granularity)
    labels = _keep_new(candidates, member_labels(found), found.n_themes)
    labels = _keep_apart(models, pool, known, rivals, labels)
    ids = _revive(run, models, pool, known, labels, found)
    names = name_pool(pool, labels, found.n_themes)
    numbers = [number for number in range(found.n_themes) if number not in ids]
    ids |= add_themes(run, pool, labels, names, numbers)
    store_suggestions(run, ids, found.suggestions)
    rows = {row: ids[int(labels[row])] for row in np.flatnonzero(labels >= 0).tolist()}
    for row, theme_id in rows.items():
        fates[pool.keys[row]] = Fate(theme_id, float(found.strengths[row]), None)
    write_theme_centres(run, models, pool, rows)
    space = fixed_means(models, pool.vectors.shape[1]).with_centres(known.centres)
    group_newcomers(run, models, set(ids.values()), space)
    return rows


def _join_births(
    models: Models,
    others: Pool,
    candidates: Pool,
    members: KnownMembers,
    known: KnownThemes,
    born: dict[int, str],
    engine: Engine,
) -> dict[str, Fate]:
    """New texts that were not looked at, where a theme that was born without them is nearest."""
    first = candidates.take(born)
    theme_ids = [*members.theme_ids, *sorted({*born.values()})]
    numbers = {theme_id: number for number, theme_id in enumerate(theme_ids)}
    grown = KnownThemes(
        np.concatenate([known.vectors, first.vectors[:]]),
        [*known.langs, *first.langs],
        np.array([*known.labels, *(numbers[each] for each in born.values())], dtype=np.int32),
        known.centres,
        [*members.pool.registers, *first.registers],
        [*members.pool.keys, *first.keys],
    )
    fates = _assign_new(models, others, grown, theme_ids, engine)
    return {key: fate for key, fate in fates.items() if fate.nearest in {*born.values()}}


def _keep_new(candidates: _Candidates, labels: Any, n_themes: int) -> Any:
    """Only themes of enough new texts, of these the texts that keep to themselves; else -1."""
    least = min_theme_size(len(candidates.pool.is_new))
    kept = np.full_like(labels, -1)
    for number in range(n_themes):
        rows = np.flatnonzero(labels == number)
        is_new = candidates.pool.is_new[rows]
        if is_new.sum() < max(least, MIN_NEW_SHARE * len(rows)):
            continue
        shares, expected = candidates.shares[rows], candidates.expected[rows]
        members = rows[find_newcomers(shares, expected, is_new)]
        if len(members) >= least:
            kept[members] = number
    return kept


def _keep_apart(models: Models, pool: Pool, known: KnownThemes, rivals: Any, labels: Any) -> Any:
    """Only themes that do not mix with the known one that they are nearest to."""
    means = fixed_means(models, pool.vectors.shape[1])
    labels = labels.copy()
    for number in np.unique(labels[labels >= 0]).tolist():
        rows = np.flatnonzero(labels == number)
        own = pool.take(rows)
        apart = measure_separation(
            own.vectors[:], own.langs, rivals[rows], known, registers=own.registers, means=means
        )
        if apart < MIN_SEPARATION:
            labels[rows] = -1
    return labels


def _revive(
    run: Run, models: Models, pool: Pool, known: KnownThemes, labels: Any, found: Discovery
) -> dict[int, str]:
    """Found themes that are as retired ones were: these come back under their ids."""
    registry = read_registry(run)
    space = fixed_means(models, pool.vectors.shape[1]).with_centres(known.centres)
    before = read_theme_centres(run, models, registry, space)
    now = centre_themes(pool, labels, found.n_themes, space)
    if before.shape[1] != now.shape[1]:
        return {}
    is_retired = np.array([each.status == "retired" for each in registry.themes], dtype=bool)
    before[~is_retired] = 0
    nobody = np.full(len(labels), -1, dtype=np.int32)
    n_known = len(registry.themes)
    matching = match_themes(nobody, labels, n_known, found.n_themes, likeness=before @ now.T)
    ids = {share.found: registry.themes[share.known].theme_id for share in matching.matched}
    for number, theme_id in ids.items():
        write_status(run, theme_id, "active")
        detail = {"n_texts": int((labels == number).sum())}
        record_events(run, [ThemeEvent(theme_id, "revived", detail)])
    return ids
