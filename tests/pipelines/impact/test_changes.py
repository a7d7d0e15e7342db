"""Since a theme was fixed: difference in differences whose intervals hold, or why there is none."""

from typing import Any

import numpy as np
import pytest

from pipelines.impact.changes import Change, Weeks, estimate_change

N_THEMES, N_BEFORE, N_AFTER = 30, 26, 8
WEEKS = np.arange(N_BEFORE + 1 + N_AFTER)
BEFORE, AFTER = WEEKS < N_BEFORE, WEEKS > N_BEFORE


def count(seed: int, change: float, *, drift: float = 0.0) -> Change:
    """Over-dispersed counts in weeks of different volume; the first theme is fixed."""
    chance = np.random.default_rng(seed)
    volume = chance.integers(150, 400, len(WEEKS))
    walk = np.cumsum(chance.normal(0, drift, (N_THEMES, len(WEEKS))), axis=1)
    mean = chance.uniform(8, 20, (N_THEMES, 1)) * volume / 250 * np.exp(walk)
    mean[0, AFTER] *= 1 + change
    voices = chance.poisson(chance.gamma(mean, 1.0)).astype(float)
    weeks = Weeks(voices, np.broadcast_to(volume.astype(float), voices.shape), is_count=True)
    return estimate_change(weeks, 0, BEFORE, AFTER)


def average(seed: int, change: float) -> Change:
    """Means of a few voices a week, which all fall together."""
    chance = np.random.default_rng(seed)
    size = chance.integers(2, 12, (N_THEMES, len(WEEKS))).astype(float)
    mean = chance.uniform(-0.5, 0, (N_THEMES, 1)) - 0.2 * AFTER
    mean[0, AFTER] += change
    total = size * mean + chance.normal(size=size.shape) * 0.5 * np.sqrt(size)
    return estimate_change(Weeks(total, size, is_count=False), 0, BEFORE, AFTER)


@pytest.mark.parametrize(
    ("make", "change", "more"),
    [(count, -0.5, {}), (count, 0.0, {"drift": 0.05}), (average, 0.3, {})],
)
def test_the_interval_holds_the_change_and_misses_it_seldom(
    make: Any, change: float, more: dict[str, float]
) -> None:
    found = [make(seed, change, **more) for seed in range(150)]
    said = [each for each in found if each.note is None]
    assert len(said) > 140
    held = np.mean([each.low <= change <= each.high for each in said])
    assert 0.9 <= held <= 0.99
    assert np.median([each.effect for each in said]) == pytest.approx(change, abs=0.05)
    if change:
        assert np.mean([each.p_value < 0.05 for each in said]) > 0.5


def make_weeks(**rows: Any) -> Weeks:
    """Steady themes of 20 voices a week; a row can be given by its number."""
    chance = np.random.default_rng(1)
    voices = chance.poisson(20, (8, len(WEEKS))).astype(float)
    for name, values in rows.items():
        voices[int(name[1:])] = values
    return Weeks(voices, np.full(voices.shape, 500.0), is_count=True)


@pytest.mark.parametrize(
    ("weeks", "before", "after", "left_out", "note"),
    [
        (make_weeks(), WEEKS < 3, AFTER, (), "only 3 weeks before the fix are known"),
        (make_weeks(), BEFORE, WEEKS > 33, (), "only 1 weeks after the fix are known"),
        (make_weeks(_0=0), BEFORE, AFTER, (), "only 0 voices before the fix"),
        (make_weeks(_0=0.4), BEFORE, WEEKS > 32, (), "only 0.8 voices would be expected after"),
        (make_weeks(_0=300), BEFORE, AFTER, (), "only 0 themes are about as large"),
        (make_weeks(), BEFORE, AFTER, (1, 2, 3, 4), "only 3 themes are about as large"),
        (make_weeks(_0=WEEKS * 4.0), BEFORE, AFTER, (), "before the fix it ran unlike"),
    ],
)
def test_where_too_little_is_known_a_note_says_what_is_missing(
    weeks: Weeks, before: Any, after: Any, left_out: tuple[int, ...], note: str
) -> None:
    found = estimate_change(weeks, 0, before, after, left_out)
    assert str(found.note).startswith(note)
    assert np.isnan([found.effect, found.low, found.high, found.p_value]).all()


def test_what_changes_for_all_is_no_change() -> None:
    weeks = make_weeks()
    halved = Weeks(weeks.total * np.where(AFTER, 0.3, 1), weeks.size, is_count=True)
    found = estimate_change(halved, 0, BEFORE, AFTER)
    assert found.low < 0 < found.high
    assert abs(found.effect) < 0.15
    assert 0 not in found.similar
    assert len(found.similar) == 7
