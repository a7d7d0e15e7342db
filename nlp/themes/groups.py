"""The level above themes: those that share many neighbours form a group, or one coarse theme."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nlp.themes.joining import Limits, join_pieces, number_pieces
from nlp.themes.linking import Link
from nlp.themes.partition import theme_weights
from nlp.themes.parts import Parts
from nlp.themes.steadying import KnownLabels, find_owners
from nlp.themes.vectors import Ints


def weigh_between(parts: Parts, owners: Ints) -> NDArray[np.float64]:
    """Sum the weights between themes over all graphs: (k, k), symmetric.

    :param owners: of each part of a graph the theme 0..k-1 that it is a part of.
    """
    n_themes = int(owners.max()) + 1
    between = np.zeros((n_themes, n_themes))
    for places, graph in parts.graphs:
        own = parts.labels[places]
        first = int(own.min())
        weights = theme_weights(graph, own - first)
        numbers = owners[first : first + len(weights)]
        # Every language counts by its rows, however dense its graph is.
        shares = weights * len(places) / max(weights.sum(), 1e-12)
        np.add.at(between, np.ix_(numbers, numbers), shares)
    return between


def group_themes(parts: Parts, owners: Ints, known: KnownLabels | None, limits: Limits) -> Ints:
    """Put themes together that share more than chance gives.

    Shares of the smaller one, so that large themes do not swallow small ones.

    :param owners: of each part of a graph the theme 0..k-1 that it is a part of.
    :param known: themes that the fitted rows had before, and their groups.
    :returns: (k,) the theme that leads each theme's group: itself where it is alone.
    """
    groups = _find_groups(_label_rows(parts, owners), known, int(owners.max()) + 1)
    return join_pieces(weigh_between(parts, owners), groups, (), limits).astype(np.int32)


def _label_rows(parts: Parts, owners: Ints) -> Ints:
    return np.where(parts.labels >= 0, owners[parts.labels], -1).astype(np.int32)


def _find_groups(labels: Ints, known: KnownLabels | None, n_themes: int) -> Ints:
    """The group that most rows of each theme were in: a known theme alone is one, -1 for new."""
    groups = np.full(n_themes, -1, dtype=np.int32)
    if known:
        n_groups = max(known.groups.values(), default=-1) + 1
        for theme, owner in find_owners(labels, known).items():
            groups[theme] = known.groups.get(owner, n_groups + owner)
    return groups


def number_groups(leaders: Ints) -> Ints:
    """Group numbers 0..k-1 in order of the groups' first themes; -1 for a theme alone."""
    sizes = np.bincount(leaders, minlength=len(leaders))
    _, firsts = np.unique(leaders, return_index=True)
    numbers = np.full(len(leaders), -1, dtype=np.int32)
    together = [leaders[first] for first in sorted(firsts) if sizes[leaders[first]] > 1]
    numbers[together] = np.arange(len(together))
    return numbers[leaders]


def coarsen_themes(
    parts: Parts, owners: Ints, links: Sequence[Link], known: KnownLabels | None, limits: Limits
) -> tuple[Parts, Ints, tuple[Link, ...]]:
    """Make one theme of those that would be a group.

    :param known: coarse themes that the fitted rows had before.
    :returns: parts, their owners, and the links between parts, as they are then.
    """
    before = _find_themes(_label_rows(parts, owners), known, int(owners.max()) + 1)
    locked = known.locked if known else ()
    joined = join_pieces(weigh_between(parts, owners), before, locked, limits)
    coarse = number_pieces(joined)[owners]
    numbers: dict[tuple[int, int], int] = {}
    labels = np.full_like(parts.labels, -1)
    of_part = np.zeros(parts.n_themes, dtype=np.int32)
    for at, (places, _) in enumerate(parts.graphs):
        for part in np.unique(parts.labels[places]).tolist():
            of_part[part] = numbers.setdefault((at, int(coarse[part])), len(numbers))
        labels[places] = of_part[parts.labels[places]]
    moved = (
        replace(link, left=int(of_part[link.left]), right=int(of_part[link.right]))
        for link in links
    )
    theirs = np.array([theme for _, theme in numbers], dtype=np.int32)
    return Parts(labels, len(numbers), parts.graphs), theirs, tuple(moved)


def _find_themes(labels: Ints, known: KnownLabels | None, n_themes: int) -> Ints:
    themes = np.full(n_themes, -1, dtype=np.int32)
    owners: Mapping[int, int] = find_owners(labels, known)
    for theme, owner in owners.items():
        themes[theme] = owner
    return themes
