"""Recognise the same theme in several languages by the votes of its texts' nearest rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nlp.themes.vectors import Floats, Ints, best_similarities, rows_by_language

# CSLS (Conneau et al. 2018) with 10 neighbours; votes and strength: themes.md, step 9.
_N_LOCAL = 10
_N_CANDIDATES = 64
_MAX_VOTES = 10
_MIN_VOTES = 3
# Ten votes go astray among the few texts of a small corpus; 200 texts a side vote 3 each, 2,500
# vote 10 (banking77 + arbanking77 subsamples: links found .77 to .84 at the same precision).
_VOTES_PER_ROOT = 0.2


@dataclass(frozen=True)
class Link:
    """Two themes of different languages that vote for each other.

    :param left: number of a theme.
    :param right: number of a theme of another language.
    :param strength: geometric mean of the two vote shares beyond chance, 0..1.
    """

    left: int
    right: int
    strength: float


def link_themes(aligned: Floats, langs: Sequence[str], labels: Ints) -> list[Link]:
    """Find, for each pair of languages, the themes that choose each other.

    :param aligned: (n, d) unit rows in the space of ``align_languages``.
    :param labels: (n,) theme numbers; -1 rows take no part.
    :returns: mutual best pairs of any strength above 0, strongest first.
    """
    found = []
    kept = np.flatnonzero(labels >= 0)
    groups = rows_by_language([langs[row] for row in kept.tolist()])
    for first, second in combinations(groups, 2):
        rows_a, rows_b = kept[groups[first]], kept[groups[second]]
        found += _link_pair(aligned[rows_a], aligned[rows_b], labels[rows_a], labels[rows_b])
    found = [link for link in found if link.left != link.right]
    return sorted(found, key=lambda link: (-link.strength, link.left, link.right))


def _link_pair(rows_a: Floats, rows_b: Floats, labels_a: Ints, labels_b: Ints) -> list[Link]:
    themes_a, codes_a = np.unique(labels_a, return_inverse=True)
    themes_b, codes_b = np.unique(labels_b, return_inverse=True)
    indices_ab, cosines_ab = best_similarities(rows_a, rows_b, _N_CANDIDATES)
    indices_ba, cosines_ba = best_similarities(rows_b, rows_a, _N_CANDIDATES)
    local_a = cosines_ab[:, :_N_LOCAL].mean(axis=1)
    local_b = cosines_ba[:, :_N_LOCAL].mean(axis=1)
    shape = (len(themes_a), len(themes_b))
    forth = _vote_shares(indices_ab, cosines_ab, local_b, codes_a, codes_b, shape)
    back = _vote_shares(indices_ba, cosines_ba, local_a, codes_b, codes_a, shape[::-1]).T
    strengths = np.sqrt(forth * back)
    is_best = (strengths == strengths.max(axis=1, keepdims=True)) & (
        strengths == strengths.max(axis=0, keepdims=True)
    )
    pairs = np.argwhere(is_best & (strengths > 0))
    return [Link(int(themes_a[a]), int(themes_b[b]), float(strengths[a, b])) for a, b in pairs]


def _vote_shares(
    indices: Ints,
    cosines: Floats,
    local: Floats,
    codes: NDArray[np.intp],
    other_codes: NDArray[np.intp],
    shape: tuple[int, int],
) -> NDArray[np.float64]:
    scaled = cosines - local[indices] / 2
    wanted = round(_VOTES_PER_ROOT * len(other_codes) ** 0.5)
    n_votes = min(max(wanted, _MIN_VOTES), _MAX_VOTES, indices.shape[1])
    order = np.argsort(-scaled, axis=1, kind="stable")[:, :n_votes]
    chosen = other_codes[np.take_along_axis(indices, order, axis=1)]
    cells = codes[:, None] * shape[1] + chosen
    votes = np.bincount(cells.ravel(), minlength=shape[0] * shape[1]).reshape(shape)
    shares = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    # A theme that holds a third of the other language gets a third of the votes by chance.
    chance = np.bincount(other_codes, minlength=shape[1]) / max(len(other_codes), 1)
    return np.asarray(np.maximum(shares - chance, 0) / np.maximum(1 - chance, 1e-9))


def join_linked(theme_langs: Sequence[set[str]], links: Sequence[Link]) -> Ints:
    """Give linked themes one number; no number ever joins two themes that share a language.

    :param theme_langs: the languages of each theme.
    :param links: strongest first, already cut at the strength that is wanted.
    :returns: (n_themes,) new numbers 0..k-1.
    """
    langs = [set(codes) for codes in theme_langs]
    owner = np.arange(len(langs), dtype=np.int32)
    for link in links:
        kept, gone = sorted((int(owner[link.left]), int(owner[link.right])))
        if kept == gone or langs[kept] & langs[gone]:
            continue
        langs[kept] |= langs[gone]
        owner[owner == gone] = kept
    _, numbers = np.unique(owner, return_inverse=True)
    return numbers.astype(np.int32)
