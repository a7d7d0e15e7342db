"""A closer look finds the parts of a theme in all its languages, where it has any."""

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from nlp.themes import closer
from nlp.themes.closer import MIN_PART, divide_closer, measure_separation
from nlp.themes.vectors import Floats, unit_rows


def clouds(sizes: list[int], seed: int, spread: float = 0.6) -> tuple[Floats, list[int]]:
    """Unit rows around a middle of their own for each part, and the part of each."""
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(len(sizes), 64))
    parts = [part for part, size in enumerate(sizes) for _ in range(size)]
    rows = middles[parts] + spread * rng.normal(size=(len(parts), 64))
    return unit_rows(rows.astype(np.float32)), parts


def test_parts_are_found_and_crumbs_are_not_made_one() -> None:
    rows, parts = clouds([30, 20, 14, 3], 1)
    found = divide_closer(rows, ["en"] * len(rows))
    assert [len(set(found.labels[np.array(parts) == part].tolist())) for part in range(3)] == [
        1
    ] * 3
    assert np.bincount(found.labels).tolist() == sorted(np.bincount(found.labels), reverse=True)
    assert np.bincount(found.labels).min() >= MIN_PART
    assert len(np.bincount(found.labels)) == 3


def test_a_part_spans_languages_whatever_these_have_in_common() -> None:
    rows, parts = clouds([24, 24], 2)
    langs = ["en", "he"] * 24
    ways = np.random.default_rng(3).normal(size=(2, 64)) * 2
    shifted = unit_rows(
        rows + (ways / 40)[[int(lang == "he") for lang in langs]].astype(np.float32)
    )
    found = divide_closer(shifted, langs)
    assert found.labels.tolist() in (parts, [1 - part for part in parts])


@pytest.mark.parametrize("n_rows", [0, 1, 9, 60])
def test_where_nothing_keeps_apart_the_theme_stays_whole(n_rows: int) -> None:
    rows = clouds([60], 4, spread=3)[0][:n_rows]
    found = divide_closer(rows, ["en"] * n_rows)
    assert found.labels.tolist() == [0] * n_rows
    assert divide_closer(np.repeat(clouds([1], 5)[0], 30, axis=0), ["en"] * 30).labels.sum() == 0


def test_the_order_of_rows_changes_nothing() -> None:
    rows, _ = clouds([40, 30, 20], 6)
    langs = [("en", "he", "ar")[n % 3] for n in range(90)]
    order = np.random.default_rng(7).permutation(90)
    found = divide_closer(rows, langs)
    again = divide_closer(rows[order], [langs[n] for n in order])
    assert len(np.bincount(found.labels)) == 3
    assert np.array_equal(found.labels[order], again.labels)


def test_separation_is_the_mean_silhouette() -> None:
    rows, _ = clouds([9, 7, 1], 8, spread=2)
    labels = np.array([0] * 9 + [1] * 7 + [2])
    distances = 1 - rows.astype(np.float64) @ rows.T.astype(np.float64)
    np.fill_diagonal(distances, 0)
    expected = silhouette_score(np.maximum(distances, 0), labels, metric="precomputed")
    assert measure_separation(distances, labels) == pytest.approx(expected, abs=1e-5)


def test_of_a_large_theme_some_rows_make_the_parts_and_the_rest_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(closer, "_MAX_ROWS", 60)
    rows, parts = clouds([70, 65], 9)
    order = np.random.default_rng(10).permutation(len(rows))
    found = divide_closer(rows[order], ["en"] * len(rows))
    assert np.array_equal(found.labels, np.array(parts)[order])
