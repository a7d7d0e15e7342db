"""What is kept of the texts of feedback to find their near copies, as bytes."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from nlp.cleaning import normalize_text
from nlp.near_copies import N_BANDS, Sketches, sketch_texts
from pipelines.splitting import FeedbackText

UNKNOWN_LANG: Final = "und"
SKETCH_TYPE: Final = np.dtype(
    [("fold", "<u8"), ("word_bits", "<u8"), ("n_words", "<u2"), ("bands", "<u4", (N_BANDS,))]
)


def sketch_feedback(batch: Sequence[FeedbackText]) -> list[bytes]:
    """The sketch of each text."""
    made = sketch_texts([normalize_text(each.text, each.lang or UNKNOWN_LANG) for each in batch])
    packed = np.zeros(len(batch), dtype=SKETCH_TYPE)
    packed["fold"], packed["bands"] = made.folds, made.bands
    packed["n_words"], packed["word_bits"] = made.n_words, made.word_bits
    return [row.tobytes() for row in packed]


def unpack_sketches(packed: Sequence[bytes]) -> Sketches:
    """Many sketches as one."""
    rows = np.frombuffer(b"".join(packed), dtype=SKETCH_TYPE)
    return Sketches(rows["fold"], rows["bands"], rows["n_words"], rows["word_bits"])
