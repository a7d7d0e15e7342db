"""The step that finds themes, and their mentions or the reason why a mention has none.

Themes are permanent: the first run finds them, later runs assign new texts to them, and only what
is left over can become new themes. What is found stands in ``nearest_theme_id`` and
``found_reason``; :func:`pipelines.theme_edits.apply_edits` makes of it what people see.
"""

from typing import Any

import numpy as np
from sqlalchemy import and_, bindparam, or_, select, update

from nlp.themes.assignment import KnownThemes, assign_themes
from nlp.themes.discovery import Discovery, discover_themes
from nlp.themes.partition import min_theme_size
from pipelines import tables
from pipelines.counted import counted_mentions, feedback, is_counted, mention
from pipelines.models import Models
from pipelines.progress import Progress
from pipelines.runs import Run
from pipelines.suggestions import store_suggestions
from pipelines.theme_births import add_themes
from pipelines.theme_pool import Fate, Pool, fixed_means, load_pool, read_centres, write_centres

# A theme is born of what is left over only when most of its texts are new: old ones were left over
# before, and were not enough then.
MIN_NEW_SHARE = 0.5
_LEFT_OVER = frozenset({"far_from_all", "between_themes"})


def discover_store(run: Run, models: Models, progress: Progress) -> None:
    """Decide about every mention that no run has decided about yet."""
    _set_noise_aside(run)
    if not _has_undecided(run):
        return
    pool = load_pool(run, models)
    progress.start("finding themes", len(pool.keys), "mentions")
    has_themes = any(pool.themes)
    fates, n_born = (_extend_themes if has_themes else _found_themes)(run, models, pool)
    _write_fates(run, pool, fates)
    run.mark_changed()
    progress.advance(len(pool.keys))
    progress.finish(f"{n_born:,} new themes among {len(pool.keys):,} mentions")


def _set_noise_aside(run: Run) -> None:
    """Mentions of noise belong to no theme; copies share the fate of their original."""
    noise = select(feedback.feedback_id).where(
        feedback.noise_reason.is_not(None), feedback.noise_reason != "copy"
    )
    is_due = or_(
        mention.found_reason.is_distinct_from("noise"), mention.nearest_theme_id.is_not(None)
    )
    statement = (
        update(tables.mention)
        .where(mention.feedback_id.in_(noise), is_due)
        .values(
            nearest_theme_id=None,
            theme_strength=None,
            found_reason="noise",
            found_run=run.run_id,
        )
    )
    counted = statement.execution_options(preserve_rowcount=True)
    if run.connection.execute(counted).rowcount:
        run.mark_changed()


def _has_undecided(run: Run) -> bool:
    is_undecided = and_(mention.nearest_theme_id.is_(None), mention.found_reason.is_(None))
    query = (
        select(mention.mention_id)
        .select_from(counted_mentions)
        .where(is_counted, is_undecided)
        .limit(1)
    )
    return run.connection.execute(query).first() is not None


def _found_themes(run: Run, models: Models, pool: Pool) -> tuple[dict[str, Fate], int]:
    """The first themes of a store."""
    found = _discover(models, pool)
    write_centres(run, models, found.centres)
    ids = add_themes(run, pool, _member_labels(found), found.n_themes)
    store_suggestions(run, ids, found.suggestions)
    fates = {
        key: Fate(ids.get(int(label)), float(strength), reason)
        for key, label, strength, reason in zip(
            pool.keys, found.labels, found.strengths, found.reasons, strict=True
        )
    }
    return fates, len(ids)


