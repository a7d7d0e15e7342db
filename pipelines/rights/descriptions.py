"""Themes are described, some even named, in a customer's words: not of one who refuses it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, not_, select, update

from nlp.cleaning import normalize_text
from nlp.themes.names import ThemeName, is_named_by, is_quoted
from pipelines import tables
from pipelines.counted import feedback, mention
from pipelines.id_batches import batch_ids
from pipelines.rights.gate import allows
from pipelines.runs import Run
from pipelines.themes.births import name_pool, rename_theme
from pipelines.themes.draws import run_encoder
from pipelines.themes.pool import Pool, load_theme_pool

Row = dict[str, Any]
_theme = tables.theme.c
_joined = tables.mention.join(tables.feedback, feedback.feedback_id == mention.feedback_id)


def hide_descriptions(
    connection: Connection, rows: Iterable[Any], now: datetime | None = None
) -> list[Row]:
    """Rows of themes as they may be shown: in nobody's words that may not be quoted.

    The tables are in line since the last run; this covers what was said or has expired since.

    :param rows: mappings with theme_id, name, keywords and description.
    """
    found = [dict(row) for row in rows]
    allowed = allows(connection, "quoting", now)
    query = (
        select(mention.theme_id, mention.text, mention.lang)
        .select_from(_joined)
        .where(not_(allowed), mention.theme_id.is_not(None))
    )
    hidden = _group_texts(connection.execute(query))
    for row in found:
        texts = hidden.get(row["theme_id"], ())
        if any(is_quoted(row["description"] or "", text) for text in texts):
            row |= {"description": None, "found_description": None}
        if any(is_named_by(row["name"] or "", text) for text in texts):
            # For want of a phrase that many share its keyword is its name.
            row |= {"name": row["theme_id"], "found_name": row["theme_id"], "keywords": []}
            row |= {"description": None, "found_description": None}
    return found


def read_shown(connection: Connection, rows: Iterable[Any]) -> dict[str, Row]:
    """Some rows of themes by theme, as :func:`hide_descriptions` shows them."""
    found = hide_descriptions(connection, (row._mapping for row in rows))
    return {row["theme_id"]: row for row in found}


def read_names(connection: Connection, theme_ids: Iterable[str | None]) -> dict[str | None, str]:
    """Names of some themes by id, as :func:`hide_descriptions` shows them."""
    columns = [_theme[name] for name in ("theme_id", "name", "keywords", "description")]
    rows = [
        row
        for batch in batch_ids(sorted({each for each in theme_ids if each}))
        for row in connection.execute(select(*columns).where(_theme.theme_id.in_(batch))).mappings()
    ]
    return {row["theme_id"]: row["name"] for row in hide_descriptions(connection, rows)}


def add_names(connection: Connection, rows: Sequence[Row]) -> list[Row]:
    """Rows that each tell of a theme, with its name as it may be shown."""
    names = read_names(connection, (row["theme_id"] for row in rows))
    return [{**row, "name": names.get(row["theme_id"])} for row in rows]


def drop_hidden_words(run: Run, feedback_ids: Sequence[str]) -> None:
    """Describe anew the themes whose description quotes some of this feedback."""
    texts = read_theme_texts(run.connection, feedback_ids)
    for theme_id, said in sorted(texts.items()):
        query = select(_theme.found_name, _theme.found_description)
        shown = run.connection.execute(query.where(_theme.theme_id == theme_id)).one_or_none()
        name, description = shown or (None, None)
        is_named = any(is_named_by(name or "", text) for text in said)
        if is_named or any(is_quoted(description or "", text) for text in said):
            describe_anew(run, theme_id, set(feedback_ids), name if is_named else None)


def read_theme_texts(connection: Connection, feedback_ids: Sequence[str]) -> dict[str, set[str]]:
    """What some feedback says as it is read, by the theme that it was found in."""
    found: dict[str, set[str]] = defaultdict(set)
    for batch in batch_ids(feedback_ids):
        query = select(mention.nearest_theme_id, mention.text, mention.lang).where(
            mention.feedback_id.in_(batch), mention.nearest_theme_id.is_not(None)
        )
        for theme_id, texts in _group_texts(connection.execute(query)).items():
            found[theme_id] |= texts
    return found


def describe_anew(
    run: Run, theme_id: str, without: Collection[str], was: str | None = None
) -> None:
    """Describe a theme by what others say of it.

    :param without: the feedback that is not to be quoted.
    :param was: its name, where that must go too; a theme that nobody else speaks of is called by
        its id.
    """
    pool = _quotable(run, theme_id, without)
    named = name_pool(pool, np.zeros(len(pool.keys), dtype=np.int32), 1)[0] if pool.keys else None
    if was is not None:
        named = named or ThemeName(theme_id, (), "", "en")
        rename_theme(run, theme_id, was, named)
    run.connection.execute(
        update(tables.theme)
        .where(_theme.theme_id == theme_id)
        .values(
            found_description=(named.description or None) if named else None,
            updated_run=run.run_id,
        )
    )


def list_unquotable(connection: Connection) -> list[str]:
    """Feedback that is laid down as not to be quoted."""
    query = select(feedback.feedback_id).where(
        feedback.refused.is_not(None), feedback.refused != "profiling"
    )
    return list(connection.execute(query.order_by(feedback.feedback_id)).scalars())


def _quotable(run: Run, theme_id: str, without: Collection[str]) -> Pool:
    allowed = allows(run.connection, "quoting", run.started_at)
    query = select(mention.mention_id).select_from(_joined)
    query = query.where(mention.theme_id == theme_id, allowed)
    own = set(run.connection.execute(query.where(mention.feedback_id.not_in(without))).scalars())
    pool = load_theme_pool(run.connection, run_encoder(run), theme_id)
    return pool.take(row for row, ids in enumerate(pool.mentions) if own.intersection(ids))


def _group_texts(rows: Iterable[Any]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for theme_id, text, lang in rows:
        found[theme_id].add(normalize_text(text, lang or "und"))
    return found
