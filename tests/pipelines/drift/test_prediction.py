"""The test that drift rests on: its error rate on simulated histories, and what it sees."""

import numpy as np
import pytest
from scipy import stats

from pipelines.drift.prediction import MIN_HISTORY, Sample, correct_by_holm, predict_run
from scripts.drift_parts.worlds import WORLDS, count_alarms


def number(value: float, noise: float = 0.0) -> Sample:
    return Sample(np.array([value]), noise)


def test_of_numbers_without_noise_it_is_the_t_test_of_a_prediction() -> None:
    rng = np.random.default_rng(0)
    before, new = rng.normal(size=12), 2.5
    held = predict_run([number(each) for each in before], number(new))
    assert held is not None
    t = (new - before.mean()) / (before.std(ddof=1) * np.sqrt(1 + 1 / 12))
    assert held.p_value == pytest.approx(2 * stats.t.sf(abs(t), 11), rel=1e-9)
    assert held.distance == pytest.approx(abs(t), rel=1e-9)
    width = stats.t.ppf(0.975, 11) * before.std(ddof=1) * np.sqrt(1 + 1 / 12)
    assert held.half_width == pytest.approx(width, rel=1e-9)


def test_where_runs_differ_by_chance_alone_their_own_noise_is_what_counts() -> None:
    alike = [number(0.5, 0.01)] * MIN_HISTORY
    held = predict_run(alike, number(0.6, 0.01))
    assert held is not None
    assert held.distance == pytest.approx(0.1 / np.sqrt(0.01 + 0.01 / MIN_HISTORY))


def test_too_short_a_history_says_nothing() -> None:
    assert predict_run([number(0.5)] * (MIN_HISTORY - 1), number(0.9)) is None


def test_corrections_for_several_measures_are_those_of_holm() -> None:
    assert correct_by_holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 0.06}
    )
    assert correct_by_holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_false_alarms_are_at_most_as_many_as_promised(world) -> None:
    n, rate = 50, 0.1
    found, _ = count_alarms(world, 12, {}, n, rate, seed=5)
    # One time in a thousand chance alone would give more.
    assert found <= stats.binom.ppf(0.999, n, rate)


def test_a_shift_that_matters_is_seen() -> None:
    shift = {"noise_rate": 0.3, "sentiment_mean": 0.4, "language_mix": 0.5}
    _, by_measure = count_alarms(WORLDS[1], 12, shift, 40, 0.01, seed=5)
    assert min(by_measure[name] for name in shift) >= 36