def _extend_themes(run: Run, models: Models, pool: Pool) -> tuple[dict[str, Fate], int]:
    """New texts go to the themes there are; what is left over may become new ones."""
    known = pool.take(row for row, theme_id in enumerate(pool.themes) if theme_id is not None)
    new = pool.take(np.flatnonzero(pool.is_new))
    theme_ids = sorted({str(theme_id) for theme_id in known.themes})
    numbers = {theme_id: number for number, theme_id in enumerate(theme_ids)}
    labels = np.array([numbers[str(theme_id)] for theme_id in known.themes], dtype=np.int32)
    centres = read_centres(run, models, known)
    assigned = assign_themes(
        new.texts,
        new.vectors,
        new.langs,
        KnownThemes(known.vectors, known.langs, labels, centres, known.registers),
        registers=new.registers,
        means=fixed_means(models, pool.vectors.shape[1]),
    )
    fates = {
        key: Fate(theme_ids[label], float(strength), reason)
        for key, label, strength, reason in zip(
            new.keys, assigned.labels, assigned.strengths, assigned.reasons, strict=True
        )
    }
    n_born = _cluster_left_over(run, models, pool, fates)
    return {**_follow_their_like(pool), **fates}, n_born


def _follow_their_like(pool: Pool) -> dict[str, Fate]:
    """Mentions whose like was decided by an earlier run."""
    return {
        key: fate
        for key, fate, waiting in zip(pool.keys, pool.fates, pool.waiting, strict=True)
        if fate is not None and waiting
    }


def _cluster_left_over(run: Run, models: Models, pool: Pool, fates: dict[str, Fate]) -> int:
    """Themes among texts that fit nowhere; the fates of their members are written over."""
    left = pool.take(
        row for row, key in enumerate(pool.keys) if _is_left_over(pool, row, fates.get(key))
    )
    least = min_theme_size(len(left.keys))
    if left.is_new.sum() < least:
        return 0
    found = _discover(models, left)
    labels = _member_labels(found)
    for number in range(found.n_themes):
        is_new = left.is_new[labels == number]
        if is_new.sum() < least or is_new.mean() < MIN_NEW_SHARE:
            labels[labels == number] = -1
    ids = add_themes(run, left, labels, found.n_themes)
    store_suggestions(run, ids, found.suggestions)
    for row in np.flatnonzero(labels >= 0):
        fates[left.keys[row]] = Fate(ids[int(labels[row])], float(found.strengths[row]), None)
    return len(ids)


def _is_left_over(pool: Pool, row: int, fate: Fate | None) -> bool:
    if fate is not None:
        return fate.reason in _LEFT_OVER
    return pool.themes[row] is None and not pool.is_new[row]


def _discover(models: Models, pool: Pool) -> Discovery:
    means = fixed_means(models, pool.vectors.shape[1])
    return discover_themes(
        pool.texts,
        pool.vectors,
        pool.langs,
        registers=pool.registers,
        documents=pool.documents,
        means=means,
    )


def _member_labels(found: Discovery) -> Any:
    """Theme number of each member, -1 for texts that are not sure enough."""
    is_member = np.array([reason is None for reason in found.reasons], dtype=bool)
    return np.where(is_member, found.labels, -1)


def _write_fates(run: Run, pool: Pool, fates: dict[str, Fate]) -> None:
    if not fates:
        return
    statement = (
        update(tables.mention)
        .where(mention.mention_id == bindparam("id"))
        .values(
            nearest_theme_id=bindparam("nearest"),
            theme_strength=bindparam("strength"),
            found_reason=bindparam("reason"),
            found_run=run.run_id,
        )
    )
    rows = [
        {
            "id": mention_id,
            "nearest": fate.nearest,
            "strength": round(fate.strength, 6),
            "reason": fate.reason,
        }
        for row, key in enumerate(pool.keys)
        if (fate := fates.get(key)) is not None
        for mention_id in _due_mentions(pool, row, fate)
    ]
    run.connection.execute(statement, rows)


def _due_mentions(pool: Pool, row: int, fate: Fate) -> list[str]:
    """All that share the fate when it is new; only the waiting ones when it is not."""
    return pool.waiting[row] if fate == pool.fates[row] else pool.mentions[row]
