"""What one customer's mentions say: a pure function from mentions to an insight."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

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
# Half of a 95 % interval, in standard deviations.
_Z = 1.96

_NEVER = datetime.min.replace(tzinfo=UTC)


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
class CustomerMention:
    """One mention of a customer.

    :param rating: 0..1, the feedback's rating over the highest possible; None without one.
    """

    mention_id: str
    feedback_id: str
    at: datetime | None
    theme_id: str | None
    sentiment: str | None
    score: float
    rating: float | None


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


def describe_customer(mentions: Sequence[CustomerMention], spread: Spread) -> Insight:
    """Describe a customer by their mentions.

    :param mentions: all mentions that count, at least one, in any order.
    :param spread: of the mentions of all customers.
    """
    ordered = sorted(mentions, key=lambda each: (each.at or _NEVER, each.mention_id))
    scores = [each.score for each in ordered]
    open_complaint = find_open_complaint(ordered)
    sentiment = shrink_mean(scores, spread.mean, spread.weight)
    margin = _Z * math.sqrt(spread.variance / (len(scores) + spread.weight))
    trend, trend_margin = _compare_halves(scores, spread.variance)
    last = [each for each in ordered if each.feedback_id == ordered[-1].feedback_id]
    return Insight(
        n_feedback=len({each.feedback_id for each in ordered}),
        n_mentions=len(ordered),
        last_feedback_at=max((each.at for each in ordered if each.at), default=None),
        last_feedback_id=ordered[-1].feedback_id,
        last_sentiment=sum(each.score for each in last) / len(last),
        last_rating=last[-1].rating,
        sentiment=sentiment,
        sentiment_low=max(sentiment - margin, -1.0),
        sentiment_high=min(sentiment + margin, 1.0),
        sentiment_trend=trend,
        trend_low=None if trend is None else trend - trend_margin,
        trend_high=None if trend is None else trend + trend_margin,
        rating_mean=_mean_rating(ordered),
        top_theme_id=_find_top_theme(ordered),
        open_theme_id=open_complaint.theme_id if open_complaint else None,
        open_since=open_complaint.at if open_complaint else None,
        evidence=_choose_evidence(ordered, open_complaint),
    )


def shrink_mean(scores: Sequence[float], prior: float, weight: float = PRIOR_MENTIONS) -> float:
    """Mean of the scores, drawn toward the prior the more, the fewer there are."""
    return (sum(scores) + weight * prior) / (len(scores) + weight)


def find_open_complaint(ordered: Sequence[CustomerMention]) -> CustomerMention | None:
    """The latest negative mention with a theme, unless something positive was said after it.

    :param ordered: by time, the latest last. Within one feedback its parts follow each other.
    """
    for each in reversed(ordered):
        if each.sentiment == "positive":
            return None
        if each.sentiment == "negative" and each.theme_id:
            return each
    return None


def _compare_halves(scores: Sequence[float], variance: float) -> tuple[float | None, float]:
    """The latest half less the earlier one, and half of its 95 % interval."""
    if len(scores) < MIN_TREND_MENTIONS:
        return None, 0.0
    half = len(scores) // 2
    trend = sum(scores[-half:]) / half - sum(scores[:half]) / half
    return trend, _Z * math.sqrt(2 * variance / half)


def _mean_rating(ordered: Sequence[CustomerMention]) -> float | None:
    ratings = {each.feedback_id: each.rating for each in ordered if each.rating is not None}
    return sum(ratings.values()) / len(ratings) if ratings else None


def _find_top_theme(ordered: Sequence[CustomerMention]) -> str | None:
    counts = Counter(each.theme_id for each in ordered if each.theme_id)
    latest = {each.theme_id: place for place, each in enumerate(ordered)}
    return max(counts, key=lambda theme: (counts[theme], latest[theme]), default=None)


def _choose_evidence(
    ordered: Sequence[CustomerMention], first: CustomerMention | None
) -> list[str]:
    latest = [each.mention_id for each in reversed(ordered) if each is not first]
    return ([first.mention_id] if first else []) + latest[: MAX_EVIDENCE - bool(first)]
