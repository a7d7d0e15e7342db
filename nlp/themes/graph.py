"""The neighbour graph of one language's texts, and vectors smoothed along it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlp.themes.context import SHORT_MENTIONS
from nlp.themes.lexical import letter_rows, pair_similarities
from nlp.themes.vectors import Floats, Ints, best_similarities, unit_rows

# All constants: themes.md, section 2, steps 3 to 6, measured on ten sets.
_N_CANDIDATES = 64
_N_LOCAL = 10
_MAX_NEIGHBOURS = 15
_MIN_NEIGHBOURS = 6
# 15 neighbours blur themes of 8 texts: with 200 to 320 texts 8 to 12 do best (banking77 and
# arbanking77 subsamples, AMI +.02 to +.04), from 530 texts on it is the published 15.
_NEIGHBOURS_PER_ROOT = 0.65
_POWER = 4
# AMI with letters and without: arbanking77 .61 and .57, banking77 test .72 and .70, subsamples of
# 200 rows +.01 to +.11, clinc150 .77 both, airline .23 both, stackoverflow .79 and .80.
_LETTER_WEIGHT = 0.4
_SMOOTHING_ROUNDS = 4
_SMOOTHING_SHARE = 0.9
_N_COMPONENTS = 20


@dataclass(frozen=True)
class Graph:
    """A symmetric weighted neighbour graph.

    :param weights: (n, n) scipy CSR array.
    :param local: (n,) mean cosine to the 10 nearest rows: how dense it is around each row.
    """

    weights: Any
    local: Floats


def build_graph(rows: Floats, texts: Sequence[str], documents: Ints) -> Graph:
    """Join each row to its nearest by meaning and letters, corrected for hubs by local scaling.

    :param rows: (n, d) centred unit rows, at least two.
    :param texts: the n texts that the rows stand for.
    :param documents: (n,) number of what each text is a part of. Parts of a long one are not
        joined: they are alike by their writer, and one complaint would be a theme.
    """
    from scipy.sparse import coo_array

    indices, cosines = best_similarities(rows, rows, _N_CANDIDATES, is_same=True)
    indices, cosines = _without_own_document(indices, cosines, documents)
    local = cosines[:, :_N_LOCAL].mean(axis=1)
    both_kinds = cosines + _LETTER_WEIGHT * pair_similarities(letter_rows(texts), indices)
    nearby = np.sort(both_kinds, axis=1)[:, ::-1][:, :_N_LOCAL].mean(axis=1)
    scaled = both_kinds - nearby[:, None] / 2 - nearby[indices] / 2 + nearby.mean()
    wanted = round(_NEIGHBOURS_PER_ROOT * len(rows) ** 0.5)
    n_neighbours = min(max(wanted, _MIN_NEIGHBOURS), _MAX_NEIGHBOURS)
    order = np.argsort(-scaled, axis=1, kind="stable")[:, :n_neighbours]
    nearest = np.take_along_axis(indices, order, axis=1)
    weights = np.maximum(np.take_along_axis(scaled, order, axis=1), 0).astype(np.float64) ** _POWER
    sources = np.repeat(np.arange(len(rows)), nearest.shape[1])
    one_way = coo_array(
        (weights.ravel(), (sources, nearest.ravel())), shape=(len(rows), len(rows))
    ).tocsr()
    both = one_way.maximum(one_way.T).tocsr()
    both.eliminate_zeros()
    both.sort_indices()
    return Graph(both, local)


def _without_own_document(indices: Ints, cosines: Floats, documents: Ints) -> tuple[Ints, Floats]:
    """Move the parts of a row's own long document to the end, as unlike as can be.

    Those of a short one are read as one (see ``context``) and stay together.
    """
    is_long = np.bincount(documents)[documents] > SHORT_MENTIONS
    is_own = is_long[:, None] & (documents[indices] == documents[:, None])
    if not is_own.any():
        return indices, cosines
    others = np.where(is_own, np.float32(-1), cosines)
    order = np.argsort(-others, axis=1, kind="stable")
    return np.take_along_axis(indices, order, axis=1), np.take_along_axis(others, order, axis=1)


def smooth_rows(rows: Floats, graph: Graph) -> Floats:
    """Move each row towards its neighbours; takes the place of UMAP (core AMI .30 to .60)."""
    from scipy.sparse import diags_array

    degrees = np.asarray(graph.weights.sum(axis=1)).ravel()
    inverse = np.divide(1.0, degrees, out=np.zeros_like(degrees), where=degrees > 0)
    walk = (diags_array(inverse) @ graph.weights).astype(np.float32).tocsr()
    smoothed = rows
    for _ in range(_SMOOTHING_ROUNDS):
        moved = walk @ smoothed
        moved *= _SMOOTHING_SHARE
        moved += (1 - _SMOOTHING_SHARE) * smoothed
        smoothed = unit_rows(moved)
    return smoothed


def reduce_rows(rows: Floats, n_components: int = _N_COMPONENTS) -> NDArray[np.float64]:
    """Project on the main directions of variance, each with a fixed sign.

    Sums of the rounded values are exact in float64, and LAPACK is kept to one thread, so that the
    result does not depend on the number of threads.
    """
    from threadpoolctl import threadpool_limits

    # In place: of 20,000 rows every further copy takes 60 MB.
    wide = np.rint(rows * 2.0**20).astype(np.float64)
    wide /= 2.0**20
    with threadpool_limits(limits=1):
        mean = wide.mean(axis=0)
        covariance = wide.T @ wide / len(wide) - np.outer(mean, mean)
        _, directions = np.linalg.eigh(covariance)
        main = directions[:, ::-1][:, :n_components]
        peaks = main[np.abs(main).argmax(axis=0), np.arange(main.shape[1])]
        wide -= mean
        projected = wide @ (main * np.where(peaks < 0, -1.0, 1.0))
    return np.asarray(np.rint(projected * 2.0**20) / 2.0**20)
