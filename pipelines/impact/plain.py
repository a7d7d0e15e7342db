"""The plain difference: with a theme against without it, nothing held equal."""

from typing import Any

import numpy as np

from pipelines.impact.designs import Floats
from pipelines.impact.records import Codes


def compare_means(themes: Any, outcome: Floats, weights: Floats) -> Floats:
    """(themes,) mean with each theme less that without it; nan where all or none have it."""
    with_theme, total = themes.T @ weights, float(weights.sum())
    summed, all_summed = themes.T @ (weights * outcome), float(weights @ outcome)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = summed / with_theme - (all_summed - summed) / (total - with_theme)
    return np.where(np.isfinite(found), found, np.nan)


def compare_risks_over_time(themes: Any, days: Codes, is_event: Floats) -> Floats:
    """(themes,) share that left by the last day with each theme less that without it.

    :param days: for how many days each row is followed.
    """
    from scipy.sparse import csr_matrix

    shape = (int(days.max()) + 1, len(days))
    ended = csr_matrix((np.ones(len(days)), (days, np.arange(len(days)))), shape=shape)
    left = csr_matrix((is_event, (days, np.arange(len(days)))), shape=shape)
    at_risk = np.cumsum((ended @ themes).toarray()[::-1], axis=0)[::-1]
    events = (left @ themes).toarray()
    all_at_risk = np.cumsum(np.bincount(days)[::-1])[::-1, None]
    all_events = np.bincount(days, is_event)[:, None]
    found = _leave_by_end(events, at_risk) - _leave_by_end(
        all_events - events, all_at_risk - at_risk
    )
    return np.where(at_risk[0] > 0, found, np.nan)


def _leave_by_end(events: Floats, at_risk: Floats) -> Floats:
    """Share that left by the last day, of the daily shares (Kaplan and Meier, JASA 53, 1958)."""
    stay = 1 - np.divide(events, at_risk, out=np.zeros_like(events), where=at_risk > 0)
    found: Floats = 1 - stay.prod(axis=0)
    return found
