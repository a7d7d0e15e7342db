"""Join pieces of a graph greedily, the pair that shares most weight beyond chance first."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlp.themes.partition import join_themes
from nlp.themes.vectors import Ints


@dataclass(frozen=True)
class Limits:
    """Shared weight beyond chance, of the lighter piece's weight, from which two pieces join.

    :param same: of one known theme.
    :param other: of two known themes.
    :param new: where a piece is of none.
    :param resolution: what counts as chance, in shares of the random expectation; less gives fewer
        and larger pieces.
    :param same_resolution: that for pieces of one known theme.
    """

    same: float
    other: float
    new: float
    resolution: float = 1.0
    same_resolution: float = 1.0


def join_pieces(
    between: NDArray[np.float64],
    known: NDArray[np.integer],
    locked: Collection[int],
    limits: Limits,
) -> NDArray[np.intp]:
    """Join the pair that exceeds its limit most, while there is one.

    :param between: (k, k) symmetric weights between pieces, diagonal included; changed in place.
    :param known: (k,) known theme of each piece, -1 for none.
    :param locked: known themes that never join another known one.
    :returns: (k,) the piece that each piece is a part of now.
    """
    parents = np.arange(len(between))
    degrees = between.sum(axis=1)
    total = max(degrees.sum(), 1e-12)
    is_locked = np.isin(known, sorted(locked))

    def measure(rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """How far the pairs of some pieces with all others exceed their limits."""
        bounds, resolutions = _find_limits(rows, known, is_locked, limits)
        smaller = np.minimum(degrees[rows, None], degrees[None, :])
        chance = np.outer(degrees[rows], degrees) / total
        surplus = between[rows] - resolutions * chance
        share = np.divide(surplus, smaller, out=np.full_like(surplus, -1), where=smaller > 0)
        excess = share - bounds
        excess[np.arange(len(rows)), rows] = -np.inf
        return np.asarray(excess)

    excess = measure(parents)
    while len(between) > 1:
        first, second = divmod(int(excess.argmax()), len(between))
        if excess[first, second] <= 0:
            break
        kept, gone = _order_pair(first, second, degrees, known)
        join_themes(between, degrees, kept, gone)
        parents[parents == gone] = kept
        excess[gone] = excess[:, gone] = -np.inf
        excess[kept] = np.where(degrees > 0, measure(np.array([kept]))[0], -np.inf)
        excess[:, kept] = excess[kept]
    return parents


def _order_pair(
    first: int,
    second: int,
    degrees: NDArray[np.float64],
    known: NDArray[np.integer],
) -> tuple[int, int]:
    """The one that goes on is known, else the heavier."""
    ranks = [(known[at] >= 0, degrees[at], -at) for at in (first, second)]
    return (first, second) if ranks[0] > ranks[1] else (second, first)


def _find_limits(
    rows: NDArray[np.intp],
    known: NDArray[np.integer],
    is_locked: NDArray[np.bool_],
    limits: Limits,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Limit and resolution of the pairs of some pieces with all others."""
    both = (known[rows] >= 0)[:, None] & (known >= 0)[None, :]
    is_same = both & (known[rows][:, None] == known[None, :])
    bounds = np.where(both, limits.other, limits.new)
    bounds[is_same] = limits.same
    bounds[both & ~is_same & (is_locked[rows][:, None] | is_locked[None, :])] = np.inf
    return bounds, np.where(is_same, limits.same_resolution, limits.resolution)


def number_pieces(owners: NDArray[np.integer]) -> Ints:
    """Numbers 0..k-1 for pieces that were joined, in order of their owners."""
    _, numbers = np.unique(owners, return_inverse=True)
    return np.asarray(numbers, dtype=np.int32).reshape(-1)
