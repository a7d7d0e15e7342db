"""Arithmetic on embedding rows whose result does not depend on threads, blocks or row order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from nlp.cores import count_cores

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

# Rows rounded to multiples of 1/4000 have integer dot products below 2**24, which float32 sums
# exactly in any order: the similarities are the same for every BLAS, block and thread count.
# The price is a cosine error near 1e-4, a fifth of what bfloat16 batches already cost.
_GRID = np.float32(4000)
# Rows that one thread compares at a time: with 20,000 others that takes 40 MB.
BLOCK_ROWS = 512
_UNIT_ROWS = 4096
# Vectors in memory at a time where they are read from somewhere: 30 MB.
READ_ROWS = 20_480

Item = TypeVar("Item")


class VectorRows(Protocol):
    """Vectors that may be somewhere else than in memory: an array, or what reads it by parts."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and dimensions."""
        ...

    def __getitem__(self, rows: Any, /) -> Any:
        """Give some rows, by a slice or an array of their numbers, as an array."""
        ...


def check_shape(vectors: VectorRows, n_texts: int) -> None:
    """Refuse vectors that are not those of the texts.

    :raises ValueError: when the shape does not fit the texts.
    """
    if len(vectors.shape) != 2 or vectors.shape[0] != n_texts:
        raise ValueError(
            f"{n_texts} texts need vectors of shape ({n_texts}, d), got {vectors.shape}; "
            "encode all texts with one encoder"
        )


def check_vectors(vectors: NDArray[np.floating], n_texts: int) -> None:
    """Refuse vectors that a broken model made.

    :raises ValueError: when the shape does not fit the texts or a value is not finite.
    """
    check_shape(vectors, n_texts)
    check_finite(vectors)


def check_finite(vectors: NDArray[np.floating]) -> None:
    """Refuse vectors that a broken model made.

    :raises ValueError: when a value is not finite.
    """
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise ValueError(
            f"{len(bad)} of {len(vectors)} vectors hold NaN or infinity (first: row {bad[0]}); "
            "the encoder is broken: run `earful doctor` and encode these texts again"
        )


def read_blocks(vectors: VectorRows) -> Iterator[tuple[slice, NDArray[np.floating]]]:
    """Read all vectors, so many at a time that they need little memory.

    :raises ValueError: when a value is not finite.
    """
    for start in range(0, vectors.shape[0], READ_ROWS):
        rows = slice(start, start + READ_ROWS)
        block = np.asarray(vectors[rows])
        check_finite(block)
        yield rows, block


def unit_rows(rows: NDArray[np.floating]) -> Floats:
    """Scale every row to length one; a row of zeros stays zero."""
    wide = rows.astype(np.float32, copy=False)
    norms = np.sqrt(np.einsum("ij,ij->i", wide, wide, dtype=np.float64))
    scale = np.where(norms > 1e-12, norms, np.inf)
    unit = np.empty(wide.shape, dtype=np.float32)
    for start in range(0, len(wide), _UNIT_ROWS):  # the quotients are float64
        block = slice(start, start + _UNIT_ROWS)
        unit[block] = wide[block] / scale[block, None]
    return unit


def exact_grid(rows: Floats) -> Floats:
    """Round unit rows so that :func:`grid_products` of them is exact."""
    return np.asarray(np.rint(rows * _GRID), dtype=np.float32)


def grid_products(left: Floats, right: Floats) -> Floats:
    """Cosines between two sets of rows that :func:`exact_grid` made."""
    return np.asarray((left @ right.T) / (_GRID * _GRID), dtype=np.float32)


def best_similarities(
    left: Floats, right: Floats, n_best: int, *, is_same: bool = False, block: int = BLOCK_ROWS
) -> tuple[Ints, Floats]:
    """Find the most similar rows of ``right`` for each row of ``left``, best first.

    :param is_same: ``left`` and ``right`` are the same rows; a row is not its own neighbour.
    :returns: indices and cosines, both (len(left), n); equal cosines in order of index.
    """
    searched = SearchedRows(right)
    n_best = max(min(n_best, len(right) - is_same), 0)
    indices = np.zeros((len(left), n_best), dtype=np.int32)
    values = np.zeros(indices.shape, dtype=np.float32)

    def fill(start: int) -> None:
        own = slice(start, start + block)
        indices[own], values[own] = searched.find_best(
            left[own], n_best, first=start if is_same else None
        )

    map_in_threads(fill, range(0, len(left), block))
    return indices, values


