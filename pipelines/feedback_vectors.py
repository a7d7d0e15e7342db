"""One vector for a whole feedback: the direction of what its mentions say."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, select

from nlp.themes.vectors import unit_rows
from pipelines import tables
from pipelines.encoder_pass import VECTOR_TYPE
from pipelines.id_batches import batch_ids
from pipelines.vector_lake.reading import stream_with_vectors


def mean_vectors(feedback: Collection[Sequence[bytes]]) -> NDArray[np.float32]:
    """The direction of what each feedback says: the mean of its mentions, of unit length.

    :param feedback: the vectors of the mentions of each, which has one at least.
    """
    sizes = np.array([len(blobs) for blobs in feedback])
    joined = b"".join(blob for blobs in feedback for blob in blobs)
    vectors = np.frombuffer(joined, dtype=VECTOR_TYPE).reshape(int(sizes.sum()), -1)
    sums = np.add.reduceat(vectors.astype(np.float32), np.cumsum(sizes) - sizes)
    return unit_rows(sums / sizes[:, None])


def read_mean_vectors(
    connection: Connection, feedback_ids: Sequence[str], is_of_model: ColumnElement[bool]
) -> dict[str, NDArray[np.float32]]:
    """The vector of each feedback that has some by id, see :func:`mean_vectors`.

    :param is_of_model: which rows of the table of vectors are taken.
    """
    mention, vector = tables.mention.c, tables.vector.c
    found: dict[str, NDArray[np.float32]] = {}
    for batch in batch_ids(feedback_ids):
        query = (
            select(mention.feedback_id, vector.data)
            .join(tables.vector, vector.text_hash == mention.text_hash)
            .where(mention.feedback_id.in_(batch), is_of_model)
            .order_by(mention.feedback_id, mention.position)
        )
        together: dict[str, list[bytes]] = {}
        for feedback_id, data in stream_with_vectors(connection, query):
            together.setdefault(feedback_id, []).append(data)
        if together:
            found |= zip(together, mean_vectors(together.values()), strict=True)
    return found
