"""How sure a text's theme is, where to abstain, and why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nlp.themes.content import is_short, is_without_content
from nlp.themes.corpus import UNKNOWN_LANGUAGE
from nlp.themes.vectors import Floats, Ints, mean_rows

# themes.md, steps 10 and section 3: on CLINC's out-of-scope rows precision .74, recall .61,
# 5 % of the in-scope rows lost.
_CUT_DEVIATIONS = 1.25
_MAD_TO_SIGMA = 1.4826
SHARE_WEIGHT = 0.5
_MIN_SCALE = 0.01
# At the cut a strength is one half.
ASSIGNED_STRENGTH = 0.5
_BETWEEN_SHARE = 0.5


def score_confidence(rows: Floats, labels: Ints, local: Floats, shares: Floats) -> Floats:
    """Add density around a row, closeness to its theme's centre, and agreement of its neighbours.

    :param rows: (n, d) centred unit rows of one language.
    :param local: (n,) mean cosine to the nearest rows.
    :param shares: (n,) share of each row's neighbours, by weight, that are in its theme.
    """
    centroids = mean_rows(rows, labels, int(labels.max(initial=-1)) + 1)
    return score_confidence_to(rows, centroids[labels], local, shares)


def score_confidence_to(rows: Floats, centres: Floats, local: Floats, shares: Floats) -> Floats:
    """Score each row against the centre of its theme; see :func:`score_confidence`."""
    closeness = np.einsum("ij,ij->i", rows, centres)
    return np.asarray(local + closeness + SHARE_WEIGHT * shares, dtype=np.float32)


def fit_cut(confidences: NDArray[np.floating]) -> tuple[float, float]:
    """Place the cut below the bulk of confidences.

    :returns: the cut, and the scale of the spread around the median, never 0.
    """
    median = float(np.median(confidences))
    spread = _MAD_TO_SIGMA * float(np.median(np.abs(confidences - median)))
    scale = max(spread, _MIN_SCALE)
    return median - _CUT_DEVIATIONS * scale, scale


def strengths_of(
    confidences: NDArray[np.floating], cut: float | Floats, scale: float | Floats
) -> Floats:
    """Map confidences to 0..1, one half at the cut.

    :param cut: of all, or (n,) of each.
    """
    distances = np.clip((confidences - cut) / scale, -30, 30).astype(np.float64)
    # Rounded, so that a last-bit difference in a sum never shows.
    return np.asarray(np.round(1 / (1 + np.exp(-distances)), 4), dtype=np.float32)


def explain(text: str, lang: str, strength: float, share: float) -> str | None:
    """Say why a text is left unassigned; None when it is assigned.

    :param share: share of its neighbours in its own theme.
    """
    if is_without_content(text):
        return "no_content"
    if strength >= ASSIGNED_STRENGTH:
        return None
    if lang == UNKNOWN_LANGUAGE:
        return "language_unknown"
    if is_short(text):
        return "too_short"
    return "between_themes" if share < _BETWEEN_SHARE else "far_from_all"


def explain_all(
    texts: Sequence[str], langs: Sequence[str], strengths: Floats, shares: Floats
) -> list[str | None]:
    """Explain each row; see :func:`explain`."""
    rows = zip(texts, langs, strengths.tolist(), shares.tolist(), strict=True)
    return [explain(*row) for row in rows]
