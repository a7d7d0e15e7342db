"""Cut a neighbour graph into themes: dense cores first, then every row, then fewer and firmer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlp.themes.graph import Graph, reduce_rows, smooth_rows
from nlp.themes.vectors import Floats, Ints, mean_rows

# Constants: themes.md, section 2, steps 7 and 8.
_MIN_SIZE = 5
_SIZE_PER_ROOT = 0.25
_MIN_SAMPLES = 5
_RESOLUTION = 1.0
_REFINE_ROUNDS = 40
_REFINE_STOP_SHARE = 0.001
# The published rule (shared weight over the smaller theme's weight > .15) joins everything where
# few, large themes meet by chance (one theme on the demo's posts, and on airline at .10). Less
# what chance gives, any limit from .10 to .20 does on six sets.
MERGE_CONDUCTANCE = 0.1
_BLOCK = 4096


def min_theme_size(n_rows: int) -> int:
    """Fewest distinct texts that make a theme in a corpus of ``n_rows``."""
    return max(_MIN_SIZE, round(_SIZE_PER_ROOT * math.sqrt(n_rows)))


def partition_rows(rows: Floats, graph: Graph, documents: Ints) -> Ints:
    """Give every row a theme.

    :param rows: (n, d) centred unit rows in canonical order.
    :param documents: (n,) number of what each row is a part of; a theme needs several.
    :returns: (n,) labels 0..k-1, or all -1 when fewer than two dense cores are found.
    """
    labels = find_cores(rows, graph, min_theme_size(len(rows)))
    if labels.max(initial=-1) < 1:
        return np.full(len(rows), -1, dtype=np.int32)
    labels = refine_labels(graph, spread_labels(rows, graph, labels))
    labels = refine_labels(graph, merge_themes(graph, labels))
    firm = dissolve_small(labels, documents, min_theme_size(len(np.unique(documents))))
    return merge_themes(graph, spread_labels(rows, graph, firm))


def find_cores(rows: Floats, graph: Graph, min_size: int) -> Ints:
    """Find dense cores with HDBSCAN's leaves; most rows stay -1, the cores are only seeds.

    Leaf, never EOM: on real complaints EOM sees one blob (two topics on 9,178 tweets).

    :param min_size: fewest rows of a core.
    """
    from hdbscan import HDBSCAN

    if len(rows) <= 2 * _MIN_SIZE:
        return np.full(len(rows), -1, dtype=np.int32)
    clusterer = HDBSCAN(
        min_cluster_size=min_size,
        min_samples=_MIN_SAMPLES,
        cluster_selection_method="leaf",
        core_dist_n_jobs=1,
    )
    labels = clusterer.fit_predict(reduce_rows(smooth_rows(rows, graph)))
    return np.asarray(labels, dtype=np.int32)


def spread_labels(rows: Floats, graph: Graph, labels: Ints) -> Ints:
    """Give each row of -1 the theme that weighs most among its neighbours, breadth first.

    Rows that no labelled row reaches take the theme with the nearest centroid.
    """
    labels = labels.copy()
    n_themes = int(labels.max(initial=-1)) + 1
    while n_themes and (labels < 0).any():
        open_rows = np.flatnonzero(labels < 0)
        shares = _theme_weights(graph.weights[open_rows], labels, n_themes)
        reached = shares.max(axis=1) > 0
        if not reached.any():
            centroids = mean_rows(rows, labels, n_themes)
            labels[open_rows] = (rows[open_rows] @ centroids.T).argmax(axis=1)
            break
        labels[open_rows[reached]] = shares[reached].argmax(axis=1)
    return labels


def refine_labels(graph: Graph, labels: Ints, max_rounds: int = _REFINE_ROUNDS) -> Ints:
    """Move rows to the theme that they raise the modularity of most, until few move.

    Rows of even and odd position alternate, so that the result does not depend on visiting order.
    """
    labels = labels.copy()
    n_themes = int(labels.max(initial=-1)) + 1
    degrees = np.asarray(graph.weights.sum(axis=1)).ravel()
    total = degrees.sum()
    if n_themes < 2 or total <= 0:
        return labels
    for _ in range(max_rounds):
        n_moved = 0
        for parity in (0, 1):
            rows = np.arange(parity, len(labels), 2)
            for start in range(0, len(rows), _BLOCK):
                block = rows[start : start + _BLOCK]
                moved = _best_themes(graph, labels, degrees, block, n_themes)
                n_moved += int((moved != labels[block]).sum())
                labels[block] = moved
        if n_moved < _REFINE_STOP_SHARE * len(labels):
            break
    return renumber(labels)


def _best_themes(
    graph: Graph, labels: Ints, degrees: NDArray[np.float64], block: NDArray[np.intp], n_themes: int
) -> Ints:
    """Choose, for some rows, the theme that they raise the modularity of most.

    Only the themes of a row's neighbours come into question, some ten of all.
    """
    total = degrees.sum()
    sizes = np.bincount(labels, weights=degrees, minlength=n_themes)
    shares = (graph.weights[block] @ _membership(labels, n_themes)).tocsr()
    shares.sort_indices()
    rows = np.repeat(np.arange(len(block)), np.diff(shares.indptr))
    own = labels[block]
    costs = _RESOLUTION * degrees[block] / total
    gains = shares.data - costs[rows] * sizes[shares.indices]
    is_own = shares.indices == own[rows]
    stay = _RESOLUTION * degrees[block] ** 2 / total - costs * sizes[own]
    np.add.at(stay, rows[is_own], shares.data[is_own])
    is_other = ~is_own & (shares.data > 0)
    rows, themes, gains = rows[is_other], shares.indices[is_other], gains[is_other]
    best = np.full(len(block), -np.inf)
    np.maximum.at(best, rows, gains)
    firsts = np.full(len(block), n_themes)
    is_best = gains == best[rows]
    np.minimum.at(firsts, rows[is_best], themes[is_best])
    return np.where(best > stay + 1e-12, firsts, own).astype(np.int32)


def merge_themes(graph: Graph, labels: Ints, limit: float = MERGE_CONDUCTANCE) -> Ints:
    """Join the pair that shares most weight, beyond chance, while it exceeds ``limit``.

    Not by modularity: its resolution limit swallows small themes (118 to 78 on clinc150).
    """
    between = theme_weights(graph, labels)
    parents = np.arange(len(between))
    degrees = between.sum(axis=1)
    total = max(degrees.sum(), 1e-12)
    while len(between) > 1:
        smaller = np.minimum(degrees[:, None], degrees[None, :])
        surplus = between - np.outer(degrees, degrees) / total
        conductance = np.divide(surplus, smaller, out=np.zeros_like(between), where=smaller > 0)
        np.fill_diagonal(conductance, 0)
        best = int(conductance.argmax())
        kept, gone = sorted(divmod(best, len(between)))
        if conductance[kept, gone] <= limit:
            break
        join_themes(between, degrees, kept, gone)
        parents[parents == gone] = kept
    return renumber(np.where(labels >= 0, parents[labels], -1).astype(np.int32))


def join_themes(
    between: NDArray[np.float64], degrees: NDArray[np.float64], kept: int, gone: int
) -> None:
    """Add one theme's weights to another's, in place; the one that is gone keeps zeros."""
    between[kept] += between[gone]
    between[:, kept] += between[:, gone]
    between[gone] = between[:, gone] = 0
    degrees[kept] += degrees[gone]
    degrees[gone] = 0


def theme_weights(graph: Graph, labels: Ints) -> NDArray[np.float64]:
    """Sum the edge weights between themes: (k, k), symmetric."""
    n_themes = int(labels.max(initial=-1)) + 1
    membership = _membership(labels, n_themes)
    return np.asarray((membership.T @ graph.weights @ membership).toarray(), dtype=np.float64)


def inside_shares(graph: Graph, labels: Ints) -> Floats:
    """Share of each row's edge weight that stays inside its theme, 0 for a row without edges."""
    n_themes = int(labels.max(initial=-1)) + 1
    shares = np.zeros(len(labels), dtype=np.float32)
    for start in range(0, len(labels), _BLOCK):
        block = slice(start, start + _BLOCK)
        weights = _theme_weights(graph.weights[block], labels, n_themes)
        own = np.take_along_axis(weights, np.maximum(labels[block], 0)[:, None], axis=1)[:, 0]
        sums = np.asarray(graph.weights[block].sum(axis=1)).ravel()
        shares[block] = np.divide(own, sums, out=np.zeros_like(own), where=sums > 0)
    return shares


