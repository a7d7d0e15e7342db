"""The journey stage of feedback, from the vectors of its mentions that the store holds."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, select

from nlp.journey import UNKNOWN, WEIGHTS, classify_stages
from pipelines import tables
from pipelines.id_batches import batch_ids

_DIM = 384
# The classifier knows the vectors of the default encoder only.
_ENCODER = "multilingual-e5-small"


@dataclass(frozen=True)
class JourneyStage:
    """A stage and its probability; unknown where there is no vector to tell it from."""

    name: str = UNKNOWN
    confidence: float | None = None


def read_stages(connection: Connection, feedback_ids: Sequence[str]) -> dict[str, JourneyStage]:
    """The stage of each feedback that has vectors of the default encoder: that of their mean."""
    if not WEIGHTS.exists():
        return {}
    mention, vector = tables.mention.c, tables.vector.c
    found: dict[str, list[np.ndarray]] = defaultdict(list)
    for batch in batch_ids(sorted(feedback_ids)):
        query = (
            select(mention.feedback_id, vector.data)
            .join(tables.vector, vector.text_hash == mention.text_hash)
            .where(mention.feedback_id.in_(batch), vector.model.contains(_ENCODER))
            .order_by(mention.feedback_id, mention.position)
        )
        for feedback_id, data in connection.execute(query):
            found[feedback_id].append(np.frombuffer(data, dtype="<f2").astype(np.float32))
    ids = [each for each, rows in found.items() if all(len(row) == _DIM for row in rows)]
    if not ids:
        return {}
    means = np.stack([np.mean(found[each], axis=0) for each in ids])
    means /= np.linalg.norm(means, axis=1, keepdims=True) + 1e-9
    stages = classify_stages(means)
    return {
        each: JourneyStage(stage.name, round(stage.confidence, 6))
        for each, stage in zip(ids, stages, strict=True)
    }
