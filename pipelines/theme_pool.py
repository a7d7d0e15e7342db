"""The texts that count, each once, with what is known of them: what theme discovery works on."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import and_, func, insert, select

from nlp.cleaning import normalize_text
from nlp.themes.centring import LanguageMeans, fit_centres, load_language_means, zero_means
from pipelines import tables
from pipelines.counted import counted_mentions, is_counted, mention
from pipelines.enrich import vectors_of
from pipelines.models import Models
from pipelines.runs import Run


@dataclass(frozen=True)
class Pool:
    """Distinct texts, in the order of their hashes.

    :param texts: normalised.
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

    def take(self, rows: Iterable[int]) -> "Pool":
        """Only these rows."""
        chosen = [int(row) for row in rows]
        return Pool(
            [self.hashes[row] for row in chosen],
            [self.texts[row] for row in chosen],
            [self.langs[row] for row in chosen],
            [self.quotable[row] for row in chosen],
            self.vectors[chosen],
            [self.themes[row] for row in chosen],
            self.is_new[chosen],
        )


def load_pool(run: Run, models: Models) -> Pool:
    """Every distinct text of feedback that counts."""
    chosen = (
        select(mention.text_hash, func.min(mention.mention_id).label("mention_id"))
        .select_from(counted_mentions)
        .where(is_counted)
        .group_by(mention.text_hash)
        .subquery()
    )
    vector = tables.vector.c
    query = (
        select(
            mention.text_hash,
            mention.mention_id,
            mention.text,
            mention.lang,
            mention.theme_id,
            mention.unassigned_reason,
            vector.data,
        )
        .join(chosen, chosen.c.mention_id == mention.mention_id)
        .join(
            tables.vector,
            and_(vector.text_hash == mention.text_hash, vector.model == models.encoder_name),
        )
        .order_by(mention.text_hash)
    )
    rows = run.connection.execute(query).all()
    is_new = [row.theme_id is None and row.unassigned_reason is None for row in rows]
    return Pool(
        hashes=[row.text_hash for row in rows],
        texts=[normalize_text(row.text, row.lang) for row in rows],
        langs=[row.lang for row in rows],
        quotable=[(row.mention_id, row.text) for row in rows],
        vectors=vectors_of([row.data for row in rows]),
        themes=[row.theme_id for row in rows],
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
    stored = run.connection.execute(query).tuples().all()
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
