"""Tails, intervals and corrections, held against scipy and against what is worked by hand."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control, nbinom, poisson

from pipelines.judging.tails import (
    combine_tests,
    correct_columns,
    correct_p_values,
    find_band,
    find_ratio_interval,
    find_upper_tail,
    log_probability,
)

RNG = np.random.default_rng(5)
EXPECTED = np.exp(RNG.normal(1, 2, 2_000))
SIZE = np.exp(RNG.normal(1, 2, 2_000))
VOICES = RNG.poisson(EXPECTED).astype(float)
SHARE = SIZE / (SIZE + EXPECTED)


def test_tails_are_those_of_the_negative_binomial_distribution() -> None:
    found = find_upper_tail(VOICES, EXPECTED, SIZE)
    half = nbinom.pmf(VOICES, SIZE, SHARE) / 2
    assert found == pytest.approx(nbinom.sf(VOICES - 1, SIZE, SHARE) - half, abs=1e-9)
    logs = nbinom.logpmf(VOICES, SIZE, SHARE)
    assert log_probability(VOICES, EXPECTED, SIZE) == pytest.approx(logs, abs=1e-6)


def test_bands_are_its_quantiles() -> None:
    low, high = find_band(EXPECTED, SIZE)
    assert (low == nbinom.ppf(0.025, SIZE, SHARE)).all()
    assert (high == nbinom.ppf(0.975, SIZE, SHARE)).all()


def test_the_mid_p_value_is_uniform_on_average() -> None:
    drawn = RNG.negative_binomial(SIZE, SHARE, (200, len(SIZE))).astype(float)
    found = find_upper_tail(drawn, EXPECTED[None], SIZE[None])
    assert found.mean() == pytest.approx(0.5, abs=0.005)


def test_intervals_of_ratios_cover_the_truth() -> None:
    truth, expected, size = 2.5, np.full(20_000, 8.0), np.full(20_000, 12.0)
    blur = RNG.gamma(size, 1 / size)
    low, high = find_ratio_interval(RNG.poisson(truth * expected * blur) * 1.0, expected, size)
    assert 0.945 <= ((low <= truth) & (truth <= high)).mean() <= 0.985
    assert find_ratio_interval(np.zeros(1), np.ones(1), np.ones(1))[0] == 0


def test_with_no_scatter_the_interval_is_that_of_garwood() -> None:
    low, high = find_ratio_interval(np.array([7.0]), np.array([1.0]), np.array([1e9]))
    assert poisson.sf(6, low) == pytest.approx(0.025, abs=1e-5)
    assert poisson.cdf(7, high) == pytest.approx(0.025, abs=1e-5)


def test_q_values_of_columns_are_those_of_benjamini_and_hochberg() -> None:
    p_values = RNG.random((40, 7)) ** 3
    expected = np.stack([false_discovery_control(column) for column in p_values.T], axis=1)
    assert correct_columns(p_values) == pytest.approx(expected)
    p_values[::3, 2] = np.nan
    found = correct_columns(p_values)[:, 2]
    is_told = ~np.isnan(p_values[:, 2])
    assert found[is_told] == pytest.approx(false_discovery_control(p_values[is_told, 2]))
    assert np.isnan(found[~is_told]).all()


def test_q_values_are_those_of_benjamini_and_yekutieli() -> None:
    # Worked by hand: m = 3, c(3) = 1 + 1/2 + 1/3.
    c = 1 + 1 / 2 + 1 / 3
    assert correct_p_values([0.01, 0.5, 0.02]) == pytest.approx(
        [0.01 * 3 * c, min(1, 0.5 * c), 0.02 * 3 / 2 * c]
    )


def test_several_tests_are_one_by_simes() -> None:
    one, two, three = np.array([0.02, 0.5]), np.array([0.03, np.nan]), np.array([0.9, np.nan])
    assert combine_tests([one, two, three]) == pytest.approx([0.03 * 3 / 2, 0.5])
    assert np.isnan(combine_tests([np.array([np.nan])])[0])