def _theme_weights(weights: Any, labels: Ints, n_themes: int) -> NDArray[np.float64]:
    return np.asarray((weights @ _membership(labels, n_themes)).toarray(), dtype=np.float64)


def _membership(labels: Ints, n_themes: int) -> Any:
    from scipy.sparse import csr_array

    kept = np.flatnonzero(labels >= 0)
    ones = np.ones(len(kept))
    return csr_array((ones, (kept, labels[kept])), shape=(len(labels), n_themes))


def dissolve_small(labels: Ints, documents: Ints, min_size: int) -> Ints:
    """Take apart the themes that fewer than ``min_size`` documents speak of, unless all are so."""
    pairs = np.unique(np.stack([labels, documents], axis=1)[labels >= 0], axis=0)
    sizes = np.bincount(pairs[:, 0], minlength=1)
    is_small = sizes < min_size
    if is_small.all():
        return labels
    return renumber(np.where(is_small[labels], -1, labels).astype(np.int32))


def renumber(labels: Ints) -> Ints:
    """Number the themes that rows have 0..k-1, in their order; -1 stays."""
    used = np.unique(labels[labels >= 0])
    numbers = np.full(int(labels.max(initial=-1)) + 2, -1, dtype=np.int32)
    numbers[used] = np.arange(len(used))
    return np.where(labels >= 0, numbers[labels], -1).astype(np.int32)
