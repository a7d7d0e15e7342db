"""The journey stage of feedback, from the vectors of its mentions that the store holds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from nlp.journey import UNKNOWN, WEIGHTS, classify_stages
from pipelines import tables
from pipelines.feedback_vectors import read_mean_vectors

_DIM = 384
# The classifier knows the vectors of the default encoder only.
ENCODER = "multilingual-e5-small"


@dataclass(frozen=True)
class JourneyStage:
    """A stage and its probability; unknown where there is no vector to tell it from."""

    name: str = UNKNOWN
    confidence: float | None = None


def read_stages(connection: Connection, feedback_ids: Sequence[str]) -> dict[str, JourneyStage]:
    """The stage of each feedback that has vectors of the default encoder: that of their mean."""
    if not WEIGHTS.exists():
        return {}
    is_default = tables.vector.c.model.contains(ENCODER)
    found = read_mean_vectors(connection, sorted(feedback_ids), is_default)
    means = {each: mean for each, mean in found.items() if len(mean) == _DIM}
    if not means:
        return {}
    stages = classify_stages(np.stack([*means.values()]))
    return {
        each: JourneyStage(stage.name, round(stage.confidence, 6))
        for each, stage in zip(means, stages, strict=True)
    }
