"""Shifts of sentiment: found where there is one, rarely where there is none."""

import numpy as np
import pytest

from pipelines.judging.sentiment import GAP_WEEKS, PAST_WEEKS, SHIFTS, find_shifts

RNG = np.random.default_rng(3)
N_SERIES, N_WEEKS = 200, 70


def draw(n: int = N_SERIES) -> tuple[np.ndarray, np.ndarray]:
    voices = RNG.poisson(12, (n, N_WEEKS)).astype(float)
    spread = RNG.uniform(0.2, 0.5, (n, 1))
    mean = np.clip(-0.3 + spread * RNG.normal(size=voices.shape) / np.sqrt(voices + 1e-9), -1, 1)
    return np.where(voices > 0, mean, np.nan), voices


def test_a_theme_that_feels_worse_is_called_so() -> None:
    sentiment, voices = draw()
    sentiment[0, -1], sentiment[1, -1], voices[:2, -1] = -1.0, 0.6, 15
    found = find_shifts(sentiment, voices)
    assert [SHIFTS[code] for code in found.verdict[:2, -1]] == ["worse", "better"]
    assert found.high[0, -1] < 0 < found.low[1, -1]
    assert (found.verdict[2:, -1] != 2).mean() < 0.05


def test_steady_feelings_raise_few_alarms_and_intervals_cover_them() -> None:
    found = find_shifts(*draw(600))
    is_told = found.verdict > 0
    assert (found.p_value[is_told] < 0.05).mean() == pytest.approx(0.05, abs=0.012)
    weeks_with_alarm = np.isin(found.verdict, (1, 3)).any(axis=0)
    assert weeks_with_alarm.mean() < 0.12
    assert ((found.low < 0) & (found.high > 0))[is_told].mean() == pytest.approx(0.95, abs=0.012)


def test_what_is_expected_is_the_mean_of_the_past() -> None:
    sentiment, voices = draw(5)
    found = find_shifts(sentiment, voices)
    week = 65
    past = slice(week - GAP_WEEKS - PAST_WEEKS, week - GAP_WEEKS)
    for series in range(5):
        expected = np.average(sentiment[series, past], weights=voices[series, past])
        assert found.expected[series, week] == pytest.approx(expected)


def test_few_voices_say_nothing() -> None:
    sentiment, voices = draw(3)
    voices[0] = 2
    sentiment[1, :-1] = np.nan
    found = find_shifts(sentiment, voices)
    assert not found.verdict[:2].any()
    assert np.isnan(found.expected[:2]).all()
