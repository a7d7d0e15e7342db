"""The texts that count, each once, with what is known of them: what theme discovery works on."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import and_, insert, or_, select

from nlp.cleaning import normalize_text
from nlp.themes.centring import LanguageMeans, fit_centres, load_language_means, zero_means
from nlp.themes.context import mix_context
from pipelines import tables
from pipelines.counted import counted_mentions, feedback, is_counted, mention
from pipelines.enrich import vectors_of
from pipelines.models import Models
from pipelines.runs import Run


@dataclass(frozen=True)
class Pool:
    """Distinct mentions in distinct neighbourhoods, in the order of their keys.

    The theme of a mention is decided from its words and those of its neighbours in the same
    feedback; equal feedback therefore shares one fate.

    :param keys: hash of the mention's text and of its neighbours'.
    :param texts: normalised.
    :param mentions: all mentions that share the fate, those that may be quoted first.
    :param quotes: verbatim text of the first of these.
    :param vectors: (n, dim) unit rows with their context mixed in.
    :param themes: theme of each, None while unassigned.
    :param is_new: no run has decided about it yet.
    """

    keys: list[str]
    texts: list[str]
    langs: list[str]
    mentions: list[list[str]]
    quotes: list[str]
    vectors: Any
    themes: list[str | None]
    is_new: Any

    def take(self, rows: Iterable[int]) -> "Pool":
        """Only these rows."""
        chosen = [int(row) for row in rows]
        return Pool(
            [self.keys[row] for row in chosen],
            [self.texts[row] for row in chosen],
            [self.langs[row] for row in chosen],
            [self.mentions[row] for row in chosen],
            [self.quotes[row] for row in chosen],
            self.vectors[chosen],
            [self.themes[row] for row in chosen],
            self.is_new[chosen],
        )


def load_pool(run: Run, models: Models) -> Pool:
    """Every distinct mention of feedback that counts; its copies stand beside it."""
    vector = tables.vector.c
    query = (
        select(
            mention.mention_id,
            mention.feedback_id,
            mention.text_hash,
            mention.text,
            mention.lang,
            mention.theme_id,
            mention.unassigned_reason,
            feedback.noise_reason,
            vector.data,
        )
        .select_from(counted_mentions)
        .join(
            tables.vector,
            and_(vector.text_hash == mention.text_hash, vector.model == models.encoder_name),
        )
        .where(or_(is_counted, feedback.noise_reason == "copy"))
        .order_by(mention.feedback_id, mention.position)
    )
    rows = run.connection.execute(query).all()
    if not rows:
        return Pool([], [], [], [], [], np.zeros((0, 0), np.float32), [], np.zeros(0, bool))
    texts_of = [row.feedback_id for row in rows]
    vectors = mix_context(vectors_of([row.data for row in rows]), texts_of)
    return _collapse(rows, _neighbourhood_keys(rows), vectors)


def _neighbourhood_keys(rows: Sequence[Any]) -> list[str]:
    """Hash of each mention's text, the one before it and the one after it in its feedback."""
    keys = []
    for place, row in enumerate(rows):
        before, after = (
            rows[at].text_hash
            if 0 <= at < len(rows) and rows[at].feedback_id == row.feedback_id
            else ""
            for at in (place - 1, place + 1)
        )
        named = "\0".join((before, row.text_hash, after, row.lang))
        keys.append(hashlib.sha256(named.encode()).hexdigest()[:32])
    return keys


def _collapse(rows: Sequence[Any], keys: Sequence[str], vectors: Any) -> Pool:
    """One row for each key: the first mention that counts stands for all."""
    places: dict[str, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    ordered = sorted(places)
    for key in ordered:
        places[key].sort(key=lambda place: (rows[place].noise_reason == "copy", place))
    first = [places[key][0] for key in ordered]
    is_new = [rows[at].theme_id is None and rows[at].unassigned_reason is None for at in first]
    return Pool(
        keys=ordered,
        texts=[normalize_text(rows[at].text, rows[at].lang) for at in first],
        langs=[rows[at].lang for at in first],
        mentions=[[rows[place].mention_id for place in places[key]] for key in ordered],
        quotes=[rows[at].text for at in first],
        vectors=vectors[first],
        themes=[rows[at].theme_id for at in first],
        is_new=np.array(is_new, dtype=bool),
    )


def fixed_means(models: Models, dim: int) -> LanguageMeans:
    """The shipped language means, for the encoder that they were made with."""
    return load_language_means() if models.is_default_encoder else zero_means(dim)


def read_centres(run: Run, models: Models, known: Pool) -> dict[str, Any]:
    """What is subtracted from each language, as it was when the themes were found.

    After a change of the encoder it is fitted anew, to the members of the themes.
    """
    column = tables.language_centre.c
    query = select(column.lang, column.data).where(column.model == models.encoder_name)
    stored = run.connection.execute(query).all()
    if stored:
        return {lang: np.frombuffer(data, dtype="<f4") for lang, data in stored}
    means = fixed_means(models, known.vectors.shape[1])
    centres = fit_centres(known.vectors, known.langs, means)
    write_centres(run, models, centres)
    return dict(centres)


def write_centres(run: Run, models: Models, centres: Any) -> None:
    """Keep what is subtracted from each language."""
    rows = [
        {
            "lang": lang,
            "model": models.encoder_name,
            "data": np.ascontiguousarray(centre, dtype="<f4").tobytes(),
        }
        for lang, centre in sorted(centres.items())
    ]
    if rows:
        run.connection.execute(insert(tables.language_centre), rows)
