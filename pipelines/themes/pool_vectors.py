"""The vectors of mentions, read from the store when they are asked for.

A million of them take 1.5 GB: who needs all goes through them in blocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import Connection

from nlp.themes.context import find_neighbourhoods, mix_near
from pipelines.readings import read_vectors, vectors_of


@dataclass(frozen=True)
class MentionVectors:
    """Vectors of mentions with their context mixed in; see :func:`nlp.themes.context.mix_context`.

    :param hashes: text of every mention that was read, as bytes, those of one feedback together.
    :param places: (n,) where each of these mentions is among them.
    :param starts: (n,) where its neighbourhood begins.
    :param sizes: (n,) mentions in its neighbourhood, itself included.
    """

    connection: Connection
    encoder_name: str
    hashes: Any
    places: Any
    starts: Any
    sizes: Any
    dim: int

    @property
    def shape(self) -> tuple[int, int]:
        """Mentions and dimensions."""
        return len(self.places), self.dim

    def __getitem__(self, rows: Any) -> Any:
        """(m, dim) float32 unit rows, of a slice or of numbers."""
        own = self.take(rows)
        if not len(own.places):
            return np.zeros((0, self.dim), dtype=np.float32)
        first = np.repeat(np.cumsum(own.sizes) - own.sizes, own.sizes)
        within = np.arange(len(first)) - first
        needed, near = np.unique(np.repeat(own.starts, own.sizes) + within, return_inverse=True)
        texts, numbers = np.unique(self.hashes[needed], return_inverse=True)
        hashes = texts.astype(str).tolist()
        stored = read_vectors(self.connection, self.encoder_name, hashes)
        vectors = vectors_of([stored[text_hash] for text_hash in hashes])
        starts = near[np.cumsum(own.sizes) - own.sizes]
        places = starts + own.places - own.starts
        return mix_near(vectors[numbers], places, starts, own.sizes)

    def take(self, rows: Any) -> "MentionVectors":
        """Those of some mentions, by a slice or by their numbers."""
        chosen = rows if isinstance(rows, slice) else np.asarray(rows, dtype=np.intp)
        arrays = {name: getattr(self, name)[chosen] for name in ("places", "starts", "sizes")}
        return replace(self, **arrays)


def take_vectors(vectors: Any, rows: Sequence[int]) -> Any:
    """Those of some mentions, without reading them if they are not in memory."""
    return vectors.take(rows) if isinstance(vectors, MentionVectors) else vectors[rows]


def find_vectors(
    connection: Connection, encoder_name: str, hashes: Sequence[str], texts_of: Sequence[str]
) -> MentionVectors:
    """The vectors of mentions, which all have one.

    :param hashes: of their texts.
    :param texts_of: the feedback of each; see :func:`nlp.themes.context.find_neighbourhoods`.
    """
    near = find_neighbourhoods(texts_of)
    first = read_vectors(connection, encoder_name, hashes[:1])
    return MentionVectors(
        connection,
        encoder_name,
        np.array(hashes, dtype=np.bytes_),
        np.arange(len(hashes)),
        np.array([each.start for each in near], dtype=np.intp),
        np.array([len(each) for each in near], dtype=np.intp),
        vectors_of(list(first.values())).shape[1] if first else 0,
    )
