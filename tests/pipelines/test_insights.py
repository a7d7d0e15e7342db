"""What a customer's mentions say: pure functions."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.insights import (
    MAX_EVIDENCE,
    MAX_PRIOR,
    MIN_TREND_MENTIONS,
    PRIOR_MENTIONS,
    Insight,
    Spread,
    Sums,
    describe_customers,
    estimate_spread,
    shrink_mean,
)
from pipelines.moments import UNDATED, count_moment, tell_moment
from pipelines.spoken import SaidMention, arrange_mentions

FLAT = Spread(0.0)


def says(number: int, sentiment: str, theme: str | None = "t", **values: Any) -> SaidMention:
    score = {"negative": -0.8, "neutral": 0.0, "positive": 0.8}[sentiment]
    at = count_moment(datetime(2026, 1, 1 + number, tzinfo=UTC))
    said: dict[str, Any] = {"rating": None, "feedback_id": f"f{number}", **values}
    return SaidMention(
        "c", f"m{number}", at=at, theme_id=theme, sentiment=sentiment, score=score, **said
    )


def describe_customer(mentions: Sequence[SaidMention], spread: Spread) -> Insight:
    ((_, described),) = describe_customers(arrange_mentions(mentions), spread)
    return described


def test_a_complaint_is_open_until_something_better_is_said() -> None:
    complaint = says(1, "negative", "t1")
    assert describe_customer([complaint], FLAT).open_theme_id == "t1"
    assert describe_customer([complaint, says(2, "neutral")], FLAT).open_theme_id == "t1"
    assert describe_customer([complaint, says(2, "positive")], FLAT).open_theme_id is None
    described = describe_customer([says(0, "positive"), complaint], FLAT)
    assert (described.open_theme_id, described.open_since) == ("t1", tell_moment(complaint.at or 0))


def test_the_order_of_mentions_decides_nothing() -> None:
    mentions = [says(n, ("negative", "positive", "neutral")[n % 3], f"t{n % 4}") for n in range(12)]
    expected = describe_customer(mentions, Spread(0.1))
    for seed in range(10):
        random.Random(seed).shuffle(mentions)
        assert describe_customer(mentions, Spread(0.1)) == expected


def test_one_mention_says_little_and_many_say_much() -> None:
    assert shrink_mean(-1.0, 1, 0.0) == pytest.approx(-1 / (1 + PRIOR_MENTIONS))
    assert shrink_mean(-396.0, 396, 0.0) == pytest.approx(-0.99)


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


def test_of_who_is_unhappy_what_they_blame_comes_before_what_they_praise() -> None:
    feelings = ["negative", "negative", "neutral", "negative", "positive"]
    mentions = [says(day, feeling, None) for day, feeling in enumerate(feelings)]
    assert describe_customer(mentions, FLAT).evidence == ["m3", "m1", "m0", "m4", "m2"]


# Sums of these are exact, in whatever order.
FEELINGS = {"negative": -0.75, "neutral": 0.125, "positive": 0.5, None: 0.0}
SAID = st.builds(
    SaidMention,
    st.sampled_from("abc"),
    st.uuids().map(str),
    st.sampled_from(["f1", "f2", "f3"]),
    st.none() | st.integers(0, 5),
    st.none() | st.sampled_from(["t1", "t2"]),
    st.sampled_from([*FEELINGS]),
    st.sampled_from([*FEELINGS.values()]),
    st.none(),
).map(
    # With a feedback of its customer's own, which has one rating.
    lambda said: said._replace(
        feedback_id=f"{said.customer_id}{said.feedback_id}",
        rating=0.25 if said.feedback_id == "f1" else None,
    )
)


@given(st.lists(SAID, max_size=30))
def test_customers_are_described_in_columns_as_one_by_one(rows: list[SaidMention]) -> None:
    spread = Spread(0.125, 0.3, 5.0)
    found = dict(describe_customers(arrange_mentions(rows), spread))
    assert [*found] == sorted({each.customer_id for each in rows})
    for customer_id, described in found.items():
        expected = look_at([each for each in rows if each.customer_id == customer_id], spread)
        told = {name: getattr(described, name) for name in expected}
        assert told == expected


def look_at(rows: list[SaidMention], spread: Spread) -> dict[str, Any]:
    """The same by a look at each mention."""
    ordered = sorted(rows, key=lambda each: (UNDATED if each.at is None else each.at, each[1]))
    last, n = ordered[-1], len(ordered)
    latest = [each.score for each in ordered if each.feedback_id == last.feedback_id]
    rated = {each.feedback_id for each in rows if each.rating is not None}
    counts = Counter(each.theme_id for each in ordered if each.theme_id)
    place = {each.theme_id: at for at, each in enumerate(ordered)}
    complaint = None
    for each in ordered:
        if each.sentiment == "positive":
            complaint = None
        elif each.sentiment == "negative" and each.theme_id:
            complaint = each
    others = [each.mention_id for each in reversed(ordered) if each is not complaint]
    half, scores = n // 2, [each.score for each in ordered]
    sentiment = (sum(scores) + 5.0 * 0.125) / (n + 5.0)
    if sentiment < 0:
        blame = [each.mention_id for each in ordered if each.sentiment == "negative"]
        others.sort(key=lambda mention_id: mention_id not in blame)
    trend = sum(scores[n - half :]) / half - sum(scores[:half]) / half if n > 3 else None
    dated = [each.at for each in rows if each.at is not None]
    return {
        "n_feedback": len({each.feedback_id for each in rows}),
        "n_mentions": n,
        "last_feedback_at": tell_moment(max(dated)) if dated else None,
        "last_feedback_id": last.feedback_id,
        "last_sentiment": sum(latest) / len(latest),
        "last_rating": last.rating,
        "sentiment": sentiment,
        "sentiment_trend": trend,
        "rating_mean": 0.25 if rated else None,
        "top_theme_id": max(counts, key=lambda key: (counts[key], place[key]), default=None),
        "open_theme_id": complaint and complaint.theme_id,
        "open_since": tell_moment(complaint.at) if complaint and complaint.at is not None else None,
        "evidence": ([complaint.mention_id] if complaint else [])
        + others[: MAX_EVIDENCE - bool(complaint)],
    }


@given(st.lists(SAID, max_size=30), st.integers(0, 5))
def test_what_was_said_up_to_a_moment_is_what_is_left_of_it(
    rows: list[SaidMention], moment: int
) -> None:
    spoken = arrange_mentions(rows)
    past = [each for each in rows if each.at is not None and each.at <= moment]
    cut = spoken.take_until(np.full(len(spoken.customers), moment))
    assert dict(describe_customers(cut, Spread(0.0))) == dict(
        describe_customers(arrange_mentions(past), Spread(0.0))
    )
