"""How well found themes fit true ones: AMI, ARI, B-cubed, coverage, and noise left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class BCubed:
    """Precision and recall of themes, item by item.

    :param precision: mean share of an item's theme that has its label, itself included.
    :param recall: mean share of an item's label that is in its theme.
    :param f1: their harmonic mean.
    """

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Noise:
    """How well texts without a theme are left unassigned.

    :param n: texts that have none in truth.
    :param n_unassigned: texts that were left unassigned.
    :param precision: share of these that have none in truth; None when there are none.
    :param recall: share of the texts without a theme that were left unassigned.
    """

    n: int
    n_unassigned: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class ThemeScores:
    """Scores of themes; ``ami`` and the like over every text that has a theme in truth.

    :param n: texts that have a theme in truth.
    :param n_true: themes in truth.
    :param n_found: themes that these texts were found to be nearest to.
    :param coverage: share of them that was assigned.
    :param bcubed: also over every text, by its nearest theme.
    :param ami_assigned: over the assigned ones alone; None when there are none.
    :param noise: None where no text is without a theme in truth.
    """

    n: int
    n_true: int
    n_found: int
    ami: float
    ari: float
    bcubed: BCubed
    coverage: float
    ami_assigned: float | None
    ari_assigned: float | None
    bcubed_assigned: BCubed | None
    noise: Noise | None


def score_themes(
    truth: Sequence[str | None], found: NDArray[np.integer], is_assigned: NDArray[np.bool_]
) -> ThemeScores:
    """Score found themes against true ones.

    :param truth: n true themes, None for a text that has none.
    :param found: (n,) number of the nearest theme; -1 where there is no theme at all, which is
        taken for one more theme.
    :param is_assigned: (n,) whether the text was assigned to it.
    :raises ValueError: when no text has a theme in truth.
    """
    has_theme = np.array([label is not None for label in truth], dtype=bool)
    if not has_theme.any():
        raise ValueError("nothing to score: no text has a true theme")
    labels = np.array([label or "" for label in truth])
    everything = _compare(labels[has_theme], found[has_theme])
    kept = has_theme & is_assigned
    assigned = _compare(labels[kept], found[kept]) if kept.any() else (None, None, None)
    return ThemeScores(
        n=int(has_theme.sum()),
        n_true=len(set(labels[has_theme].tolist())),
        n_found=len(set(found[has_theme & (found >= 0)].tolist())),
        ami=everything[0],
        ari=everything[1],
        bcubed=everything[2],
        coverage=float(is_assigned[has_theme].mean()),
        ami_assigned=assigned[0],
        ari_assigned=assigned[1],
        bcubed_assigned=assigned[2],
        noise=None if has_theme.all() else _score_noise(~has_theme, ~is_assigned),
    )


def score_bcubed(truth: Sequence[Hashable], found: Sequence[Hashable]) -> BCubed:
    """Bagga and Baldwin, Entity-based cross-document coreferencing, COLING-ACL 1998.

    The mean over items is a mean over the cells of the table of labels and themes.

    :raises ValueError: when there are no items, or not as many labels as themes.
    """
    cells = Counter(zip(truth, found, strict=True))
    if not cells:
        raise ValueError("nothing to score: there are no items")
    in_label, in_theme = Counter(truth), Counter(found)
    n = cells.total()
    precision = sum(n_both**2 / in_theme[theme] for (_, theme), n_both in cells.items()) / n
    recall = sum(n_both**2 / in_label[label] for (label, _), n_both in cells.items()) / n
    return BCubed(precision, recall, 2 * precision * recall / (precision + recall))


def _compare(truth: NDArray[np.str_], found: NDArray[np.integer]) -> tuple[float, float, BCubed]:
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    return (
        float(adjusted_mutual_info_score(truth, found)),
        float(adjusted_rand_score(truth, found)),
        score_bcubed(truth.tolist(), found.tolist()),
    )


def _score_noise(is_noise: NDArray[np.bool_], is_left: NDArray[np.bool_]) -> Noise:
    n_both, n_left = int((is_noise & is_left).sum()), int(is_left.sum())
    n = int(is_noise.sum())
    return Noise(n, n_left, n_both / n_left if n_left else None, n_both / n)
