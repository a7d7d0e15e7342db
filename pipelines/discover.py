"""The step that finds themes, and gives every mention its theme or the reason for none.

Themes are permanent: the first run finds them, later runs assign new texts to them, and only what
is left over can become new themes.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import and_, bindparam, delete, func, insert, or_, select, update

from nlp.cleaning import normalize_text
from nlp.themes.assignment import assign_themes
from nlp.themes.discovery import discover_themes
from nlp.themes.names import name_themes
from nlp.themes.partition import min_theme_size
from nlp.themes.quotes import choose_quotes
from pipelines import tables
from pipelines.counted import counted_mentions, feedback, is_counted, mention
from pipelines.enrich import vectors_of
from pipelines.models import Models
from pipelines.progress import Progress
from pipelines.runs import Run
from pipelines.upserts import upsert_rows

N_QUOTES = 3
# A theme is born of what is left over only when most of its texts are new: old ones were left over
# before, and were not enough then.
MIN_NEW_SHARE = 0.5


@dataclass(frozen=True)
class _Pool:
    """Distinct texts that count, in the order of their hashes.

    :param quotable: mention and verbatim text that stand for each text.
    :param themes: theme of each text, None while unassigned.
    :param is_new: no run has decided about the text yet.
    """

    hashes: list[str]
    texts: list[str]
    langs: list[str]
    quotable: list[tuple[str, str]]
    vectors: Any
    themes: list[str | None]
    is_new: Any

    def take(self, rows: Iterable[int]) -> "_Pool":
        """Only these rows."""
        chosen = list(rows)
        return _Pool(
            [self.hashes[row] for row in chosen],
            [self.texts[row] for row in chosen],
            [self.langs[row] for row in chosen],
            [self.quotable[row] for row in chosen],
            self.vectors[chosen],
            [self.themes[row] for row in chosen],
            self.is_new[chosen],
        )


@dataclass(frozen=True)
class _Fate:
    """What was decided about a text."""

    text_hash: str
    nearest: str | None
    strength: float | None
    reason: str | None


def discover_store(run: Run, models: Models, progress: Progress) -> None:
    """Decide about every text that no run has decided about yet."""
    _set_noise_aside(run)
    if not _has_undecided(run):
        return
    pool = _load_pool(run, models)
    progress.start("finding themes", len(pool.hashes), "texts")
    has_themes = any(pool.themes)
    fates, born = _extend_themes(run, pool) if has_themes else _found_themes(run, pool)
    _write_fates(run, fates)
    _choose_quotes(run, pool, fates)
    run.mark_changed()
    progress.advance(len(pool.hashes))
    progress.finish(f"{born:,} new themes")


def _has_undecided(run: Run) -> bool:
    query = (
        select(mention.mention_id)
        .select_from(counted_mentions)
        .where(is_counted, _is_undecided())
        .limit(1)
    )
    return run.connection.execute(query).first() is not None


def _is_undecided() -> Any:
    return and_(mention.theme_id.is_(None), mention.unassigned_reason.is_(None))


def _set_noise_aside(run: Run) -> None:
    """Mentions of noise belong to no theme; copies share the fate of their original."""
    noise = select(feedback.feedback_id).where(
        feedback.noise_reason.is_not(None), feedback.noise_reason != "copy"
    )
    result = run.connection.execute(
        update(tables.mention)
        .where(
            mention.feedback_id.in_(noise),
            or_(mention.unassigned_reason.is_distinct_from("noise"), mention.theme_id.is_not(None)),
        )
        .values(
            theme_id=None, theme_strength=None, nearest_theme_id=None, unassigned_reason="noise"
        )
        .execution_options(preserve_rowcount=True)
    )
    if result.rowcount:
        run.mark_changed()


def _load_pool(run: Run, models: Models) -> _Pool:
    chosen = (
        select(mention.text_hash, func.min(mention.mention_id).label("mention_id"))
        .select_from(counted_mentions)
        .where(is_counted)
        .group_by(mention.text_hash)
        .subquery()
    )
    query = (
        select(
            mention.text_hash,
            mention.mention_id,
            mention.text,
            mention.lang,
            mention.theme_id,
            mention.unassigned_reason,
            tables.vector.c.data,
        )
        .join(chosen, chosen.c.mention_id == mention.mention_id)
        .join(
            tables.vector,
            and_(
                tables.vector.c.text_hash == mention.text_hash,
                tables.vector.c.model == models.encoder_name,
            ),
        )
        .order_by(mention.text_hash)
    )
    rows = run.connection.execute(query).all()
    return _Pool(
        hashes=[row.text_hash for row in rows],
        texts=[normalize_text(row.text, row.lang) for row in rows],
        langs=[row.lang for row in rows],
        quotable=[(row.mention_id, row.text) for row in rows],
        vectors=vectors_of([row.data for row in rows]),
        themes=[row.theme_id for row in rows],
        is_new=np.array(
            [row.theme_id is None and row.unassigned_reason is None for row in rows], dtype=bool
        ),
    )


def _found_themes(run: Run, pool: _Pool) -> tuple[list[_Fate], int]:
    """The first themes of a store."""
    found = discover_themes(pool.texts, pool.vectors, pool.langs)
    is_member = np.array([reason is None for reason in found.reasons], dtype=bool)
    labels = np.where(is_member, found.labels, -1)
    ids = _give_birth(run, pool, labels, found.n_themes)
    fates = [
        _Fate(text_hash, ids[label] if label >= 0 else None, float(strength), reason)
        for text_hash, label, strength, reason in zip(
            pool.hashes, found.labels, found.strengths, found.reasons, strict=True
        )
    ]
    return fates, len(ids)


def _extend_themes(run: Run, pool: _Pool) -> tuple[list[_Fate], int]:
    """New texts go to the themes there are; what is left over may become new ones."""
    known_rows = [row for row, theme_id in enumerate(pool.themes) if theme_id is not None]
    new_rows = np.flatnonzero(pool.is_new)
    known, new = pool.take(known_rows), pool.take(new_rows.tolist())
    theme_ids = sorted({theme_id for theme_id in known.themes if theme_id is not None})
    numbers = {theme_id: number for number, theme_id in enumerate(theme_ids)}
    assigned = assign_themes(
        new.texts,
        new.vectors,
        new.langs,
        known_vectors=known.vectors,
        known_langs=known.langs,
        known_labels=np.array([numbers[str(theme_id)] for theme_id in known.themes]),
    )
    fates = {
        text_hash: _Fate(text_hash, theme_ids[label], float(strength), reason)
        for text_hash, label, strength, reason in zip(
            new.hashes, assigned.labels, assigned.strengths, assigned.reasons, strict=True
        )
    }
    born = _cluster_left_over(run, pool, fates)
    return list(fates.values()), born


def _cluster_left_over(run: Run, pool: _Pool, fates: dict[str, _Fate]) -> int:
    """Themes among texts that fit nowhere; their fates are written over."""
    rows = [
        row
        for row, text_hash in enumerate(pool.hashes)
        if _is_left_over(pool, row, fates.get(text_hash))
    ]
    left = pool.take(rows)
    if left.is_new.sum() < min_theme_size(len(rows)):
        return 0
    found = discover_themes(left.texts, left.vectors, left.langs)
    is_member = np.array([reason is None for reason in found.reasons], dtype=bool)
    labels = np.where(is_member, found.labels, -1)
    for number in range(found.n_themes):
        members = left.is_new[labels == number]
        if members.sum() < min_theme_size(len(rows)) or members.mean() < MIN_NEW_SHARE:
            labels[labels == number] = -1
    ids = _give_birth(run, left, labels, found.n_themes)
    for row in np.flatnonzero(labels >= 0):
        text_hash = left.hashes[row]
        fates[text_hash] = _Fate(text_hash, ids[labels[row]], float(found.strengths[row]), None)
    return len(ids)


def _is_left_over(pool: _Pool, row: int, fate: _Fate | None) -> bool:
    if fate is not None:
        return fate.reason in {"far_from_all", "between_themes"}
    return pool.themes[row] is None and not pool.is_new[row]


def _give_birth(run: Run, pool: _Pool, labels: Any, n_themes: int) -> dict[int, str]:
    """Write the rows of new themes.

    :param labels: theme number of each text, -1 for none; numbers without texts make no theme.
    :returns: theme_id by number.
    """
    names = name_themes(pool.texts, pool.langs, pool.vectors, labels, n_themes)
    taken = set(run.connection.execute(select(func.lower(tables.theme.c.name))).scalars())
    ids: dict[int, str] = {}
    for number, named in enumerate(names):
        rows = np.flatnonzero(labels == number)
        if not len(rows):
            continue
        ids[number] = _make_theme_id(pool.hashes[row] for row in rows)
        name = _make_distinct(named.name, named.keywords, taken)
        taken.add(name.casefold())
        run.connection.execute(
            insert(tables.theme).values(
                theme_id=ids[number],
                name=name,
                description=named.description,
                keywords=list(named.keywords),
                status="active",
                origin="discovered",
                lang=named.lang,
                created_run=run.run_id,
                updated_run=run.run_id,
            )
        )
        langs = sorted({pool.langs[row] for row in rows})
        run.connection.execute(
            insert(tables.theme_event).values(
                event_id=f"{ids[number]}-1",
                theme_id=ids[number],
                run_id=run.run_id,
                event="born",
                detail={"n_texts": len(rows), "langs": langs},
            )
        )
    return ids


def _make_theme_id(hashes: Iterable[str]) -> str:
    """48 bits of the hash of its first members: the same texts are born under the same id."""
    return "t" + hashlib.sha256("\0".join(sorted(hashes)).encode()).hexdigest()[:12]


def _make_distinct(name: str, keywords: Sequence[str], taken: set[str]) -> str:
    if name.casefold() not in taken:
        return name
    further = (f"{name} ({keyword})" for keyword in keywords if keyword.casefold() not in name)
    numbered = (f"{name} ({number})" for number in range(2, len(taken) + 3))
    return next(each for each in (*further, *numbered) if each.casefold() not in taken)


def _write_fates(run: Run, fates: Sequence[_Fate]) -> None:
    if not fates:
        return
    statement = (
        update(tables.mention)
        .where(
            mention.text_hash == bindparam("hash"),
            mention.unassigned_reason.is_distinct_from("noise"),
        )
        .values(
            theme_id=bindparam("theme"),
            nearest_theme_id=bindparam("nearest"),
            theme_strength=bindparam("strength"),
            unassigned_reason=bindparam("reason"),
        )
    )
    run.connection.execute(
        statement,
        [
            {
                "hash": fate.text_hash,
                "theme": fate.nearest if fate.reason is None else None,
                "nearest": fate.nearest,
                "strength": None if fate.strength is None else round(fate.strength, 6),
                "reason": fate.reason,
            }
            for fate in fates
        ],
    )


def _choose_quotes(run: Run, pool: _Pool, fates: Sequence[_Fate]) -> None:
    """Choose quotes anew for every theme that got new texts."""
    decided = {fate.text_hash: fate for fate in fates}
    rows_by_theme: dict[str, list[int]] = {}
    for row, text_hash in enumerate(pool.hashes):
        fate = decided.get(text_hash)
        theme_id = pool.themes[row] if fate is None else fate.nearest
        if theme_id is not None and (fate is None or fate.reason is None):
            rows_by_theme.setdefault(theme_id, []).append(row)
    changed = {fate.nearest for fate in fates if fate.reason is None}
    for theme_id in sorted(changed & rows_by_theme.keys()):
        members = pool.take(rows_by_theme[theme_id])
        chosen = choose_quotes([text for _, text in members.quotable], members.vectors, N_QUOTES)
        _write_quotes(run, theme_id, [members.quotable[row] for row in chosen])


def _write_quotes(run: Run, theme_id: str, quotes: Sequence[tuple[str, str]]) -> None:
    rows = [
        {"theme_id": theme_id, "rank": rank, "mention_id": mention_id, "text": text}
        for rank, (mention_id, text) in enumerate(quotes, 1)
    ]
    quote = tables.theme_quote
    run.connection.execute(
        delete(quote).where(quote.c.theme_id == theme_id, quote.c.rank > len(rows))
    )
    if rows:
        upsert_rows(run.connection, quote, rows)
