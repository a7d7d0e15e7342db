"""Theme of a row by the vote of its nearest rows among those whose theme is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlp.themes.confidence import fit_cut, score_confidence_to
from nlp.themes.corpus import MIN_LANGUAGE_ROWS
from nlp.themes.vectors import (
    BLOCK_ROWS,
    Floats,
    Ints,
    SearchedRows,
    map_in_threads,
    mean_rows,
    rows_by_language,
)

# A vote of 10 is level with or better than the nearest centroid, most for small themes (themes.md,
# section 4, "sample fit + assign").
N_VOTES = 10
# Themes of banking77 and arbanking77 (0, 100 and 1,500 Arabic rows) met by texts of languages that
# have none: of sib200's, which are about other things, .01 to .05 are assigned, of Arabic ones that
# pass for another language .41 to .88; at .35 .01 to .02 and .29 to .80.
_DROP_ACROSS = 0.45
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

    @classmethod
    def of_nobody(cls, n_rows: int) -> Nearest:
        """Room for so many rows."""
        zeros = np.zeros(n_rows, dtype=np.float32)
        return cls(np.zeros(n_rows, dtype=np.int32), zeros, zeros.copy())

    def put(self, rows: slice | NDArray[np.intp], found: Nearest) -> None:
        """Write what was found about some rows."""
        self.labels[rows], self.shares[rows] = found.labels, found.shares
        self.confidences[rows] = found.confidences


def nearest_themes(
    rows: Floats, known: Floats, known_labels: Ints, *, is_same: bool = False
) -> Nearest:
    """Let the ten nearest known rows vote, each with its similarity to the fourth power.

    :param known: (m, d) rows in the same space, at least one.
    :param known_labels: (m,) theme numbers, none -1.
    :param is_same: ``rows`` are the known rows; a row has no vote on itself.
    """
    voters = Voters(known, known_labels)
    found = Nearest.of_nobody(len(rows))

    def judge(start: int) -> None:
        block = slice(start, start + BLOCK_ROWS)
        found.put(block, voters.judge(rows[block], first=start if is_same else None))

    map_in_threads(judge, range(0, len(rows), BLOCK_ROWS))
    return found


class Voters:
    """Known rows, prepared once to judge any number of others.

    :param rows: (m, d) unit rows, at least one.
    :param labels: (m,) theme numbers, none -1.
    """

    def __init__(self, rows: Floats, labels: Ints) -> None:
        self._searched = SearchedRows(rows)
        self._labels = labels
        self._n_themes = int(labels.max(initial=-1)) + 1
        self._centroids = mean_rows(rows, labels, self._n_themes)

    def judge(self, rows: Floats, *, first: int | None = None) -> Nearest:
        """Judge a block of rows on this thread; each by itself, whatever its company.

        :param first: the place of the first row, where the known rows judge themselves.
        """
        indices, cosines = self._searched.find_best(rows, N_VOTES, first=first)
        width, n_themes = len(rows), self._n_themes
        cells = np.arange(width)[:, None] * n_themes + self._labels[indices]
        weights = weigh_votes(cosines).ravel()
        sums = np.bincount(cells.ravel(), weights=weights, minlength=width * n_themes)
        table = sums.reshape(width, n_themes)
        labels = table.argmax(axis=1).astype(np.int32)
        best = table[np.arange(width), labels]
        shares = (best / np.maximum(table.sum(axis=1), 1e-12)).astype(np.float32)
        local = cosines.mean(axis=1) if cosines.shape[1] else np.zeros(width, dtype=np.float32)
        confidences = score_confidence_to(rows, self._centroids[labels], local, shares)
        return Nearest(labels, shares, confidences)


def weigh_votes(cosines: Floats) -> NDArray[np.float64]:
    """Weigh each vote by its similarity to the fourth power."""
    return np.asarray(np.maximum(cosines, 1e-3).astype(np.float64) ** 4)


def cut_across(known: Floats, langs: Sequence[str], labels: Ints) -> tuple[float, float]:
    """Place the cut for rows whose own language has no themes.

    Measured on how sure the rows of each language are of each other, less what is lost between
    languages. How sure languages are of each other is no measure: where one of them has few texts,
    or themes of its own, any text at all passes.

    :param known: (m, d) rows in the space of ``align_languages``, themes ``labels``, in an order
        that says nothing about them.
    :returns: cut and scale, see ``fit_cut``.
    """
    groups = rows_by_language(langs).values()
    enough = [rows for rows in groups if len(rows) >= MIN_LANGUAGE_ROWS]
    sure = []
    for rows in enough or [np.arange(len(known))]:
        own, themes = known[rows], labels[rows]
        sure.append(nearest_themes(own[:_MAX_CUT_ROWS], own, themes, is_same=True).confidences)
    cut, scale = fit_cut(np.concatenate(sure))
    return cut - _DROP_ACROSS, scale
