"""What a mention is about, read together with the sentences around it.

"Still nothing!" says nothing alone. Half of the Hebrew mentions of the demo have under six words.
"""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from nlp.themes.vectors import Floats, unit_rows

# Weight of the neighbourhood. On the demo's hand-labelled posts in nine languages themes agree with
# the labels at AMI .22 with .5, at .32 with .7 and .8; with 1 the parts of a text with several
# opinions could not be told apart.
CONTEXT_WEIGHT = 0.7
# A short text is read as a whole, a long complaint sentence by sentence
# (AMI on the demo's posts with a limit of 4 mentions .28, of 6 .30, of 8 .32).
SHORT_MENTIONS = 8
_BLOCK = 4096


def find_neighbourhoods(texts_of: Sequence[str]) -> list[range]:
    """Give, for each mention, the rows that it is read with, itself included.

    :param texts_of: n keys of the text that each mention is a part of; those of one text together
        and in reading order.
    """
    found = []
    start = 0
    for _, run in groupby(texts_of):
        end = start + sum(1 for _ in run)
        is_short = end - start <= SHORT_MENTIONS
        for row in range(start, end):
            near = range(max(start, row - 1), min(end, row + 2))
            found.append(range(start, end) if is_short else near)
        start = end
    return found


def mix_context(
    vectors: NDArray[np.floating], texts_of: Sequence[str], weight: float = CONTEXT_WEIGHT
) -> Floats:
    """Draw each mention toward the mean of its neighbourhood, itself included.

    :param vectors: (n, d) unit rows of mentions, in the order of ``texts_of``.
    :param texts_of: see :func:`find_neighbourhoods`.
    :returns: (n, d) float32 unit rows; a mention that is alone in its text keeps its vector.
    """
    near = find_neighbourhoods(texts_of)
    starts = np.array([each.start for each in near], dtype=np.intp)
    sizes = np.array([len(each) for each in near], dtype=np.intp)
    return mix_near(vectors, np.arange(len(near)), starts, sizes, weight)


def mix_near(
    vectors: NDArray[np.floating],
    places: NDArray[np.intp],
    starts: NDArray[np.intp],
    sizes: NDArray[np.intp],
    weight: float = CONTEXT_WEIGHT,
) -> Floats:
    """Mix some mentions with their neighbourhoods; see :func:`mix_context`.

    :param vectors: (n, d) unit rows: the mentions and their neighbours.
    :param places: (m,) where each mention is among these.
    :param starts: (m,) where its neighbourhood begins.
    :param sizes: (m,) rows in its neighbourhood.
    """
    mixed = vectors[places].astype(np.float32)
    for size in np.unique(sizes[sizes > 1]).tolist():
        of_size = np.flatnonzero(sizes == size)
        for start in range(0, len(of_size), _BLOCK):
            own = of_size[start : start + _BLOCK]
            around = vectors[starts[own][:, None] + np.arange(size)].astype(np.float32)
            mixed[own] = unit_rows((1 - weight) * mixed[own] + weight * around.mean(axis=1))
    return mixed