class SearchedRows:
    """Rows to search for the most similar ones, rounded once for all that is asked.

    :param rows: (n, d) unit rows.
    """

    def __init__(self, rows: Floats) -> None:
        self._grid = exact_grid(rows)

    def find_best(
        self, asked: Floats, n_best: int, *, first: int | None = None
    ) -> tuple[Ints, Floats]:
        """Find the best for a block of rows, on this thread; see :func:`best_similarities`.

        :param first: the place of the first asked row, where the searched rows themselves ask.
        """
        n_best = max(min(n_best, len(self._grid) - (first is not None)), 0)
        if not n_best or not len(asked):
            shape = (len(asked), n_best)
            return np.zeros(shape, dtype=np.int32), np.zeros(shape, dtype=np.float32)
        products = exact_grid(asked) @ self._grid.T
        if first is not None:
            own = np.arange(len(products))
            products[own, first + own] = -np.inf
        indices, best = _best_of(products, n_best)
        return indices, np.asarray(best / (_GRID * _GRID), dtype=np.float32)


def map_in_threads(work: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Do independent pieces of array work side by side, one thread of BLAS each."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1), ThreadPoolExecutor(min(count_cores(), 8)) as pool:
        deque(pool.map(work, items), maxlen=0)


def _best_of(products: Floats, n_best: int) -> tuple[Ints, Floats]:
    """The n best columns of each row, best first; equal ones in order of column.

    Also where the last of them are equal: a partition would leave that to the kind of processor.
    """
    n_rows, n_columns = products.shape
    found = np.flatnonzero(products >= _bound_best(products, n_best)[:, None])
    rows, columns = np.divmod(found, n_columns)
    values = products.ravel()[found]
    # Products are whole numbers below 2**24: rows stay apart, columns in order.
    order = np.argsort((rows << 26) - values.astype(np.int64), kind="stable")
    firsts = np.searchsorted(rows, np.arange(n_rows))
    kept = order[firsts[:, None] + np.arange(n_best)]
    return columns[kept].astype(np.int32), values[kept]


def _bound_best(products: Floats, n_best: int) -> Floats:
    """A value for each row that its n best reach, and few others: (rows,).

    The n-th highest of the peaks of groups of columns. Finding the peaks costs a tenth of
    partitioning the row.
    """
    n_rows, n_columns = products.shape
    group = int((n_columns / n_best) ** 0.5)
    n_groups = n_columns // group
    peaks = products[:, : n_groups * group].reshape(n_rows, group, n_groups).max(axis=1)
    peaks.partition(n_groups - n_best, axis=1)
    return np.asarray(peaks[:, n_groups - n_best])


def mean_rows(rows: Floats, labels: Ints, n_labels: int) -> Floats:
    """Average the rows of each label (unit length); labels of -1 are left out."""
    return unit_rows(sum_rows(rows, labels, n_labels))


def sum_rows(rows: Floats, labels: Ints, n_labels: int) -> NDArray[np.float64]:
    """Add up the rows of each label; labels of -1 are left out."""
    sums = np.zeros((n_labels, rows.shape[1]), dtype=np.float64)
    kept = labels >= 0
    order = np.argsort(labels[kept], kind="stable")
    members, sorted_labels = rows[kept][order], labels[kept][order]
    if len(members):
        starts = np.flatnonzero(np.r_[True, sorted_labels[1:] != sorted_labels[:-1]])
        sums[sorted_labels[starts]] = np.add.reduceat(members, starts, axis=0, dtype=np.float64)
    return sums


def rows_by_language(langs: Sequence[str]) -> dict[str, NDArray[np.intp]]:
    """Group row numbers by language code, languages in alphabetical order."""
    codes = np.asarray(langs, dtype=object)
    return {code: np.flatnonzero(codes == code) for code in sorted(set(langs))}
