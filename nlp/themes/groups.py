"""The coarse level: themes that share many neighbours form a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nlp.themes.partition import join_themes

if TYPE_CHECKING:
    from nlp.themes.vectors import Ints


def group_themes(between: NDArray[np.float64]) -> Ints:
    """Merge themes greedily while modularity rises; its resolution limit suits the coarse level.

    :param between: (k, k) symmetric edge weights between themes, diagonal included.
    :returns: (k,) group numbers in order of their first theme; -1 for a theme alone.
    """
    between = between.copy()
    n_themes, total = len(between), between.sum()
    owner = np.arange(n_themes)
    if total <= 0:
        return np.full(n_themes, -1, dtype=np.int32)
    degrees = between.sum(axis=1)
    while True:
        gains = between / total - np.outer(degrees, degrees) / total**2
        gains[between <= 0] = -np.inf
        np.fill_diagonal(gains, -np.inf)
        best = int(gains.argmax())
        kept, gone = sorted(divmod(best, n_themes))
        if not gains[kept, gone] > 1e-12:
            break
        join_themes(between, degrees, kept, gone)
        owner[owner == gone] = kept
    sizes = np.bincount(owner, minlength=n_themes)
    numbers = np.full(n_themes, -1, dtype=np.int32)
    numbers[sizes > 1] = np.arange((sizes > 1).sum())
    return numbers[owner]
