"""The texts of pins, read as mentions are: normalised, with their vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nlp.cleaning import normalize_text, text_hash
from nlp.themes.edits import Pin
from pipelines.encoder_pass import VECTOR_TYPE
from pipelines.feedback_rows import choose_language
from pipelines.models import Models
from pipelines.readings import read_vectors, vectors_of, write_vectors
from pipelines.runs import Run


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
    normal = [normalize_example(text, pins[number].lang) for text, number in given]
    texts, langs = [text for text, _ in normal], [lang for _, lang in normal]
    kept = [row for row, text in enumerate(texts) if text]
    hashes = [text_hash(texts[row]) for row in kept]
    known = read_vectors(run.connection, models.encoder_name, hashes)
    unread = {key: row for key, row in zip(hashes, kept, strict=True) if key not in known}
    if unread:
        rows = list(unread.values())
        found = models.read([texts[row] for row in rows], [langs[row] for row in rows])
        vectors = np.ascontiguousarray(found.vectors, dtype=VECTOR_TYPE)
        known |= {key: vectors[place].tobytes() for place, key in enumerate(unread)}
        fresh = {key: known[key] for key in unread}
        write_vectors(run.connection, models.encoder_name, fresh)
    return PinTexts(
        [texts[row] for row in kept],
        vectors_of([known[key] for key in hashes]) if kept else np.zeros((0, 0), VECTOR_TYPE),
        [langs[row] for row in kept],
        np.array([given[row][1] for row in kept], dtype=np.int32),
    )


def normalize_example(text: str, lang: str | None) -> tuple[str, str]:
    """What is read of a pin's text, and its language; the hash of it is the key in ``vector``."""
    chosen = choose_language(text, lang)
    return normalize_text(text, chosen), chosen
