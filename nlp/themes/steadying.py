"""Find themes anew without losing those that are known: change only what the texts ask for.

A fresh fit of a corpus that grew by a tenth keeps .75 to .88 of its themes (themes.md, section 4):
cuts between neighbours fall a little differently each time. So the pieces that the known and the
fresh themes cut each other into are put together again, with a bias for what is known.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nlp.themes.graph import Graph
from nlp.themes.linking import Link
from nlp.themes.partition import (
    MERGE_CONDUCTANCE,
    join_themes,
    spread_labels,
    theme_weights,
)
from nlp.themes.vectors import Floats, Ints

# Shared weight beyond chance that joins two pieces: of one known theme, and of two.
_SAME_LIMIT = 0.05
_OTHER_LIMIT = 0.12
# Themes of two languages that were two need this much to become one (see ``linking``).
_NEW_LINK_STRENGTH = 0.45


@dataclass(frozen=True)
class KnownLabels:
    """The themes that rows had before.

    :param labels: (n,) number of the known theme of each row, -1 for none.
    :param locked: themes that are never joined with another known one, whatever is found.
    """

    labels: Ints
    locked: frozenset[int] = frozenset()

    def take(self, rows: NDArray[np.intp]) -> "KnownLabels":
        """Only these rows."""
        return KnownLabels(self.labels[rows], self.locked)


def steady_labels(rows: Floats, graph: Graph, fresh: Ints, known: KnownLabels) -> Ints:
    """Change a fresh partition where it differs from the known one without a reason.

    :param rows: (n, d) centred unit rows in canonical order.
    :param fresh: (n,) theme of each row, none -1.
    :returns: (n,) labels; which known theme each continues is for the members to say.
    """
    pairs = np.stack([known.labels, fresh], axis=1)
    cells, inverse = np.unique(pairs, axis=0, return_inverse=True)
    pieces: Ints = np.asarray(inverse, dtype=np.int32).reshape(-1)
    between = theme_weights(graph, pieces)
    owner = _join_pieces(between, cells[:, 0].copy(), known.locked)
    labels = owner[pieces].astype(np.int32)
    kept = _find_grounded(labels, known.labels, fresh)
    _, numbers = np.unique(labels[kept], return_inverse=True)
    firm = np.full(len(labels), -1, dtype=np.int32)
    firm[kept] = numbers
    return spread_labels(rows, graph, firm)


def _join_pieces(
    between: NDArray[np.float64], known: NDArray[np.integer], locked: Collection[int]
) -> NDArray[np.intp]:
    """Join the pair that exceeds its limit most, while there is one.

    :param known: (k,) known theme of each piece, -1 for none; changed in place.
    :returns: (k,) the piece that each piece is a part of now.
    """
    parents = np.arange(len(between))
    degrees = between.sum(axis=1)
    total = max(degrees.sum(), 1e-12)
    is_locked = np.isin(known, sorted(locked))

    def measure(rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """How far the pairs of some pieces with all others exceed their limits."""
        smaller = np.minimum(degrees[rows, None], degrees[None, :])
        surplus = between[rows] - np.outer(degrees[rows], degrees) / total
        share = np.divide(surplus, smaller, out=np.full_like(surplus, -1), where=smaller > 0)
        excess = share - _limits(rows, known, is_locked)
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


def _limits(
    rows: NDArray[np.intp], known: NDArray[np.integer], is_locked: NDArray[np.bool_]
) -> NDArray[np.float64]:
    both = (known[rows] >= 0)[:, None] & (known >= 0)[None, :]
    is_same = both & (known[rows][:, None] == known[None, :])
    limits = np.where(both, _OTHER_LIMIT, MERGE_CONDUCTANCE)
    limits[is_same] = _SAME_LIMIT
    limits[both & ~is_same & (is_locked[rows][:, None] | is_locked[None, :])] = np.inf
    return limits


def _find_grounded(labels: Ints, known: Ints, fresh: Ints) -> NDArray[np.bool_]:
    """Rows of themes that go on with most of a known one, or are most of a fresh one.

    What is left are slivers between two cuts: a theme to nobody.
    """
    grounded = set()
    for others in (known, fresh):
        table = np.zeros((int(others.max(initial=-1)) + 1, int(labels.max(initial=-1)) + 1))
        np.add.at(table, (others[others >= 0], labels[others >= 0]), 1)
        grounded |= set(table.argmax(axis=1)[table.any(axis=1)].tolist())
    return np.isin(labels, sorted(grounded))


def steady_links(
    links: Collection[Link], labels: Ints, known: KnownLabels | None, link_strength: float
) -> Iterator[Link]:
    """Choose the links that join themes, with a bias for what was joined before.

    :param links: strongest first.
    :param labels: (n,) theme of each row.
    :param known: themes that the n rows had before; None for a first fit.
    """
    owners = _find_owners(labels, known)
    for link in links:
        left, right = owners.get(link.left), owners.get(link.right)
        is_new = left is not None and right is not None and left != right
        if is_new and known and {left, right} & known.locked:
            continue
        if link.strength >= (max(link_strength, _NEW_LINK_STRENGTH) if is_new else link_strength):
            yield link
    for left, right in combinations(sorted(owners), 2):
        if owners[left] == owners[right]:
            yield Link(left, right, link_strength)


def _find_owners(labels: Ints, known: KnownLabels | None) -> dict[int, int]:
    """The known theme that most rows of each theme had, where they had one."""
    votes: dict[int, Counter[int]] = defaultdict(Counter)
    if known:
        for label, theme in zip(labels.tolist(), known.labels.tolist(), strict=True):
            if label >= 0 and theme >= 0:
                votes[label][theme] += 1
    return {
        label: min(counted, key=lambda theme: (-counted[theme], theme))
        for label, counted in votes.items()
    }
