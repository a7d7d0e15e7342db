"""What one customer's mentions say: a pure function from mentions to an insight."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

# A customer's mean counts as if PRIOR_MENTIONS further mentions at the mean of all had been made:
# the empirical Bayes estimate for a within-customer variance of four times that between customers.
PRIOR_MENTIONS = 4
# Under four mentions each half has one, and a trend would be a difference of two sentences.
MIN_TREND_MENTIONS = 4
MAX_EVIDENCE = 10

_NEVER = datetime.min.replace(tzinfo=UTC)


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
    last_feedback_at: datetime | None
    sentiment: float
    sentiment_trend: float | None
    rating_mean: float | None
    top_theme_id: str | None
    open_theme_id: str | None
    next_action: str | None
    evidence: list[str]


def describe_customer(mentions: Sequence[CustomerMention], mean_sentiment: float) -> Insight:
    """Describe a customer by their mentions.

    :param mentions: all mentions that count, at least one, in any order.
    :param mean_sentiment: mean score over all customers' mentions, -1..1.
    """
    ordered = sorted(mentions, key=lambda each: (each.at or _NEVER, each.mention_id))
    scores = [each.score for each in ordered]
    open_complaint = find_open_complaint(ordered)
    open_theme = open_complaint.theme_id if open_complaint else None
    return Insight(
        n_feedback=len({each.feedback_id for each in ordered}),
        last_feedback_at=max((each.at for each in ordered if each.at), default=None),
        sentiment=shrink_mean(scores, mean_sentiment),
        sentiment_trend=_compare_halves(scores),
        rating_mean=_mean_rating(ordered),
        top_theme_id=_find_top_theme(ordered),
        open_theme_id=open_theme,
        next_action="answer the open complaint (rule: open_theme)" if open_theme else None,
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


def _compare_halves(scores: Sequence[float]) -> float | None:
    if len(scores) < MIN_TREND_MENTIONS:
        return None
    half = len(scores) // 2
    return sum(scores[-half:]) / half - sum(scores[:half]) / half


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
