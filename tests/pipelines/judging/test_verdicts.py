"""Verdicts of made-up series: what is a trend, what is not, and what changes nothing."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import poisson

from pipelines.judging.timeline import Timeline
from pipelines.judging.verdicts import (
    FALSE_DISCOVERY_RATE,
    VERDICTS,
    Judged,
    conclude,
    weigh_series,
)

FIRST, N_DAYS = 739_005, 210  # a Monday
LOOKS = Timeline(FIRST, FIRST + N_DAYS - 1).list_looks()
Counts = NDArray[np.float64]


def steady(n: int = 60, rate: float = 1.0, seed: int = 1, n_days: int = N_DAYS) -> Counts:
    return np.random.default_rng(seed).poisson(rate, (n, n_days)).astype(float)


def judge(counts: Counts, exposure: Counts | None = None) -> Judged:
    volume = counts.sum(axis=0) + 50 if exposure is None else exposure
    looks = Timeline(FIRST, FIRST + counts.shape[1] - 1).list_looks()
    return conclude(weigh_series(counts, volume, looks, FIRST))


def now(judged: Judged) -> list[str]:
    return [VERDICTS[code] for code in judged.verdict[:, -1]]


def test_a_rise_is_growing_and_a_fall_is_fading_and_the_rest_is_steady() -> None:
    counts = steady()
    counts[0, -14:] *= 4
    counts[1] = np.random.default_rng(2).poisson(6, N_DAYS)
    counts[1, -14:] = 0
    verdicts = now(judge(counts))
    assert verdicts[:2] == ["growing", "fading"]
    assert set(verdicts[2:]) == {"steady"}


def test_a_rise_is_still_growing_after_a_month() -> None:
    counts = steady()
    counts[0, -30:] += 3
    assert now(judge(counts))[0] == "growing"


def test_a_busy_fortnight_is_no_trend() -> None:
    counts = steady()
    busy = np.ones(N_DAYS)
    busy[-14:] = 5
    counts[:, -14:] = np.random.default_rng(3).poisson(5, (60, 14))
    assert set(now(judge(counts, 120 * busy))) == {"steady"}


def test_a_new_theme_with_voices_on_many_days_is_emerging() -> None:
    counts = steady()
    counts[0, :-14] = 0
    counts[1, :-1], counts[1, -1] = 0, 3
    counts[2, :-1], counts[2, -1] = 0, 40
    assert now(judge(counts))[:3] == ["emerging", "one_off", "one_off"]


def test_stray_voices_of_long_ago_do_not_make_an_old_theme_of_a_new_one() -> None:
    counts = steady()
    counts[:3] = 0
    counts[:2, 10:150:10] = 1
    counts[2, 10:150:2] = 1
    counts[0, -14:] = 2
    counts[1, [-10, -7, -4, -1]] = 2  # may be less than five times as many
    counts[2, -14:] = 4
    assert now(judge(counts))[:3] == ["emerging", "growing", "growing"]


def test_one_evening_is_enough_where_several_sources_speak() -> None:
    counts = steady()
    counts[0, :-1], counts[0, -1] = 0, 12
    evidence = weigh_series(counts, counts.sum(axis=0) + 50, LOOKS, FIRST)
    is_broad = np.zeros(evidence.rise.shape, bool)
    assert VERDICTS[conclude(evidence, is_broad).verdict[0, -1]] == "one_off"
    is_broad[0, -1] = True
    assert VERDICTS[conclude(evidence, is_broad).verdict[0, -1]] == "emerging"


def test_an_evening_of_many_voices_is_a_one_off_also_of_an_old_theme() -> None:
    counts = steady()
    counts[0] = steady(1, rate=0.1)
    counts[0, -3] = 30
    assert now(judge(counts))[0] == "one_off"


def test_nothing_is_said_of_a_short_past_or_of_silence() -> None:
    assert set(now(judge(steady(n_days=30)))) == {""}
    counts = steady(n_days=420)
    counts[0, 20:] = 0
    judged = judge(counts)
    assert now(judged)[0] == ""
    assert np.isnan(judged.q_value[0, -1])


def test_one_theme_that_is_all_there_is_rises_and_falls_with_the_volume() -> None:
    counts = steady(n=1, rate=5)
    counts[0, -14:] *= 4
    assert now(judge(counts, counts[0])) == ["steady"]


def test_weeks_without_feedback_say_nothing_and_break_nothing() -> None:
    counts = steady()
    counts[:, 120:150] = 0
    volume = np.where(counts.sum(axis=0) > 0, 110.0, 0.0)
    judged = judge(counts, volume)
    asleep = (LOOKS >= 135) & (LOOKS < 150)
    assert asleep.any()
    assert not judged.verdict[:, asleep].any()
    assert set(now(judged)) == {"steady"}


def test_the_order_of_themes_changes_nothing() -> None:
    counts = steady()
    counts[:3, -14:] += 2
    order = np.random.default_rng(4).permutation(len(counts))
    judged, shuffled = judge(counts), judge(counts[order])
    assert (shuffled.verdict == judged.verdict[order]).all()
    assert shuffled.q_value == pytest.approx(judged.q_value[order], nan_ok=True)


def test_twice_the_volume_changes_no_verdict() -> None:
    counts = steady()
    counts[0, -14:] *= 4
    volume = counts.sum(axis=0) + 50
    assert now(judge(counts, 2 * volume)) == now(judge(counts, volume))


def test_a_look_knows_nothing_of_later_days() -> None:
    counts = steady()
    counts[0, 150:] *= 3
    counts[1, 150:] = 0
    counts[2:9] = 0
    counts[2:9, 40] = counts[2:9, -20:] = 1
    whole = judge(counts)
    n_days = int(LOOKS[-6]) + 1
    until = judge(counts[:, :n_days])
    assert (until.verdict == whole.verdict[:, : until.verdict.shape[1]]).all()
    assert until.p_value == pytest.approx(whole.p_value[:, : until.p_value.shape[1]], nan_ok=True)


def test_looking_every_day_says_the_same_of_sundays() -> None:
    counts = steady(rate=2)
    counts[0, -40:] *= 2
    volume = counts.sum(axis=0) + 50
    daily = np.arange(N_DAYS)
    weekly = conclude(weigh_series(counts, volume, LOOKS, FIRST))
    every_day = conclude(weigh_series(counts, volume, daily, FIRST))
    assert (every_day.verdict[:, LOOKS] == weekly.verdict).all()


def test_over_dispersed_themes_raise_few_alarms() -> None:
    rng = np.random.default_rng(7)
    rates, shares, naive = rng.gamma(2.0, 0.5, (150, 1)), [], []
    for _ in range(6):
        # Whole weeks go up and down together: a fortnight has a variance of 1.9 times its mean.
        blur = np.repeat(rng.gamma(8.0, 1 / 8, (150, N_DAYS // 7)), 7, axis=1)
        counts = rng.poisson(rates * blur).astype(float)
        verdict = judge(counts, np.full(N_DAYS, 300.0)).verdict[:, -20:]
        shares.append((verdict == VERDICTS.index("growing")).mean())
        naive.append((poisson.sf(counts[:, -14:].sum(axis=1) - 1, 14 * rates[:, 0]) < 0.05).mean())
    assert np.mean(naive) > 0.1
    assert np.mean(shares) < 0.1 * FALSE_DISCOVERY_RATE


def test_a_season_that_comes_again_is_expected() -> None:
    n_days, n = 3 * 364, 60
    phase = np.arange(n)[:, None] / n
    rate = 5 * np.exp(np.sin(2 * np.pi * (np.arange(n_days) / 364 + phase)))
    counts = np.random.default_rng(9).poisson(rate).astype(float)
    looks = Timeline(FIRST, FIRST + n_days - 1).list_looks()
    evidence = weigh_series(counts, np.full(n_days, 900.0), looks, FIRST)
    error = np.abs(np.log(evidence.week / (7 * rate[:, looks - 3]))).mean(axis=0)
    assert error[-52:].mean() < 0.75 * error[20:52].mean()
