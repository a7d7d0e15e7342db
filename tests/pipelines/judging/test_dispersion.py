"""Scatter of themes: which levels one may have, and falls tested over all of them."""

import numpy as np
import pytest
from scipy.stats import nbinom

from pipelines.judging.dispersion import LEVELS, Dispersion
from pipelines.judging.verdicts import _test_falls
from pipelines.judging.windows import Window


def test_a_fall_is_tested_over_all_levels_that_a_theme_may_have() -> None:
    calm, unsure = np.eye(len(LEVELS))[0], np.full(len(LEVELS), 1 / len(LEVELS))
    spread = Dispersion(
        mean=np.full((2, 1), LEVELS[0]),
        usual=np.array([LEVELS[0]]),
        posterior=np.array([[unsure, unsure], [calm, unsure]], np.float32),
        known_at=np.array([1]),
    )
    cells = {name: np.full((2, 1), value) for name, value in WINDOW.items()}
    below = np.full((2, 1), 0.01)
    found = _test_falls(Window(**cells), below, spread)
    expected = [
        sum(
            weight * _lower_tail(3, 12.0, level + 0.01)
            for weight, level in zip(each, LEVELS, strict=True)
        )
        for each in (calm, unsure)
    ]
    assert found[:, 0] == pytest.approx(expected, rel=1e-5)
    assert found[1, 0] > 5 * found[0, 0]
    assert _test_falls(Window(**cells), below + 0.5, spread) == pytest.approx(below + 0.5)


WINDOW = {"voices": 3.0, "expected": 12.0, "doubt": 0.01, "crowd": 3.0, "rest": 1.0} | {
    "rest_expected": 9.0
}


def _lower_tail(voices: int, mean: float, spread: float) -> float:
    """Mid-p value of so few voices or fewer."""
    size = 1 / spread
    share = size / (size + mean)
    return float(nbinom.cdf(voices, size, share) - nbinom.pmf(voices, size, share) / 2)
