"""Take one theme apart, without a look at the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nlp.themes.vectors import Floats, Ints, exact_grid, grid_products, mean_rows

_ROUNDS = 8
# Of so many mentions the middle of a part is known well enough.
MAX_EXEMPLARS = 200


def divide_by_examples(rows: Floats, is_example: NDArray[np.bool_]) -> Ints:
    """Part the rows that are nearer to the examples than to the rest.

    Two means, begun with the examples on one side and the rest on the other; the examples stay
    where they are.

    :param rows: (n, d) centred unit rows.
    :returns: (n,) 1 for the examples' side, 0 for the rest.
    """
    labels = is_example.astype(np.int32)
    for _ in range(_ROUNDS):
        nearer = nearest_parts(rows, rows, labels, 2)
        fresh = np.where(is_example, 1, nearer).astype(np.int32)
        if np.array_equal(fresh, labels):
            break
        labels = fresh
    return labels


def nearest_parts(rows: Floats, exemplars: Floats, labels: Ints, n_parts: int) -> Ints:
    """Give each row the part whose exemplars' middle is nearest; a part without any gets none.

    :param labels: (m,) part of each exemplar.
    """
    products = grid_products(exact_grid(rows), exact_grid(mean_rows(exemplars, labels, n_parts)))
    products[:, np.bincount(labels, minlength=n_parts)[:n_parts] == 0] = -2
    return np.asarray(products.argmax(axis=1), dtype=np.int32)


def choose_exemplars(keys: Sequence[str], labels: Ints, is_example: NDArray[np.bool_]) -> list[int]:
    """Choose up to MAX_EXEMPLARS rows of each part: the examples, then by key.

    :param keys: hashes, so that the choice is as good as drawn.
    """
    order = sorted(range(len(keys)), key=lambda row: (not is_example[row], keys[row]))
    counts: dict[int, int] = {}
    chosen = []
    for row in order:
        label = int(labels[row])
        counts[label] = counts.get(label, 0) + 1
        if counts[label] <= MAX_EXEMPLARS:
            chosen.append(row)
    return sorted(chosen)
