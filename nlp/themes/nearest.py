"""Theme of a row by the vote of its nearest rows among those whose theme is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlp.themes.confidence import fit_cut, score_confidence_to
from nlp.themes.vectors import Floats, Ints, best_similarities, mean_rows, rows_by_language

# A vote of 10 is level with or better than the nearest centroid, most for small themes (themes.md,
# section 4, "sample fit + assign").
N_VOTES = 10
# With one language there is nothing to measure the distance between languages on: English themes
# of banking77 met by Arabic rows lose this much confidence against English rows.
_DROP_ACROSS = 0.35
# A median and its spread need no more.
_MAX_CUT_ROWS = 4000


@dataclass(frozen=True)
class Nearest:
    """Best theme of each row.

    :param labels: (n,) theme numbers.
    :param shares: (n,) share of the votes, by weight, that the theme got.
    :param confidences: (n,) on the scale of ``score_confidence``.
    """

    labels: Ints
    shares: Floats
    confidences: Floats


def nearest_themes(
    rows: Floats, known: Floats, known_labels: Ints, *, is_same: bool = False
) -> Nearest:
    """Let the ten nearest known rows vote, each with its similarity to the fourth power.

    :param known: (m, d) rows in the same space, at least one.
    :param known_labels: (m,) theme numbers, none -1.
    :param is_same: ``rows`` are the known rows; a row has no vote on itself.
    """
    indices, cosines = best_similarities(rows, known, N_VOTES, is_same=is_same)
    n_themes = int(known_labels.max(initial=-1)) + 1
    votes = weigh_votes(cosines)
    labels = np.zeros(len(rows), dtype=np.int32)
    shares = np.zeros(len(rows), dtype=np.float32)
    voted = known_labels[indices]
    for row in range(0, len(rows), 4096):
        block = slice(row, row + 4096)
        width = len(voted[block])
        cells = np.arange(width)[:, None] * n_themes + voted[block]
        sums = np.bincount(cells.ravel(), weights=votes[block].ravel(), minlength=width * n_themes)
        table = sums.reshape(width, n_themes)
        labels[block] = table.argmax(axis=1)
        shares[block] = table.max(axis=1) / np.maximum(table.sum(axis=1), 1e-12)
    centroids = mean_rows(known, known_labels, n_themes)
    local = cosines.mean(axis=1) if cosines.shape[1] else np.zeros(len(rows), dtype=np.float32)
    return Nearest(labels, shares, score_confidence_to(rows, centroids[labels], local, shares))


def weigh_votes(cosines: Floats) -> NDArray[np.float64]:
    """Weigh each vote by its similarity to the fourth power."""
    return np.asarray(np.maximum(cosines, 1e-3).astype(np.float64) ** 4)


def cut_across(known: Floats, langs: Sequence[str], labels: Ints) -> tuple[float, float]:
    """Place the cut for rows whose own language has no themes.

    Measured on how sure the known languages are of each other.

    :param known: (m, d) rows in the space of ``align_languages``, themes ``labels``.
    :returns: cut and scale, see ``fit_cut``.
    """
    groups = rows_by_language(langs)
    if len(groups) == 1:
        cut, scale = fit_cut(nearest_themes(known, known, labels, is_same=True).confidences)
        return cut - _DROP_ACROSS, scale
    across = []
    step = -(-len(known) // _MAX_CUT_ROWS)
    for rows in groups.values():
        others = np.setdiff1d(np.arange(len(known)), rows)
        asked = known[rows[::step]]
        across.append(nearest_themes(asked, known[others], labels[others]).confidences)
    return fit_cut(np.concatenate(across))
