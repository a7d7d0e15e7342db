"""What comes first of what could be gained."""

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pipelines.attention.gains import KINDS, Gain, rank_gains

MONEY = Gain(
    theme_id="t1",
    segment="all",
    kind="money",
    outcome="churn_90",
    method="logistic",
    gain=500.0,
    gain_low=100.0,
    gain_high=900.0,
    unit="EUR",
    share=0.01,
    n_customers=40,
    reason="adjusted_effect",
)


def gain(theme_id: str, kind: str, value: float, low: float, segment: str = "all") -> Gain:
    told = {"theme_id": theme_id, "kind": kind, "segment": segment, "share": value / 1_000}
    return replace(MONEY, **told, gain=value, gain_low=low, gain_high=2 * value - low)


def order(*gains: Gain, limit: int = 10, segment: str = "all") -> list[str]:
    return [each.theme_id for each in rank_gains(gains, limit)[segment]]


def test_what_is_sure_comes_first_then_money_customers_ratings_and_feelings() -> None:
    found = order(
        gain("unsure", "money", 900, -1),
        gain("feeling", "feeling", 800, 1),
        gain("rating", "rating", 300, 1),
        gain("customers", "customers", 2, 1),
        gain("less", "money", 10, 1),
        gain("more", "money", 20, 1),
    )
    assert found == ["more", "less", "customers", "rating", "feeling", "unsure"]


def test_each_theme_is_there_once_with_its_most_telling_gain() -> None:
    (only,) = rank_gains([gain("t", "rating", 9, 1), gain("t", "money", 5, -2)], 10)["all"]
    assert only.kind == "rating"
    (only,) = rank_gains([gain("t", "rating", 9, 1), gain("t", "money", 5, 2)], 10)["all"]
    assert only.kind == "money"


def test_what_would_lose_is_no_priority_and_each_segment_has_its_own_list() -> None:
    assert rank_gains([gain("praise", "feeling", -3, -5)], 10) == {}
    gains = [gain(f"t{n}", "money", n + 1, 0.5, segment) for n in range(9) for segment in "ab"]
    assert order(*gains, limit=3, segment="b") == ["t8", "t7", "t6"]


values = st.tuples(
    st.sampled_from("abcdef"),
    st.sampled_from(KINDS),
    st.integers(-50, 500).map(lambda tenths: tenths / 10),
    st.integers(-50, 50).map(lambda tenths: tenths / 10),
)


@given(st.lists(values, max_size=20), st.randoms())
def test_nothing_that_may_gain_nothing_is_before_what_surely_gains(
    given: list[tuple[str, str, float, float]], chance: random.Random
) -> None:
    gains = [gain(theme, kind, value, min(low, value)) for theme, kind, value, low in given]
    ranked = rank_gains(gains, 100)
    sure = [each.is_sure for each in ranked.get("all", [])]
    assert sure == sorted(sure, reverse=True)
    chance.shuffle(gains)
    assert rank_gains(gains, 100) == ranked
