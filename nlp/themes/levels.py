"""Levels of themes: finer ones inside the normal ones, coarser ones made of several of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlp.themes.granularity import GRANULARITIES, Granularity
from nlp.themes.graph import Graph
from nlp.themes.joining import Limits
from nlp.themes.partition import (
    find_cores,
    merge_themes,
    min_theme_size,
    refine_labels,
    renumber,
    spread_labels,
)
from nlp.themes.steadying import STEADY_LIMITS
from nlp.themes.vectors import Floats, Ints

# Half the texts make a fine theme, and two need twice the shared weight to be one: twice as many
# themes (banking77 70 to 130, arbanking77 64 to 121, airline 19 to 41) for .01 of AMI. Looking at
# each theme alone instead finds more of them (179, 162, 80) that fit the labels worse (.03 to .05).
_FINE_SIZE = 0.5
_FINE_CONDUCTANCE = 0.2
_MIN_FINE_SIZE = 5
# A fresh fit falls a little differently: groups and coarse themes that were known are held.
_HELD = Limits(same=0.0, other=0.02, new=0.0, same_resolution=0.5)


@dataclass(frozen=True)
class Level:
    """What one granularity does differently.

    :param steady: when pieces of themes that differ from the known ones are put together again.
    :param groups: when themes are one group.
    """

    steady: Limits = STEADY_LIMITS
    groups: Limits = _HELD


# Coarse themes are the groups of the normal ones, so that their own groups must be larger.
COARSENING = _HELD
LEVELS: dict[Granularity, Level] = {
    "coarse": Level(groups=Limits(0.0, 0.02, 0.0, resolution=0.5, same_resolution=0.25)),
    "normal": Level(),
    "fine": Level(steady=Limits(same=0.1, other=0.24, new=_FINE_CONDUCTANCE)),
}


def check_granularity(granularity: str) -> Level:
    """The level of this name.

    :raises ValueError: when there is none.
    """
    for name, level in LEVELS.items():
        if name == granularity:
            return level
    raise ValueError(f"there is no granularity {granularity!r}; it is {' or '.join(GRANULARITIES)}")


def divide_themes(rows: Floats, graph: Graph, labels: Ints, documents: Ints) -> Ints:
    """Divide each theme where it holds several dense cores; no part crosses a theme.

    :param rows: (n, d) centred unit rows in canonical order.
    :param labels: (n,) themes 0..k-1, every row has one.
    :param documents: (n,) number of what each row is a part of; a part needs several.
    """
    n_documents = len(np.unique(documents))
    cores = find_cores(rows, graph, _fine_size(len(rows)))
    inside = _cut_graph(graph, labels)
    parts = _keep_whole(np.where(cores >= 0, labels * (int(cores.max()) + 1) + cores, -1), labels)
    parts = _fill_themes(rows, inside, parts, labels)
    parts = merge_themes(inside, refine_labels(inside, parts), _FINE_CONDUCTANCE)
    parts = refine_labels(inside, parts)
    firm = _dissolve_parts(parts, labels, documents, _fine_size(n_documents))
    return merge_themes(inside, _fill_themes(rows, inside, firm, labels), _FINE_CONDUCTANCE)


def _fine_size(n_rows: int) -> int:
    return max(_MIN_FINE_SIZE, round(_FINE_SIZE * min_theme_size(n_rows)))


def _cut_graph(graph: Graph, labels: Ints) -> Graph:
    """Only the edges inside themes."""
    from scipy.sparse import csr_array

    edges = graph.weights.tocoo()
    kept = labels[edges.row] == labels[edges.col]
    cells = (edges.row[kept], edges.col[kept])
    weights = csr_array((edges.data[kept], cells), shape=edges.shape)
    weights.sort_indices()
    return Graph(weights, graph.local)


def _dissolve_parts(parts: Ints, labels: Ints, documents: Ints, min_size: int) -> Ints:
    """Take apart what too few documents speak of; a theme that has nothing else stays whole."""
    pairs = np.unique(np.stack([parts, documents], axis=1), axis=0)
    is_small = np.bincount(pairs[:, 0]) < min_size
    return _keep_whole(np.where(is_small[parts], -1, parts), labels)


def _keep_whole(parts: NDArray[np.integer], labels: Ints) -> Ints:
    """Themes of which no row has a part are one part."""
    has_part = np.bincount(labels, weights=parts >= 0) > 0
    whole = int(parts.max(initial=-1)) + 1 + labels
    return renumber(np.where(has_part[labels], parts, whole).astype(np.int32))


def _fill_themes(rows: Floats, inside: Graph, parts: Ints, labels: Ints) -> Ints:
    """Give each row of -1 a part of its theme: that of its neighbours, else the largest."""
    filled = spread_labels(rows, inside, parts)
    placed = np.flatnonzero(parts >= 0)
    owners = np.zeros(int(parts.max()) + 1, dtype=np.int32)
    owners[parts[placed]] = labels[placed]
    sizes = np.bincount(parts[placed], minlength=len(owners))
    largest = np.zeros(int(labels.max()) + 1, dtype=np.int32)
    order = np.lexsort((-np.arange(len(sizes)), sizes))
    largest[owners[order]] = order
    return np.where(owners[filled] == labels, filled, largest[labels]).astype(np.int32)
