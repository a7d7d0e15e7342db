"""The map of themes is the same on every machine."""

from typing import Any

import numpy as np
import pytest
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_info, threadpool_limits

from nlp.themes.layout import spread_themes
from nlp.themes.vectors import unit_rows


def test_themes_are_laid_out_by_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """More would add up in another order, and wait for each other longer than they work."""
    found: list[int] = []
    fit = TSNE.fit_transform

    def watch(self: Any, vectors: Any) -> Any:
        found.extend(
            pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp"
        )
        return fit(self, vectors)

    monkeypatch.setattr(TSNE, "fit_transform", watch)
    rows = unit_rows(np.random.default_rng(0).normal(size=(12, 8)).astype(np.float32))
    with threadpool_limits(limits=2):
        points = spread_themes(rows)
    assert points.shape == (12, 2)
    assert found
    assert set(found) == {1}
