"""What a customer's mentions say: pure functions."""

import random
from datetime import UTC, datetime

import pytest

from pipelines.insights import (
    MAX_PRIOR,
    MIN_TREND_MENTIONS,
    PRIOR_MENTIONS,
    CustomerMention,
    Spread,
    Sums,
    describe_customer,
    estimate_spread,
    shrink_mean,
)

FLAT = Spread(0.0)


def says(number: int, sentiment: str, theme: str | None = "t", **values: object) -> CustomerMention:
    score = {"negative": -0.8, "neutral": 0.0, "positive": 0.8}[sentiment]
    at = datetime(2026, 1, 1 + number, tzinfo=UTC)
    given = {"rating": None, "feedback_id": f"f{number}", **values}
    return CustomerMention(
        f"m{number}", at=at, theme_id=theme, sentiment=sentiment, score=score, **given
    )  # type: ignore[arg-type]


def test_a_complaint_is_open_until_something_better_is_said() -> None:
    complaint = says(1, "negative", "t1")
    assert describe_customer([complaint], FLAT).open_theme_id == "t1"
    assert describe_customer([complaint, says(2, "neutral")], FLAT).open_theme_id == "t1"
    assert describe_customer([complaint, says(2, "positive")], FLAT).open_theme_id is None
    described = describe_customer([says(0, "positive"), complaint], FLAT)
    assert (described.open_theme_id, described.open_since) == ("t1", complaint.at)


def test_the_order_of_mentions_decides_nothing() -> None:
    mentions = [says(n, ("negative", "positive", "neutral")[n % 3], f"t{n % 4}") for n in range(12)]
    expected = describe_customer(mentions, Spread(0.1))
    for seed in range(10):
        random.Random(seed).shuffle(mentions)
        assert describe_customer(mentions, Spread(0.1)) == expected


def test_one_mention_says_little_and_many_say_much() -> None:
    assert shrink_mean([-1.0], 0.0) == pytest.approx(-1 / (1 + PRIOR_MENTIONS))
    assert shrink_mean([-1.0] * 396, 0.0) == pytest.approx(-0.99)


def test_the_spread_of_customers_is_found_again() -> None:
    chance = random.Random(3)
    groups = []
    for _ in range(4_000):
        mean = chance.gauss(0.1, 0.2)
        groups.append([chance.gauss(mean, 0.4) for _ in range(chance.randint(1, 12))])
    spread = estimate_spread(add_up(groups))
    assert spread.mean == pytest.approx(0.1, abs=0.02)
    assert spread.variance == pytest.approx(0.16, rel=0.05)
    assert spread.weight == pytest.approx(0.16 / 0.04, rel=0.15)
    few = estimate_spread(add_up(groups[:5]))
    assert (few.variance, few.weight) == (FLAT.variance, FLAT.weight)
    # Customers who do not differ at all draw each other no further than 50 mentions would.
    assert estimate_spread(add_up([[0.5, -0.5]] * 30)).weight == MAX_PRIOR == 50
    one = describe_customer([says(0, "negative")], spread)
    assert one.sentiment_low < one.sentiment < one.sentiment_high


def add_up(groups: list[list[float]]) -> Sums:
    return Sums(
        len(groups),
        sum(map(len, groups)),
        sum(len(each) ** 2 for each in groups),
        sum(map(sum, groups)),
        sum(sum(each) ** 2 / len(each) for each in groups),
        sum(score * score for each in groups for score in each),
    )


def test_a_trend_needs_enough_mentions() -> None:
    few = [says(n, "negative") for n in range(MIN_TREND_MENTIONS - 1)]
    assert describe_customer(few, FLAT).sentiment_trend is None
    turning = [says(0, "negative"), says(1, "negative"), says(2, "positive"), says(3, "positive")]
    trend = describe_customer(turning, FLAT)
    assert trend.sentiment_trend == pytest.approx(1.6)
    assert trend.trend_low is not None
    assert trend.trend_high is not None
    assert (trend.trend_low + trend.trend_high) / 2 == pytest.approx(1.6)


def test_a_rating_counts_once_a_feedback() -> None:
    mentions = [
        says(0, "neutral", feedback_id="f", rating=1.0),
        says(1, "neutral", feedback_id="f", rating=1.0),
        says(2, "neutral", feedback_id="g", rating=0.2),
    ]
    described = describe_customer(mentions, FLAT)
    assert (described.n_feedback, described.rating_mean) == (2, pytest.approx(0.6))


def test_the_open_complaint_is_the_first_evidence() -> None:
    mentions = [says(0, "neutral"), says(1, "negative", "t9"), says(2, "neutral", None)]
    assert describe_customer(mentions, FLAT).evidence == ["m1", "m2", "m0"]
