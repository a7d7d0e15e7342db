"""Themes after somebody is gone: words, centres and means of those who still speak of them."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from sqlalchemy import delete, select, update

from nlp.cleaning import normalize_text
from nlp.themes.centring import voice_of
from nlp.themes.names import ThemeName, is_quoted
from pipelines import tables
from pipelines.counted import counted_mentions, feedback, is_counted, mention
from pipelines.id_batches import batch_ids
from pipelines.models import Models
from pipelines.rights.descriptions import describe_anew
from pipelines.runs import Run
from pipelines.themes.births import name_pool, rename_theme
from pipelines.themes.draws import run_encoder
from pipelines.themes.pool import load_found_pool
from pipelines.themes.registry import write_theme_centres

_theme, _centre = tables.theme.c, tables.theme_centre.c


def renew_words(run: Run, said: Mapping[str, Collection[str]]) -> None:
    """Name and describe anew the themes whose words were only those who are gone.

    :param said: what they said by theme, normalised.
    """
    for theme_id, texts in sorted(said.items()):
        query = select(_theme.found_name, _theme.keywords, _theme.found_description, _theme.made_by)
        row = run.connection.execute(query.where(_theme.theme_id == theme_id)).one_or_none()
        if row is None or row.made_by is not None:
            continue
        others = _read_others(run, theme_id)
        if _is_only_theirs([row.found_name or "", *(row.keywords or ())], texts, others):
            _rename(run, theme_id, row.found_name)
        elif any(is_quoted(row.found_description or "", text) for text in texts):
            describe_anew(run, theme_id, ())


def _is_only_theirs(words: Sequence[str], texts: Collection[str], others: Collection[str]) -> bool:
    """Whether some of these words stand in these texts, and in no other."""
    own, rest = "\n".join(texts).casefold(), "\n".join(others).casefold()
    parts = {part for word in words for part in word.casefold().split()}
    return not others or any(part in own and part not in rest for part in parts)


def _read_others(run: Run, theme_id: str) -> list[str]:
    query = select(mention.text, mention.lang).where(mention.nearest_theme_id == theme_id)
    rows = run.connection.execute(query.limit(5_000)).all()
    return [normalize_text(text, lang or "und") for text, lang in rows]


def _rename(run: Run, theme_id: str, was: str | None) -> None:
    pool = load_found_pool(run.connection, run_encoder(run), [theme_id])
    labels = np.zeros(len(pool.keys), dtype=np.int32)
    named = name_pool(pool, labels, 1)[0] if pool.keys else ThemeName(theme_id, (), "", "en")
    rename_theme(run, theme_id, was, named)
    if not pool.keys:
        run.connection.execute(
            update(tables.theme)
            .where(_theme.theme_id == theme_id)
            .values(found_description=None, keywords=[])
        )


def renew_centres(run: Run, models: Models, theme_ids: Sequence[str]) -> None:
    """Make the centres of themes those of the texts that are left."""
    encoder = models.encoder_name
    for batch in batch_ids(theme_ids):
        pool = load_found_pool(run.connection, encoder, batch)
        run.connection.execute(delete(tables.theme_centre).where(_centre.theme_id.in_(batch)))
        ids = {row: fate.nearest for row, fate in enumerate(pool.fates) if fate and fate.nearest}
        if ids:
            write_theme_centres(run, models, pool, ids)
    _drop_silent_voices(run)


def _drop_silent_voices(run: Run) -> None:
    """Forget the mean of a language and channel that nobody speaks in any more."""
    query = select(mention.lang, feedback.channel).select_from(counted_mentions)
    found = run.connection.execute(query.where(is_counted).distinct()).all()
    spoken = {voice_of(lang, channel or "") for lang, channel in found}
    is_silent = tables.language_centre.c.lang.not_in(sorted(spoken))
    run.connection.execute(delete(tables.language_centre).where(is_silent))
