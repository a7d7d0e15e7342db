"""Texts, as token ids, in batches of a few fixed shapes.

A matrix kernel may add in another order when the shape of its input changes, so a text's vector is
only the same bit for bit when it always travels in the same shape. The shape here follows from the
text's own length alone: never from the other texts, their number or their order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Steps of at most half: mean padding stays low, and shapes few enough to keep kernels warm.
LENGTHS: Final = (
    *(8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128),
    *(160, 192, 224, 256, 320, 384, 448, 512),
)
_SIZE_STEP: Final = 4


@dataclass(frozen=True)
class Batch:
    """Some texts that share one shape.

    :param rows: their places in the input; at most `size` of them.
    :param size: rows of the computed matrix, the same for each batch of this length.
    :param length: columns of the computed matrix.
    """

    rows: tuple[int, ...]
    size: int
    length: int


def plan_batches(
    n_tokens: Sequence[int],
    limit: int,
    budget: int,
    *,
    lengths: Sequence[int] = LENGTHS,
    n_spare: int = 1,
    is_filled: bool = True,
) -> Iterator[Batch]:
    """Group texts by padded length, shortest first.

    :param n_tokens: tokens of each text, at most `limit - n_spare`.
    :param limit: longest input of the model.
    :param budget: tokens per batch, padding included; at least one text goes in each batch.
    :param lengths: padded lengths, ascending.
    :param n_spare: columns that stay padding in every row. One for transformers, which drops a mask
        that is all ones on its way to the kernel, which then computes in another order.
    :param is_filled: every batch of a length has the same size, whatever the number of texts; else
        the last one is hardly larger than it must be, for models whose rows do not depend on it.
    """
    padded = np.array([*(length for length in lengths if length < limit), limit])
    buckets = np.searchsorted(padded, np.asarray(n_tokens) + n_spare)
    for bucket in np.unique(buckets):
        length = int(padded[bucket])
        size = max(budget // length, 1)
        rows = np.flatnonzero(buckets == bucket)
        for first in range(0, len(rows), size):
            own = tuple(rows[first : first + size].tolist())
            yield Batch(own, size if is_filled else min(_round_up(len(own)), size), length)


def _round_up(size: int) -> int:
    """Few sizes: what a model keeps of each shape adds up (OpenVINO: .35 MB a thread)."""
    return size if size < _SIZE_STEP else -(-size // _SIZE_STEP) * _SIZE_STEP


def fill_batch(
    tokens: Sequence[Sequence[int]], batch: Batch, pad_id: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Build token ids and mask, both `(size, length)`; spare rows repeat the first text."""
    ids = np.full((batch.size, batch.length), pad_id, dtype=np.int64)
    mask = np.zeros_like(ids)
    for place in range(batch.size):
        row = tokens[batch.rows[place if place < len(batch.rows) else 0]]
        ids[place, : len(row)] = row
        mask[place, : len(row)] = 1
    return ids, mask
