"""Which known theme each found one is: by the members they share, else by what they were like."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlp.themes.vectors import Ints

# A theme of which less than this is left, as seen from both sides, is not the same theme.
_MIN_SHARE = 0.25
# A part of a theme that is told of: this share of its members went another way.
_PART_SHARE = 0.2
# Closeness of two centres from which a theme without members is known again: themes found in two
# halves of stackoverflow, airline and banking77 that are each other's nearest have the same label
# in 1.0, .9 and .8 of the cases at .85.
_SAME_CENTRE = 0.85
# Members say more than any likeness.
_LIKENESS_WEIGHT = 1e-3


@dataclass(frozen=True)
class Share:
    """How much of a known theme went into a found one.

    :param n_shared: members in both; 0 where the theme was known by its centre.
    :param of_known: share of the known theme's members.
    :param of_found: share of the found theme's rows that were members of any theme before.
    """

    known: int
    found: int
    n_shared: int
    of_known: float
    of_found: float

    @property
    def overlap(self) -> float:
        """Shared members of all members of either (Jaccard), 0..1."""
        union = 1 / max(self.of_known, 1e-9) + 1 / max(self.of_found, 1e-9) - 1
        return 1 / union if self.n_shared else 0.0


@dataclass(frozen=True)
class Matching:
    """What became of the known themes, and where the found ones come from.

    :param matched: one found theme each, none twice: the theme goes on.
    :param split: further found themes that hold a fair part of a known one.
    :param merged: known themes that went, for the most part, into the found theme of another.
    :param faded: known themes of which nothing is left that could be named.
    :param born: found themes that go on with no known one, those of ``split`` included.
    """

    matched: tuple[Share, ...]
    split: tuple[Share, ...]
    merged: tuple[Share, ...]
    faded: tuple[int, ...]
    born: tuple[int, ...]


def match_themes(
    known: Ints,
    found: Ints,
    n_known: int,
    n_found: int,
    *,
    locked: Collection[int] = (),
    likeness: NDArray[np.floating] | None = None,
) -> Matching:
    """Match found themes to known ones, so that as much as possible goes on (Kuhn-Munkres).

    :param known: (n,) known theme of each row, -1 for none.
    :param found: (n,) found theme of each row, -1 for none.
    :param locked: known themes that come first wherever they have a fair part.
    :param likeness: (n_known, n_found) cosines of centres, for known themes without members.
    """
    from scipy.optimize import linear_sum_assignment

    both = (known >= 0) & (found >= 0)
    shared = np.zeros((n_known, n_found), dtype=np.int64)
    np.add.at(shared, (known[both], found[both]), 1)
    sizes = np.bincount(known[known >= 0], minlength=n_known)
    weights = _weigh_pairs(shared, sizes, locked)
    if likeness is not None:
        weights += _weigh_likeness(likeness, sizes)
    rows, columns = linear_sum_assignment(weights, maximize=True)
    chosen = [
        (int(row), int(column))
        for row, column in zip(rows, columns, strict=True)
        if weights[row, column] > 0
    ]
    matched = [_share_of(shared, sizes, *pair) for pair in chosen]
    return _tell(shared, sizes, matched)


def _weigh_pairs(
    shared: NDArray[np.int64], sizes: NDArray[np.integer], locked: Collection[int]
) -> NDArray[np.float64]:
    """Overlap of each pair that is enough to be the same theme, else 0."""
    of_known = shared / np.maximum(sizes, 1)[:, None]
    n_before = shared.sum(axis=0)
    of_found = shared / np.maximum(n_before, 1)[None, :]
    union = sizes[:, None] + n_before[None, :] - shared
    weights = np.where(
        np.maximum(of_known, of_found) >= _MIN_SHARE, shared / np.maximum(union, 1), 0.0
    )
    first = sorted(locked)
    # More than all other overlaps together could bring.
    weights[first] += np.where(of_found[first] >= _MIN_SHARE, float(len(weights)) + 1, 0.0)
    return weights


def _weigh_likeness(
    likeness: NDArray[np.floating], sizes: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Mutually nearest centres, for themes that have no members to be known by."""
    if not likeness.size:
        return np.zeros(likeness.shape)
    rounded = np.round(likeness.astype(np.float64), 4)
    rounded[sizes > 0] = -1
    is_best = (rounded == rounded.max(axis=1, keepdims=True)) & (
        rounded == rounded.max(axis=0, keepdims=True)
    )
    return np.where(is_best & (rounded >= _SAME_CENTRE), _LIKENESS_WEIGHT * rounded, 0.0)


def _share_of(
    shared: NDArray[np.int64], sizes: NDArray[np.integer], known: int, found: int
) -> Share:
    n_shared = int(shared[known, found])
    return Share(
        known,
        found,
        n_shared,
        round(n_shared / max(int(sizes[known]), 1), 4),
        round(n_shared / max(int(shared[:, found].sum()), 1), 4),
    )


def _tell(
    shared: NDArray[np.int64], sizes: NDArray[np.integer], matched: Sequence[Share]
) -> Matching:
    going_on = {share.known: share.found for share in matched}
    taken = set(going_on.values())
    split, merged, faded = [], [], []
    for known in range(len(shared)):
        parts = [
            _share_of(shared, sizes, known, found)
            for found in np.flatnonzero(shared[known]).tolist()
            if found != going_on.get(known)
        ]
        if known in going_on:
            split += [each for each in parts if each.found not in taken and _is_part(each)]
            continue
        into = max(parts, key=lambda each: (each.n_shared, -each.found), default=None)
        if into and into.found in taken and into.of_known >= 0.5:
            merged.append(into)
        else:
            faded.append(known)
    born = sorted(set(range(shared.shape[1])) - taken)
    return Matching(tuple(matched), tuple(split), tuple(merged), tuple(faded), tuple(born))


def _is_part(share: Share) -> bool:
    return share.of_known >= _PART_SHARE or share.of_found >= 0.5
