"""The signal score as a formula: each part, what is not known, and few voices."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.attention.defaults import DEFAULT_WEIGHTS
from pipelines.attention.estimates import Sample
from pipelines.attention.signal_parts import (
    HALF_REACH,
    HALF_VALUE,
    Measures,
    Part,
    measure_likeness,
    score_theme,
    sum_points,
)


def feel(n: int, mean: float) -> Sample:
    return Sample(n, n * mean, n * (mean * mean + 0.1))


KNOWN = Measures(
    n=40,
    n_all=1_000,
    sample=feel(40, -0.5),
    strength=32.0,
    ratio_low=2.0,
    stake_low=HALF_VALUE,
    spread=0.6,
)


def parts(measures: Measures) -> dict[str, Part]:
    return {each.part: each for each in score_theme(measures, DEFAULT_WEIGHTS)}


def test_the_score_is_the_sum_of_its_parts_and_each_follows_from_what_was_measured() -> None:
    found = parts(KNOWN)
    assert list(found) == list(DEFAULT_WEIGHTS)
    assert found["growth"].score == pytest.approx(0.5)
    assert found["value"].score == pytest.approx(0.5)
    assert found["breadth"].score == pytest.approx(0.6)
    assert found["confidence"].score == pytest.approx(32 / 45)
    reach, feeling = found["reach"], found["feeling"]
    assert reach.value is not None and 0.02 < reach.value < 0.04
    assert reach.score == pytest.approx(reach.value / (reach.value + HALF_REACH))
    assert feeling.value is not None and -0.5 < feeling.value < -0.3
    assert feeling.score == pytest.approx(-feeling.value)
    for each in found.values():
        assert each.points == pytest.approx(100 * (each.score or 0) * each.weight)
    total = sum_points(list(found.values()))
    assert total == pytest.approx(sum(each.points for each in found.values()))


@pytest.mark.parametrize(
    ("field", "part"), [("ratio_low", "growth"), ("stake_low", "value"), ("spread", "breadth")]
)
def test_what_is_not_known_weighs_nothing_and_the_rest_weighs_more(field: str, part: str) -> None:
    found = parts(replace(KNOWN, **{field: None}))  # type: ignore[arg-type]
    assert (found[part].score, found[part].weight, found[part].points) == (None, 0.0, 0.0)
    assert found[part].note
    assert sum(each.weight for each in found.values()) == pytest.approx(1)
    others = [each for each in found.values() if each.part != part]
    known = sum(DEFAULT_WEIGHTS[each.part] for each in others)
    for each in others:
        assert each.weight == pytest.approx(DEFAULT_WEIGHTS[each.part] / known)


def test_not_to_know_a_part_is_neither_better_nor_worse_than_the_mean_of_the_others() -> None:
    without = sum_points(score_theme(replace(KNOWN, stake_low=None), DEFAULT_WEIGHTS))
    assert without is not None
    score = without / 100
    same = replace(KNOWN, stake_low=HALF_VALUE * score / (1 - score))
    assert sum_points(score_theme(same, DEFAULT_WEIGHTS)) == pytest.approx(without)


def test_a_theme_that_nobody_speaks_of_now_scores_nothing_but_its_stake() -> None:
    silent = parts(Measures(n=0, n_all=100, sample=Sample(), strength=0.0, ratio_low=0.0))
    assert {each.points for each in silent.values()} == {0.0}
    assert silent["reach"].note == "silent"
    assert silent["reach"].weight > 0


@given(st.integers(1, 300), st.floats(-1, 1), st.floats(0, 20), st.floats(0, 0.2), st.floats(0, 1))
def test_every_part_is_between_0_and_1_and_rises_with_what_it_measures(
    n: int, mean: float, ratio: float, stake: float, spread: float
) -> None:
    low = Measures(n, 1_000, feel(n, mean), 0.8 * n, ratio, stake, spread)
    worse = max(mean - 0.1, -1.0)
    high = Measures(
        *(n + 10, 1_000, feel(n + 10, worse), 0.8 * (n + 10)),
        *(ratio + 1, stake + 0.01, min(spread + 0.1, 1.0)),
    )
    for part, more in parts(high).items():
        less = parts(low)[part]
        assert less.score is not None and more.score is not None
        assert 0 <= less.score <= more.score + 1e-12 <= 1 + 1e-9, part


@given(st.integers(2, 40), st.integers(2, 30))
def test_few_voices_score_less_than_many_who_say_the_same(n: int, times: int) -> None:
    few = Measures(n, 1_000, feel(n, -0.6), 0.8 * n)
    many = Measures(n * times, 1_000 * times, feel(n * times, -0.6), 0.8 * n * times)
    for part in ("reach", "feeling", "confidence"):
        assert (parts(few)[part].score or 0) <= (parts(many)[part].score or 0) + 1e-12


def test_a_store_that_grows_alike_keeps_its_scores() -> None:
    now, later = (
        Measures(n, 25 * n, feel(n, -0.6), 0.8 * n, 1.5, 0.001, 0.5) for n in (2_000, 20_000)
    )
    scores = [sum_points(score_theme(each, DEFAULT_WEIGHTS)) for each in (now, later)]
    assert scores[1] == pytest.approx(scores[0], abs=1.0)


def test_likeness_is_1_where_a_theme_is_heard_wherever_people_speak() -> None:
    everybody = {"mail": 60, "web": 30, "shop": 10}
    assert measure_likeness({"mail": 6, "web": 3, "shop": 1}, everybody) == pytest.approx(1)
    assert measure_likeness({"shop": 50}, everybody) == pytest.approx(0.1)
    assert measure_likeness({"mail": 50}, everybody) == pytest.approx(0.6)
    assert measure_likeness({"mail": 5}, {"mail": 90}) is None
    assert measure_likeness({}, everybody) is None


def test_without_any_part_that_weighs_there_is_no_score() -> None:
    only_value = {**dict.fromkeys(DEFAULT_WEIGHTS, 0.0), "value": 1.0}
    assert sum_points(score_theme(replace(KNOWN, stake_low=None), only_value)) is None
    assert sum_points(score_theme(KNOWN, only_value)) == pytest.approx(50)
