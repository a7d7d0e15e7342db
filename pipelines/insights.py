"""What customers' mentions say: a pure function from mentions to insights."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from pipelines.moments import tell_moment
from pipelines.spoken import Floats, Places, Spoken

# A customer's mean counts as if so many further mentions at the mean of all had been made, where
# the store holds too few customers to estimate it.
PRIOR_MENTIONS = 4
# Scores lie between -1 and 1, so that this is a wide guess, for stores that hold too few.
PRIOR_VARIANCE = 0.4
MIN_CUSTOMERS = 20
# Where customers hardly differ, or not more than chance would have it, the estimate has no end; of
# a customer with 50 mentions these still count half.
MAX_PRIOR = 50.0
# Under four mentions each half has one, and a trend would be a difference of two sentences.
MIN_TREND_MENTIONS = 4
MAX_EVIDENCE = 10
# Of so many of the latest mentions.
_LOOKED_AT = 30
# Half of a 95 % interval, in standard deviations.
_Z = 1.96


@dataclass(frozen=True)
class Spread:
    """How far customers are from each other, and the mentions of one from its mean.

    :param mean: of all mentions.
    :param variance: of one customer's mentions.
    :param weight: that variance over that between customers: what the mean of all weighs, in
        mentions, in the mean of a customer.
    """

    mean: float
    variance: float = PRIOR_VARIANCE
    weight: float = PRIOR_MENTIONS


@dataclass(frozen=True)
class Sums:
    """Sums over customers, each with n mentions whose scores add up to s.

    :param n_squares: of n * n.
    :param sum_squares: of s * s / n.
    :param squares: of the squares of all scores.
    """

    n_customers: int
    n: int
    n_squares: float
    total: float
    sum_squares: float
    squares: float


def estimate_spread(sums: Sums) -> Spread:
    """Estimate the prior from all customers: parametric empirical Bayes, method of moments.

    With customers of unequal n: the variance within from the mean squares within, the variance
    between from those between (Searle, Casella and McCulloch, Variance Components, 1992, chapter
    3), and the shrinkage as in Morris, Parametric Empirical Bayes Inference, JASA 78, 1983.

    :returns: with a weight from 1 to MAX_PRIOR; of PRIOR_MENTIONS for too few customers, or too
        few that spoke more than once.
    """
    mean = sums.total / sums.n if sums.n else 0.0
    free = sums.n - sums.n_customers
    if sums.n_customers < MIN_CUSTOMERS or free < MIN_CUSTOMERS:
        return Spread(mean)
    within = max((sums.squares - sums.sum_squares) / free, 1e-6)
    between = (sums.sum_squares - sums.total**2 / sums.n) / (sums.n_customers - 1)
    size = (sums.n - sums.n_squares / sums.n) / (sums.n_customers - 1)
    variance = (between - within) / size
    weight = MAX_PRIOR if variance <= within / MAX_PRIOR else max(within / variance, 1.0)
    return Spread(mean, within, weight)


@dataclass(frozen=True)
class Insight:
    """What is known about a customer from what they said; fields as in customer_insight."""

    n_feedback: int
    n_mentions: int
    last_feedback_at: datetime | None
    last_feedback_id: str
    last_sentiment: float
    last_rating: float | None
    sentiment: float
    sentiment_low: float
    sentiment_high: float
    sentiment_trend: float | None
    trend_low: float | None
    trend_high: float | None
    rating_mean: float | None
    top_theme_id: str | None
    open_theme_id: str | None
    open_since: datetime | None
    evidence: list[str]


def describe_customers(spoken: Spoken, spread: Spread) -> Iterator[tuple[str, Insight]]:
    """Describe each customer by their mentions, all that count.

    :param spread: of the mentions of all customers.
    """
    if not len(spoken.customers):
        return
    owner, starts = spoken.owner, spoken.starts
    last = starts[1:] - 1
    first_rows = _find_first_rows(spoken)
    opened = _find_open_complaints(spoken, owner)
    columns: dict[str, Any] = {
        "n_feedback": np.bincount(owner[first_rows]),
        "n_mentions": np.diff(starts),
        "last_feedback_at": map(tell_moment, spoken.at[last].tolist()),
        "last_feedback_id": _pick(spoken.feedback_ids, spoken.feedback[last]),
        "last_sentiment": _average(
            owner, spoken.score, spoken.feedback == spoken.feedback[last][owner]
        ),
        "last_rating": _list_known(spoken.rating[last]),
        **_estimate_sentiment(spoken, owner, spread),
        **_compare_halves(spoken, owner, spread.variance),
        "rating_mean": _list_known(_average_ratings(spoken, owner, first_rows)),
        "top_theme_id": _pick(spoken.theme_ids, _find_top_themes(spoken, owner)),
        "open_theme_id": _pick(spoken.theme_ids, np.where(opened < 0, -1, spoken.theme[opened])),
        "open_since": (
            tell_moment(at) if row >= 0 else None
            for row, at in zip(opened.tolist(), spoken.at[opened].tolist(), strict=True)
        ),
    }
    is_unhappy = np.less(columns["sentiment"], 0)
    columns["evidence"] = _choose_evidence(spoken, opened, is_unhappy)
    listed = [each.tolist() if isinstance(each, np.ndarray) else each for each in columns.values()]
    for customer_id, values in zip(spoken.customers, zip(*listed, strict=True), strict=True):
        yield customer_id, Insight(**dict(zip(columns, values, strict=True)))


def shrink_mean(total: Any, n: Any, prior: float, weight: float = PRIOR_MENTIONS) -> Any:
    """Mean of n scores with this sum, drawn toward the prior the more, the fewer there are."""
    return (total + weight * prior) / (n + weight)


def _find_first_rows(spoken: Spoken) -> Places:
    """The first mention of each feedback, in their order."""
    _, rows = np.unique(spoken.feedback, return_index=True)
    return np.sort(rows)


def _average(owner: Places, values: Floats, is_asked: Any) -> Floats:
    """Mean of each customer; NaN of those of whom nothing is asked."""
    n = int(owner[-1]) + 1
    rows = owner[is_asked]
    counts = np.bincount(rows, minlength=n)
    sums = np.bincount(rows, values[is_asked], minlength=n)
    return np.where(counts, sums / np.maximum(counts, 1), np.nan)


def _estimate_sentiment(spoken: Spoken, owner: Places, spread: Spread) -> dict[str, Floats]:
    n = np.diff(spoken.starts)
    mean = shrink_mean(np.bincount(owner, spoken.score), n, spread.mean, spread.weight)
    margin = _Z * np.sqrt(spread.variance / (n + spread.weight))
    return {
        "sentiment": mean,
        "sentiment_low": np.maximum(mean - margin, -1.0),
        "sentiment_high": np.minimum(mean + margin, 1.0),
    }


def _compare_halves(
    spoken: Spoken, owner: Places, variance: float
) -> dict[str, list[float | None]]:
    """The latest half less the earlier one, with its 95 % interval."""
    n = np.diff(spoken.starts)
    half = n // 2
    place = np.arange(len(owner)) - spoken.starts[owner]
    latest = _average(owner, spoken.score, place >= (n - half)[owner])
    earlier = _average(owner, spoken.score, place < half[owner])
    trend = np.where(n < MIN_TREND_MENTIONS, np.nan, latest - earlier)
    margin = _Z * np.sqrt(2 * variance / np.maximum(half, 1))
    columns = {
        "sentiment_trend": trend,
        "trend_low": trend - margin,
        "trend_high": trend + margin,
    }
    return {name: _list_known(values) for name, values in columns.items()}


def _average_ratings(spoken: Spoken, owner: Places, first_rows: Places) -> Floats:
    """Of each customer over the feedback that has a rating."""
    is_asked = np.zeros(len(owner), bool)
    is_asked[first_rows] = True
    return _average(owner, spoken.rating, is_asked & ~np.isnan(spoken.rating))


def _find_top_themes(spoken: Spoken, owner: Places) -> Places:
    """The theme most spoken of, of several the one spoken of last; -1 without any."""
    top = np.full(len(spoken.customers), -1)
    is_told = spoken.theme >= 0
    pairs = owner[is_told] * max(len(spoken.theme_ids), 1) + spoken.theme[is_told]
    # Backwards, the first of a pair is its latest.
    pairs, latest, counts = np.unique(pairs[::-1], return_index=True, return_counts=True)
    who, theme = np.divmod(pairs, max(len(spoken.theme_ids), 1))
    order = np.lexsort((-latest, counts, who))
    top[who[order]] = theme[order]  # of several the last
    return top


def _find_open_complaints(spoken: Spoken, owner: Places) -> Places:
    """The latest negative mention with a theme, unless something positive was said after it.

    :returns: its row; -1 where no complaint is open.
    """
    n = len(spoken.customers)
    complaint, praise = np.full(n, -1), np.full(n, -1)
    for rows, found in (
        (np.flatnonzero((spoken.feeling < 0) & (spoken.theme >= 0)), complaint),
        (np.flatnonzero(spoken.feeling > 0), praise),
    ):
        found[owner[rows]] = rows  # of several the last
    return np.where(complaint > praise, complaint, -1)


def _choose_evidence(spoken: Spoken, opened: Places, is_unhappy: Any) -> Iterator[list[str]]:
    """The open complaint, of who is unhappy what else they blame, and the latest mentions."""
    ids, starts, feeling = spoken.mention_ids, spoken.starts.tolist(), spoken.feeling.tolist()
    ends = zip(starts, starts[1:], opened.tolist(), is_unhappy.tolist(), strict=False)
    for start, end, first, blames in ends:
        rows: Sequence[int] = range(end - 1, max(start, end - _LOOKED_AT) - 1, -1)
        if blames:
            rows = sorted(rows, key=lambda row: feeling[row] >= 0)
        chosen = [first] * (first >= 0) + [row for row in rows if row != first]
        yield [ids[row] for row in chosen[:MAX_EVIDENCE]]


def _pick(names: Sequence[str], places: Places) -> list[str | None]:
    return [names[place] if place >= 0 else None for place in places.tolist()]


def _list_known(values: Floats) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]
