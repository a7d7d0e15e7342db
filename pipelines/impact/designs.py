"""What is compared: rows of customers, the themes each voiced, and what is held equal.

What is held equal are some fifty dense columns; themes are sparse, as a customer voices few of the
hundreds that there are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
# A column of which no more than this share of its square is left beside the others is made of them.
_TOLERANCE = 1e-8
_CHUNK_ROWS = 20_000


@dataclass(frozen=True)
class Design:
    """One row for each moment that is compared; its columns are the controls, then the themes.

    :param controls: (n, c) what is held equal; the first column is 1.
    :param themes: (n, k) sparse rows of 0 and 1.
    :param clusters: (n,) whose row it is, as numbers from 0 on, those of one after each other.
    :param weights: (n,) above 0.
    """

    controls: Floats
    themes: Any
    clusters: NDArray[np.integer[Any]]
    weights: Floats

    def __len__(self) -> int:
        return len(self.clusters)

    @property
    def n_controls(self) -> int:
        """Columns that are no themes."""
        return int(self.controls.shape[1])

    @property
    def n_themes(self) -> int:
        """Columns that are themes."""
        return int(self.themes.shape[1])

    @property
    def n_clusters(self) -> int:
        """Whose rows they are: of how many."""
        return int(self.clusters.max(initial=-1)) + 1

    @cached_property
    def n_with(self) -> NDArray[np.integer[Any]]:
        """(k,) rows with each theme."""
        return np.bincount(self.themes.indices, minlength=self.n_themes)

    def keep(self, columns: NDArray[np.bool_]) -> "Design":
        """The same rows with some of the columns."""
        controls = self.controls[:, columns[: self.n_controls]]
        themes = self.themes[:, columns[self.n_controls :]]
        return Design(controls, themes, self.clusters, self.weights)

    def predict(self, coefficients: Floats) -> Floats:
        """(n,) each row times the coefficients."""
        own = coefficients[: self.n_controls], coefficients[self.n_controls :]
        found: Floats = self.controls @ own[0] + self.themes @ own[1]
        return found

    def total(self, values: Floats) -> Floats:
        """(p,) the sum of the rows, each times a value."""
        return np.concatenate([values @ self.controls, self.themes.T @ values])

    def cross(self, weights: Floats) -> Floats:
        """(p, p) X'WX."""
        return cross(self.controls, self.themes, weights)

    def measure_leverage(self, inverse: Floats) -> Floats:
        """(n,) x'Ax of each row."""
        c, found = self.n_controls, np.empty(len(self))
        for rows in _chunk(len(self)):
            controls, themes = self.controls[rows], self.themes[rows]
            beside = controls @ inverse[:c] + themes @ inverse[c:]
            found[rows] = (controls * beside[:, :c]).sum(axis=1)
            found[rows] += np.asarray(themes.multiply(beside[:, c:]).sum(axis=1)).ravel()
        return found

    def cross_clusters(self, scores: Floats) -> Floats:
        """(p, p) sum over clusters of ss', where s is the sum of their rows, each times a score."""
        if self.n_clusters == len(self):
            return self.cross(scores**2)
        from scipy.sparse import csr_matrix

        places = self.clusters, np.arange(len(self))
        member = csr_matrix((scores, places), shape=(self.n_clusters, len(self)))
        return cross(member @ self.controls, member @ self.themes, np.ones(self.n_clusters))


def cross(controls: Floats, themes: Any, weights: Floats) -> Floats:
    """(p, p) X'WX of dense columns and sparse ones behind them."""
    c, k = controls.shape[1], themes.shape[1]
    found = np.zeros((c + k, c + k))
    for rows in _chunk(len(weights)):
        weighed = controls[rows] * weights[rows, None]
        found[:c, :c] += weighed.T @ controls[rows]
        found[c:, :c] += themes[rows].T @ weighed
    found[:c, c:] = found[c:, :c].T
    found[c:, c:] = (themes.T @ _weigh(themes, weights)).toarray()
    return found


def _weigh(themes: Any, weights: Floats) -> Any:
    """Every row times its weight."""
    from scipy.sparse import csr_matrix

    data = themes.data * np.repeat(weights, np.diff(themes.indptr))
    return csr_matrix((data, themes.indices, themes.indptr), shape=themes.shape)


def _chunk(n: int) -> Iterator[slice]:
    """So many rows that a dense product of them stays small."""
    for start in range(0, n, _CHUNK_ROWS):
        yield slice(start, min(start + _CHUNK_ROWS, n))


@dataclass(frozen=True)
class Identified:
    """Which columns can be told apart.

    :param columns: (p,) whether it is in a largest set of those that can, earlier ones first.
    :param relations: what a column that is not in it is made of, by column.
    """

    columns: NDArray[np.bool_]
    relations: dict[int, tuple[int, ...]]


def identify(gram: Floats) -> Identified:
    """Find the columns that can be told apart: a Cholesky factorisation that leaves out the others.

    :param gram: (p, p) X'WX.
    """
    p = len(gram)
    scale = np.sqrt(np.maximum(np.diag(gram), 1e-300))
    scaled = gram / np.outer(scale, scale)
    factor = np.zeros((p, p))
    kept: list[int] = []
    relations: dict[int, tuple[int, ...]] = {}
    for column in range(p):
        own = factor[column, : len(kept)]
        left = scaled[column, column] - own @ own
        if gram[column, column] > 0 and left > _TOLERANCE:
            known = factor[column:, : len(kept)] @ own
            factor[column:, len(kept)] = (scaled[column:, column] - known) / np.sqrt(left)
            kept.append(column)
        else:
            relations[column] = _relate(factor, kept, own)
    columns = np.zeros(p, dtype=bool)
    columns[kept] = True
    return Identified(columns, relations)


def _relate(factor: Floats, kept: list[int], own: Floats) -> tuple[int, ...]:
    """The columns that a column is made of."""
    from scipy.linalg import solve_triangular

    if not kept:
        return ()
    parts = solve_triangular(factor[kept, : len(kept)], own, lower=True, trans="T")
    return tuple(kept[place] for place in np.flatnonzero(np.abs(parts) > 1e-5))
