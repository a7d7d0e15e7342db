"""What a mention is about, read together with the sentences around it.

"Still nothing!" says nothing alone. Half of the Hebrew mentions of the demo have under six words.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nlp.themes.vectors import Floats, unit_rows

# Weight of the neighbourhood. On the demo's hand-labelled posts in nine languages themes found
# from mentions alone agree with the labels at AMI .13, with a weight of .3 at .18, of .5 at .21 to
# .24, of .7 at .24 to .25; beyond that the parts of a text with several opinions become one.
CONTEXT_WEIGHT = 0.5


def mix_context(
    vectors: NDArray[np.floating], texts_of: Sequence[str], weight: float = CONTEXT_WEIGHT
) -> Floats:
    """Draw each mention toward the mean of itself and its neighbours in the same text.

    :param vectors: (n, d) unit rows of mentions, those of one text together and in reading order.
    :param texts_of: n keys of the text that each mention is a part of.
    :returns: (n, d) float32 unit rows; a mention that is alone in its text keeps its vector.
    """
    rows = vectors.astype(np.float32)
    keys = np.asarray(texts_of, dtype=object)
    is_next = np.zeros(len(rows), dtype=bool)
    is_next[:-1] = keys[:-1] == keys[1:]
    sums, counts = rows.copy(), np.ones(len(rows), dtype=np.float32)
    before = np.flatnonzero(is_next)
    sums[before] += rows[before + 1]
    sums[before + 1] += rows[before]
    counts[before] += 1
    counts[before + 1] += 1
    is_alone = counts == 1
    mixed = unit_rows((1 - weight) * rows + weight * sums / counts[:, None])
    mixed[is_alone] = rows[is_alone]
    return mixed
