"""A closer look at one theme: the few parts, across languages, that keep apart best.

The chain that finds themes needs a corpus: alone with the rows of one theme it cut each language
for itself (nothing at all below 30 rows of it: 38 of the demo's 64 themes did not come apart), and
the others into up to nine pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlp.themes.splitting import nearest_parts
from nlp.themes.vectors import (
    Floats,
    Ints,
    exact_grid,
    grid_products,
    rows_by_language,
    unit_rows,
)

# A part has so many distinct texts and this share of them; fewer parts are better than more that
# keep apart hardly better. With these and the most parts 30 mixed themes of banking77 come apart
# into their intents at an ARI of .32 (.30 by the chain, with up to nine parts); .10 and .12 of a
# theme, and .85 to 1 of the best separation, differ by .02.
MIN_PART = 5
_PART_SHARE = 0.1
_MAX_PARTS = 6
_NEARLY_BEST = 0.85
# Mean silhouette: .07 to .51 in 127 of 128 themes of banking77 and the demo; .02 (400 rows) to .06
# (20 rows) in clouds without parts.
MIN_SEPARATION = 0.06
# Ward's tree is quadratic: so many rows of a larger theme make it, the rest goes to the nearest.
_MAX_ROWS = 2_000
_ROUNDS = 5
# A language of so many rows counts half for itself, half as the theme does.
_HALF_WEIGHT_ROWS = 10


@dataclass(frozen=True)
class Division:
    """What a closer look found.

    :param labels: (n,) part of each row, the largest first; 0 for all where nothing comes apart.
    :param separation: mean silhouette of the parts, -1..1; of the best there were, else -1.
    """

    labels: Ints
    separation: float


def divide_closer(rows: Floats, langs: Sequence[str]) -> Division:
    """Divide a theme into two to six parts of some size, where these keep apart.

    :param rows: (n, d) centred unit rows, in an order that is as good as drawn.
    :param langs: n languages; what all rows of one have in common divides nothing.
    """
    whole = Division(np.zeros(len(rows), dtype=np.int32), -1.0)
    if len(rows) < 2 * MIN_PART:
        return whole
    alike = _level_languages(rows, langs)
    fitted = alike[:_MAX_ROWS]
    found = _divide_fitted(fitted)
    if found is None or found.separation < MIN_SEPARATION:
        return whole if found is None else Division(whole.labels, found.separation)
    labels = nearest_parts(alike, fitted, found.labels, int(found.labels.max()) + 1)
    labels[: len(fitted)] = found.labels
    return Division(_largest_first(labels), found.separation)


def _level_languages(rows: Floats, langs: Sequence[str]) -> Floats:
    levelled = rows.astype(np.float64)
    middle = levelled.mean(axis=0)
    for places in rows_by_language(langs).values():
        weight = len(places) / (len(places) + _HALF_WEIGHT_ROWS)
        own = levelled[places].mean(axis=0)
        levelled[places] -= weight * own + (1 - weight) * middle
    return unit_rows(levelled)


def _divide_fitted(rows: Floats) -> Division | None:
    """The division of fewest parts among those that keep apart nearly best."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    grid = exact_grid(rows)
    distances = np.maximum(1 - grid_products(grid, grid).astype(np.float64), 0)
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(np.sqrt(2 * distances), checks=False), "ward")
    cuts = (fcluster(tree, n, "maxclust") - 1 for n in range(2, _MAX_PARTS + 1))
    firm = [_firm_parts(rows, cut.astype(np.int32)) for cut in cuts]
    found = [Division(each, measure_separation(distances, each)) for each in firm if each.any()]
    best = max((each.separation for each in found), default=-1.0)
    kept = [each for each in found if each.separation >= _NEARLY_BEST * best]
    return min(kept, key=lambda each: (each.labels.max(), -each.separation), default=None)


def _firm_parts(rows: Floats, labels: Ints) -> Ints:
    """Dissolve the parts that are too small, and let each row go to the nearest middle."""
    least = max(MIN_PART, round(_PART_SHARE * len(rows)))
    for _ in range(_ROUNDS):
        sizes = np.bincount(labels)
        kept = np.flatnonzero(sizes >= least)
        if len(kept) < 2:
            return np.zeros_like(labels)
        numbers = np.full(len(sizes), -1, dtype=np.int32)
        numbers[kept] = np.arange(len(kept))
        parts = numbers[labels]
        fresh = nearest_parts(rows, rows[parts >= 0], parts[parts >= 0], len(kept))
        if len(kept) == len(sizes) and np.array_equal(fresh, labels):
            return labels
        labels = fresh
    is_firm = np.bincount(labels).min() >= least
    return labels if is_firm else np.zeros_like(labels)


def measure_separation(distances: NDArray[np.float64], labels: Ints) -> float:
    """Mean silhouette (Rousseeuw 1987) of some parts.

    :param distances: (n, n) symmetric, 0 on the diagonal.
    :param labels: (n,) 0..k-1 with at least two parts.
    """
    sizes = np.bincount(labels).astype(np.float64)
    sums = distances @ np.eye(len(sizes))[labels]
    every = np.arange(len(labels))
    own = sums[every, labels] / np.maximum(sizes[labels] - 1, 1)
    means = sums / sizes
    means[every, labels] = np.inf
    nearest = means.min(axis=1)
    widths = (nearest - own) / np.maximum(np.maximum(nearest, own), 1e-12)
    widths[sizes[labels] == 1] = 0
    return float(np.round(widths.mean(), 6))


def _largest_first(labels: Ints) -> Ints:
    sizes = np.bincount(labels)
    order = np.lexsort((np.arange(len(sizes)), -sizes))
    numbers = np.empty(len(sizes), dtype=np.int32)
    numbers[order] = np.arange(len(order))
    return numbers[labels]
