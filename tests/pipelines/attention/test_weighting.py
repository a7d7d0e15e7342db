"""Weights: margins that fit, what trimming does, and what cannot be weighted."""

import numpy as np
import pytest

from pipelines.attention.hearing import estimate_representation, judge_hearing
from pipelines.attention.weighting import Weights, count_effective, rake

HEARD = {("basic", "IL"): 50, ("basic", "US"): 150, ("plus", "IL"): 10, ("plus", "US"): 40}
EVERYBODY = [{"basic": 600, "plus": 400}, {"IL": 500, "US": 500}]


def sum_margin(weights: Weights, place: int) -> dict[str, float]:
    sums: dict[str, float] = {}
    for cell, n in HEARD.items():
        sums[cell[place]] = sums.get(cell[place], 0) + n * weights.weigh(cell)
    return sums


def test_the_margins_of_who_is_heard_become_those_of_all_customers() -> None:
    weights = rake(HEARD, EVERYBODY, 100.0)
    assert weights is not None
    n = sum(HEARD.values())
    for place, margin in enumerate(EVERYBODY):
        for value, weighed in sum_margin(weights, place).items():
            assert weighed == pytest.approx(n * margin[value] / 1_000)
    assert sum(n * weights.weigh(cell) for cell, n in HEARD.items()) == pytest.approx(n)


def test_one_margin_gives_the_weights_of_its_cells() -> None:
    weights = rake({("a",): 30, ("b",): 10}, [{"a": 500, "b": 500, "unheard": 300}], 10.0)
    assert weights is not None
    assert weights.weigh(("a",)) == pytest.approx(20 / 30)
    assert weights.weigh(("b",)) == pytest.approx(2.0)
    assert "unheard" not in weights.factors[0]


def test_no_weight_is_above_the_limit_or_below_its_inverse() -> None:
    weights = rake({("a",): 99, ("b",): 1}, [{"a": 10, "b": 90}], 4.0)
    assert weights is not None
    assert (weights.weigh(("a",)), weights.weigh(("b",))) == (0.25, 4.0)


def test_the_effective_size_is_kishs() -> None:
    even = Weights([{"a": 1.0, "b": 1.0}], 5.0)
    assert count_effective({("a",): 7, ("b",): 5}, even) == pytest.approx(12)
    uneven = Weights([{"a": 3.0, "b": 1.0}], 5.0)
    assert count_effective({("a",): 2, ("b",): 2}, uneven) == pytest.approx(8**2 / (2 * 9 + 2))
    assert count_effective({}, even) == 0


def test_what_cannot_be_fitted_has_no_weights() -> None:
    assert rake({}, [{"a": 3}], 5.0) is None
    # Who is basic is in IL and who is plus in US: no weights give half and a tenth.
    apart = {("basic", "IL"): 5, ("plus", "US"): 5}
    assert rake(apart, [{"basic": 50, "plus": 50}, {"IL": 10, "US": 90}], 5.0) is None


def test_the_order_of_cells_changes_nothing() -> None:
    weights = rake(HEARD, EVERYBODY, 100.0)
    turned = rake(dict(reversed(HEARD.items())), EVERYBODY, 100.0)
    assert weights is not None and turned is not None
    for cell in HEARD:
        assert weights.weigh(cell) == pytest.approx(turned.weigh(cell), abs=1e-12)


def test_representation_is_the_share_over_that_of_all_with_an_interval_that_holds_it() -> None:
    rng = np.random.default_rng(5)
    held, truth = 0, (0.05 / (0.2 * 0.05 + 0.8 * 0.1))
    for _ in range(500):
        heard, others = rng.binomial(400, 0.05), rng.binomial(1_600, 0.1)
        found = estimate_representation(int(heard), 400, int(heard + others), 2_000)
        assert found is not None
        assert found.value == pytest.approx((heard / 400) / ((heard + others) / 2_000))
        held += found.low <= truth <= found.high
    assert 0.92 < held / 500 < 0.98
    assert estimate_representation(0, 10, 0, 100) is None
    assert estimate_representation(3, 10, 3, 10) is None
    nobody = estimate_representation(0, 50, 40, 400)
    assert nobody is not None
    assert nobody.low == nobody.value == 0 < nobody.high


def test_a_sliver_is_few_of_many_and_the_unheard_are_told() -> None:
    assert judge_hearing(29, 2_000, None) == "sliver"
    assert judge_hearing(30, 2_000, None) is None
    assert judge_hearing(3, 100, None) is None
    few = estimate_representation(40, 1_000, 1_040, 3_000)
    assert few is not None
    assert judge_hearing(40, 1_000, few) == "under_heard"
    many = estimate_representation(300, 1_000, 350, 6_000)
    assert many is not None
    assert judge_hearing(300, 1_000, many) == "over_heard"
    like = estimate_representation(100, 1_000, 300, 3_000)
    assert judge_hearing(100, 1_000, like) is None
