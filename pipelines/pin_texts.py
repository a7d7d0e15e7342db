"""The texts of pins, read as mentions are: normalised, with their vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import insert, select

from nlp.cleaning import normalize_text, text_hash
from nlp.themes.edits import Pin
from pipelines import tables
from pipelines.encoder_pass import VECTOR_TYPE
from pipelines.feedback_rows import choose_language
from pipelines.models import Models
from pipelines.readings import vectors_of
from pipelines.runs import Run

_IDS_A_STATEMENT = 500


@dataclass(frozen=True)
class PinTexts:
    """Examples of several pins.

    :param vectors: (m, d) unit rows.
    :param labels: (m,) number of the pin that each is of.
    """

    texts: list[str]
    vectors: Any
    langs: list[str]
    labels: Any


def read_pin_texts(run: Run, models: Models, pins: Sequence[Pin]) -> PinTexts:
    """The texts of pins with their vectors; texts that were never read are read now."""
    given = [(text, number) for number, pin in enumerate(pins) for text in pin.texts]
    langs = [choose_language(text, pins[number].lang) for text, number in given]
    texts = [normalize_text(text, lang) for (text, _), lang in zip(given, langs, strict=True)]
    kept = [row for row, text in enumerate(texts) if text]
    hashes = [text_hash(texts[row]) for row in kept]
    known = _read_vectors(run, models, hashes)
    unread = {key: row for key, row in zip(hashes, kept, strict=True) if key not in known}
    if unread:
        rows = list(unread.values())
        found = models.read([texts[row] for row in rows], [langs[row] for row in rows])
        vectors = np.ascontiguousarray(found.vectors, dtype=VECTOR_TYPE)
        known |= {key: vectors[place].tobytes() for place, key in enumerate(unread)}
        _write_vectors(run, models, {key: known[key] for key in unread})
    return PinTexts(
        [texts[row] for row in kept],
        vectors_of([known[key] for key in hashes]) if kept else np.zeros((0, 0), VECTOR_TYPE),
        [langs[row] for row in kept],
        np.array([given[row][1] for row in kept], dtype=np.int32),
    )


def _read_vectors(run: Run, models: Models, hashes: Sequence[str]) -> dict[str, bytes]:
    vector = tables.vector.c
    found: dict[str, bytes] = {}
    for start in range(0, len(hashes), _IDS_A_STATEMENT):
        query = select(vector.text_hash, vector.data).where(
            vector.text_hash.in_(hashes[start : start + _IDS_A_STATEMENT]),
            vector.model == models.encoder_name,
        )
        found.update(run.connection.execute(query).all())
    return found


def _write_vectors(run: Run, models: Models, vectors: dict[str, bytes]) -> None:
    run.connection.execute(
        insert(tables.vector),
        [
            {"text_hash": key, "model": models.encoder_name, "data": data}
            for key, data in vectors.items()
        ],
    )
