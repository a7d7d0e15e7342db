"""Shares, means and differences with their intervals: against scipy, and on drawn voices."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from pipelines.attention.estimates import (
    Sample,
    add_samples,
    compare_means,
    compare_shares,
    estimate_gap,
    estimate_mean,
    estimate_share,
    name_columns,
)


def sample(scores: np.ndarray) -> Sample:
    return Sample(len(scores), float(scores.sum()), float((scores**2).sum()))


def test_a_share_is_inside_its_interval_and_within_what_is_possible() -> None:
    for n, n_with in [(1, 0), (1, 1), (5, 0), (5, 5), (30, 1), (1000, 999)]:
        share = estimate_share(n_with, n)
        assert share is not None
        assert 0 <= share.low <= share.value <= share.high <= 1
        assert share.high - share.low > 0
    assert estimate_share(0, 0) is None
    known = stats.binomtest(7, 40).proportion_ci(method="wilson")
    found = estimate_share(7, 40)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((known.low, known.high), abs=1e-6)


def test_samples_add_up_and_are_taken_away() -> None:
    scores = np.random.default_rng(1).uniform(-1, 1, 20)
    whole, part = sample(scores), sample(scores[:7])
    rest = whole - part
    assert (rest.n, rest.total) == (13, pytest.approx(scores[7:].sum()))
    assert add_samples([part, rest]).mean == pytest.approx(scores.mean())
    assert add_samples([]) == Sample()


def test_a_few_voices_that_agree_are_not_taken_for_certainty() -> None:
    one, three = estimate_mean(Sample(1, -0.9, 0.81)), estimate_mean(Sample(3, -2.7, 2.43))
    assert one is not None
    assert three is not None
    assert one.low == -1 and one.high > 0.5
    assert -0.3 < three.high < one.high
    assert estimate_mean(Sample()) is None


def test_many_voices_have_the_interval_and_p_value_of_student_and_welch() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.normal(-0.3, 0.4, 4_000), rng.normal(-0.27, 0.3, 3_000)
    known = stats.ttest_1samp(first, 0).confidence_interval()
    mean = estimate_mean(sample(first))
    assert mean is not None
    assert (mean.low, mean.high) == pytest.approx((known.low, known.high), abs=1e-4)
    welch = stats.ttest_ind(first, second, equal_var=False)
    assert compare_means(sample(first), sample(second)) == pytest.approx(welch.pvalue, rel=0.05)
    gap, between = estimate_gap(sample(first), sample(second)), welch.confidence_interval()
    assert gap is not None
    assert (gap.low, gap.high) == pytest.approx((between.low, between.high), abs=2e-4)
    assert compare_means(Sample(), sample(first)) == 1.0
    assert estimate_gap(Sample(), sample(first)) is None


def test_shares_are_compared_by_the_mid_p_of_fishers_test() -> None:
    cases = [(0, 12, 5, 30), (12, 12, 2, 9), (3, 20, 3, 20), (40, 100, 5, 60)]
    found = compare_shares(*(np.array(column) for column in zip(*cases, strict=True)))
    for p_value, (a, n, b, m) in zip(found, cases, strict=True):
        assert p_value == pytest.approx(_mid_p(a, n, b, m))
    assert found[2] == pytest.approx(1.0, abs=0.05)


def _mid_p(a: int, n: int, b: int, m: int) -> float:
    """By counting every table with the same margins."""
    tables = {k: _choose(n, k) * _choose(m, a + b - k) for k in range(a + b + 1)}
    total = sum(tables.values())
    below = sum(ways for k, ways in tables.items() if k < a)
    above = sum(ways for k, ways in tables.items() if k > a)
    return min(1.0, 2 * (min(below, above) + tables[a] / 2) / total)


def _choose(n: int, k: int) -> int:
    return 0 if k > n else int(stats.binom.pmf(k, n, 0.5) * 2**n + 0.5)


def test_intervals_hold_the_truth_of_few_voices_too() -> None:
    # scripts/bench_attention.py has more of this; plain intervals hold it in 52 to 90 % for n = 5.
    rng = np.random.default_rng(3)
    for n, share in product((3, 10), (0.85, 0.5)):
        truth = share * -0.75 + (1 - share) * 0.6
        bad, good = rng.uniform(-0.95, -0.55, (2_000, n)), rng.uniform(0.3, 0.9, (2_000, n))
        drawn = np.where(rng.random((2_000, n)) < share, bad, good)
        found = [estimate_mean(sample(scores)) for scores in drawn]
        held = [each is not None and each.low <= truth <= each.high for each in found]
        assert np.mean(held) > 0.9, (n, share)


def test_an_unknown_figure_is_three_empty_columns() -> None:
    assert name_columns("share", None) == {"share": None, "share_low": None, "share_high": None}
