"""What is compared: rows of customers, the themes each voiced, and what is held equal.

What is held equal are some fifty dense columns; themes are sparse, as a customer voices few of the
hundreds that there are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

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
        if columns.all():
            return self
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
            found[rows] = ((controls @ inverse[:c, :c]) * controls).sum(axis=1)
            row = np.repeat(np.arange(len(controls)), np.diff(themes.indptr))
            beside = np.einsum("ij,ij->i", controls[row], inverse[c:, :c][themes.indices])
            found[rows] += np.bincount(row, 2 * themes.data * beside, len(controls))
            for pairs in _pair_themes(themes):
                among = inverse[c + pairs.first, c + pairs.second] * pairs.times
                found[rows] += np.bincount(pairs.row, among, len(controls))
        return found

    def cross_clusters(self, scores: Floats) -> Floats:
        """(p, p) sum over clusters of ss', where s is the sum of their rows, each times a score."""
        if self.n_clusters == len(self):
            return self.cross(scores**2)
        from scipy.sparse import csr_matrix

        places = self.clusters, np.arange(len(self))
        member = csr_matrix((scores, places), shape=(self.n_clusters, len(self)))
        return cross(member @ self.controls, self._join_rows(scores), np.ones(self.n_clusters))

    def _join_rows(self, scores: Floats) -> Any:
        """(clusters, k) themes of all rows of a cluster; the entries of a theme are not summed."""
        from scipy.sparse import csr_matrix

        themes = self.themes
        data = themes.data * np.repeat(scores, np.diff(themes.indptr))
        starts = np.flatnonzero(np.diff(self.clusters, prepend=-1))
        ends = np.append(themes.indptr[starts], themes.indptr[-1])
        return csr_matrix((data, themes.indices, ends), shape=(self.n_clusters, self.n_themes))


def cross(controls: Floats, themes: Any, weights: Floats) -> Floats:
    """(p, p) X'WX of dense columns and sparse ones behind them."""
    c, k = controls.shape[1], themes.shape[1]
    found = np.zeros((c + k, c + k))
    for rows in _chunk(len(weights)):
        weighed = controls[rows] * weights[rows, None]
        found[:c, :c] += weighed.T @ controls[rows]
        found[c:, :c] += themes[rows].T @ weighed
    found[:c, c:] = found[c:, :c].T
    found[c:, c:] = _cross_themes(themes, weights)
    return found


def _cross_themes(themes: Any, weights: Floats) -> Floats:
    """(k, k) T'WT of sparse columns.

    By the pairs of each row: eight times as fast as the product of sparse matrices, as most rows
    have a theme or two.
    """
    k = themes.shape[1]
    sums = np.zeros(k * k)
    for pairs in _pair_themes(themes):
        places = pairs.first * np.int64(k) + pairs.second
        sums += np.bincount(places, pairs.times * weights[pairs.row], k * k)
    upper: Floats = sums.reshape(k, k)
    return (upper + upper.T) / 2


class _Pairs(NamedTuple):
    """Two themes of one row each, every two of them once and each with itself; all (m,).

    :param times: product of their entries, twice that of two different ones.
    """

    row: NDArray[np.integer[Any]]
    first: NDArray[np.integer[Any]]
    second: NDArray[np.integer[Any]]
    times: Floats


def _pair_themes(themes: Any) -> Iterator[_Pairs]:
    """The pairs of all rows, of so many rows at a time that they stay few."""
    for rows in _chunk(themes.shape[0]):
        begin, end = themes.indptr[rows.start], themes.indptr[rows.stop]
        row = np.repeat(
            np.arange(rows.start, rows.stop), np.diff(themes.indptr[rows.start : rows.stop + 1])
        )
        # Each entry with itself and with those behind it in its row.
        n_behind = themes.indptr[row + 1] - np.arange(begin, end)
        entry = np.repeat(np.arange(end - begin), n_behind)
        steps = np.arange(len(entry)) - np.repeat(np.cumsum(n_behind) - n_behind, n_behind)
        indices, data = themes.indices[begin:end], themes.data[begin:end]
        times = data[entry] * data[entry + steps] * np.where(steps, 2, 1)
        yield _Pairs(row[entry], indices[entry], indices[entry + steps], times)


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
