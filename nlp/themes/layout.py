"""Points on a plane for themes: what is alike in meaning lies side by side."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlp.themes.vectors import Floats, unit_rows

# t-SNE takes 2 s for so many;
MAX_SPREAD = 2000
# Neighbours that a point heeds. With 30, the default, the demo's 63 themes were one ball.
_PERPLEXITY = 8.0
_MIN_SPREAD = 5
_NEIGHBOURS = 3
_STEPS = 500
# Where points would lie on one another: a turn of the golden angle, a step of the square root.
_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
_STEP = 0.012


def spread_themes(vectors: Floats) -> NDArray[np.float64]:
    """Lay themes out by t-SNE (van der Maaten and Hinton 2008) from their principal components.

    :param vectors: (n, d) unit rows, the largest themes first; the same rows give the same points.
    :returns: (n, 2) points in 0..1.
    """
    if not len(vectors):
        return np.zeros((0, 2))
    first = _spread(vectors[:MAX_SPREAD])
    points = np.concatenate([first, _lay_beside(vectors[MAX_SPREAD:], vectors, first)])
    return _fit_square(points)


def _spread(vectors: Floats) -> NDArray[np.float64]:
    if len(vectors) < _MIN_SPREAD:
        return _project(vectors)
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    start = _project(vectors)
    method = TSNE(
        perplexity=min(_PERPLEXITY, (len(vectors) - 1) / 3),
        init=(start / (start[:, 0].std() or 1.0) * 1e-4).astype(np.float32),
        learning_rate="auto",
        max_iter=_STEPS,
        random_state=0,
    )
    # Sums in one order, whatever the cores; and threads that wait for each other at each step take
    # 15 times the CPU of one (300 themes on a busy machine: 12.1 s against 0.8).
    with threadpool_limits(limits=1):
        return np.asarray(method.fit_transform(vectors), dtype=np.float64)


def _project(vectors: Floats) -> NDArray[np.float64]:
    """The two principal components, each with the sign that makes its largest value positive."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((len(vectors), 2))
    n_found = min(2, len(sizes))
    points[:, :n_found] = left[:, :n_found] * sizes[:n_found]
    largest = np.abs(points).argmax(axis=0)
    return points * np.where(points[largest, [0, 1]] < 0, -1.0, 1.0)


def _lay_beside(rest: Floats, vectors: Floats, first: Any) -> NDArray[np.float64]:
    """Lay each further theme between the ones most like it, around them in a spiral."""
    likeness = unit_rows(rest) @ unit_rows(vectors[: len(first)]).T
    points = np.zeros((len(rest), 2))
    width = np.ptp(first, axis=0).max(initial=0.0) or 1.0
    n_beside = np.zeros(len(first), dtype=int)
    for row, alike in enumerate(likeness):
        nearest = np.argsort(-alike, kind="stable")[:_NEIGHBOURS]
        weights = np.maximum(alike[nearest], 1e-3)
        n_beside[nearest[0]] += 1
        turn = _GOLDEN_ANGLE * n_beside[nearest[0]]
        step = _STEP * width * np.sqrt(n_beside[nearest[0]])
        points[row] = (weights[:, None] * first[nearest]).sum(axis=0) / weights.sum()
        points[row] += step * np.array([np.cos(turn), np.sin(turn)])
    return points


def _fit_square(points: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = points.min(axis=0), points.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    return np.where(high > low, (points - low) / span, 0.5)
