"""Find themes anew without losing those that are known: change only what the texts ask for.

A fresh fit of a corpus that grew by a tenth keeps .75 to .88 of its themes (themes.md, section 4):
cuts between neighbours fall a little differently each time. So the pieces that the known and the
fresh themes cut each other into are put together again, with a bias for what is known.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nlp.themes.graph import Graph
from nlp.themes.joining import Limits, join_pieces
from nlp.themes.linking import Link
from nlp.themes.partition import MERGE_CONDUCTANCE, spread_labels, theme_weights
from nlp.themes.vectors import Floats, Ints

# Shared weight beyond chance that joins two pieces of one known theme, and of two.
STEADY_LIMITS = Limits(same=0.05, other=0.12, new=MERGE_CONDUCTANCE)
# Themes of two languages that were two need this much to become one (see ``linking``).
_NEW_LINK_STRENGTH = 0.45


@dataclass(frozen=True)
class KnownLabels:
    """The themes that rows had before.

    :param labels: (n,) number of the known theme of each row, -1 for none.
    :param locked: themes that are never joined with another known one, whatever is found.
    :param groups: number of the group of each theme that was in one.
    """

    labels: Ints
    locked: frozenset[int] = frozenset()
    groups: Mapping[int, int] = field(default_factory=dict)

    def take(self, rows: NDArray[np.intp]) -> "KnownLabels":
        """Only these rows."""
        return replace(self, labels=self.labels[rows])


def steady_labels(
    rows: Floats, graph: Graph, fresh: Ints, known: KnownLabels, limits: Limits = STEADY_LIMITS
) -> Ints:
    """Change a fresh partition where it differs from the known one without a reason.

    :param rows: (n, d) centred unit rows in canonical order.
    :param fresh: (n,) theme of each row, none -1.
    :param limits: those of the level that ``fresh`` was found at; see ``levels``.
    :returns: (n,) labels; which known theme each continues is for the members to say.
    """
    pairs = np.stack([known.labels, fresh], axis=1)
    cells, inverse = np.unique(pairs, axis=0, return_inverse=True)
    pieces: Ints = np.asarray(inverse, dtype=np.int32).reshape(-1)
    between = theme_weights(graph, pieces)
    owner = join_pieces(between, cells[:, 0], known.locked, limits)
    labels = owner[pieces].astype(np.int32)
    kept = _find_grounded(labels, known.labels, fresh)
    _, numbers = np.unique(labels[kept], return_inverse=True)
    firm = np.full(len(labels), -1, dtype=np.int32)
    firm[kept] = numbers
    return spread_labels(rows, graph, firm)


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
    owners = find_owners(labels, known)
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


def find_owners(labels: Ints, known: KnownLabels | None) -> dict[int, int]:
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
