"""What a customer's mentions say, and what a theme's weeks say: pure functions."""

import random
from datetime import UTC, datetime, timedelta

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
from pipelines.verdicts import MIN_VOICES, ThemeWeeks, correct_p_values, judge_themes

FLAT = Spread(0.0)
MONDAY = datetime(2026, 4, 27, tzinfo=UTC)
WEEKS = [MONDAY + timedelta(weeks=number) for number in range(27)]


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


def steady_themes(seed: int, n: int = 40) -> list[ThemeWeeks]:
    chance = random.Random(seed)
    return [ThemeWeeks(f"t{i}", {week: chance.randint(0, 4) for week in WEEKS}) for i in range(n)]


EXPOSURE = dict.fromkeys(WEEKS, 60)


def test_a_theme_that_appears_with_many_voices_is_emerging() -> None:
    late = ThemeWeeks("late", dict.fromkeys(WEEKS[-3:], 12))
    verdicts = judge_themes([*steady_themes(1), late], EXPOSURE)
    assert verdicts["late"].verdict == "emerging"
    assert {each.verdict for key, each in verdicts.items() if key != "late"} == {"steady"}


def test_a_few_voices_of_a_new_theme_are_a_one_off() -> None:
    late = ThemeWeeks("late", {WEEKS[-1]: MIN_VOICES - 1})
    assert judge_themes([*steady_themes(2), late], EXPOSURE)["late"].verdict == "one_off"


def test_a_rise_is_growing_and_a_fall_is_fading() -> None:
    rising = ThemeWeeks("rise", {**dict.fromkeys(WEEKS, 6), WEEKS[-1]: 40})
    falling = ThemeWeeks("fall", {**dict.fromkeys(WEEKS, 30), WEEKS[-1]: 0})
    verdicts = judge_themes([*steady_themes(3), rising, falling], EXPOSURE)
    assert (verdicts["rise"].verdict, verdicts["fall"].verdict) == ("growing", "fading")
    assert verdicts["rise"].ratio_low > 1 > verdicts["fall"].ratio_high


def test_a_busy_week_is_no_trend() -> None:
    themes = [ThemeWeeks(f"t{i}", {**dict.fromkeys(WEEKS, 5), WEEKS[-1]: 20}) for i in range(10)]
    exposure = {**dict.fromkeys(WEEKS, 60), WEEKS[-1]: 240}
    assert {each.verdict for each in judge_themes(themes, exposure).values()} == {"steady"}


def test_steady_over_dispersed_counts_raise_no_alarm() -> None:
    from numpy.random import default_rng

    chance, alarms = default_rng(7), 0
    for _ in range(20):
        # Gamma-Poisson counts: variance four times the mean.
        counts = chance.poisson(chance.gamma(2.0, 3.0, size=(60, len(WEEKS))))
        themes = [
            ThemeWeeks(f"t{i}", dict(zip(WEEKS, map(int, row), strict=True)))
            for i, row in enumerate(counts)
        ]
        exposure = dict(zip(WEEKS, map(int, counts.sum(axis=0)), strict=True))
        verdicts = judge_themes(themes, exposure).values()
        alarms += any(each.verdict != "steady" for each in verdicts)
    assert alarms <= 2


def test_nothing_is_said_without_a_past() -> None:
    assert judge_themes([ThemeWeeks("t", {MONDAY: 9})], {MONDAY: 30}) == {}
    assert judge_themes([], {}) == {}


def test_q_values_are_those_of_benjamini_and_yekutieli() -> None:
    # Worked by hand: m = 3, c(3) = 1 + 1/2 + 1/3.
    c = 1 + 1 / 2 + 1 / 3
    assert correct_p_values([0.01, 0.5, 0.02]) == pytest.approx(
        [0.01 * 3 * c, min(1, 0.5 * c), 0.02 * 3 / 2 * c]
    )
