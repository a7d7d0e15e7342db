"""One vector for a whole feedback: the direction of what its mentions say."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, select

from pipelines import tables
from pipelines.encoder_pass import VECTOR_TYPE
from pipelines.id_batches import batch_ids
from pipelines.vector_lake.reading import stream_with_vectors


def mean_vector(blobs: Sequence[bytes]) -> Any:
    """The direction of what a feedback says: the mean of its mentions, of unit length."""
    vectors = np.frombuffer(b"".join(blobs), dtype=VECTOR_TYPE).reshape(len(blobs), -1)
    mean = vectors.astype(np.float32).mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-9)


def read_mean_vectors(
    connection: Connection, feedback_ids: Sequence[str], is_of_model: ColumnElement[bool]
) -> dict[str, NDArray[np.float32]]:
    """The vector of each feedback that has some by id, see :func:`mean_vector`.

    :param is_of_model: which rows of the table of vectors are taken.
    """
    mention, vector = tables.mention.c, tables.vector.c
    together: dict[str, list[bytes]] = {}
    for batch in batch_ids(feedback_ids):
        query = (
            select(mention.feedback_id, vector.data)
            .join(tables.vector, vector.text_hash == mention.text_hash)
            .where(mention.feedback_id.in_(batch), is_of_model)
            .order_by(mention.feedback_id, mention.position)
        )
        for feedback_id, data in stream_with_vectors(connection, query):
            together.setdefault(feedback_id, []).append(data)
    return {key: mean_vector(blobs) for key, blobs in together.items()}
