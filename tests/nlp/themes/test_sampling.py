from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp.themes.corpus import choose_fit_rows, collapse_texts
from nlp.themes.discovery import discover_themes
from nlp.themes.sampling import draw_sample, share_rows
from tests.nlp.themes.conftest import plant


@given(
    sizes=st.lists(st.integers(0, 500), min_size=1, max_size=20),
    n_drawn=st.integers(0, 3_000),
    n_least=st.integers(0, 100),
)
def test_shares_add_up_and_no_group_gives_more_than_it_has(
    sizes: list[int], n_drawn: int, n_least: int
) -> None:
    quotas = share_rows(sizes, n_drawn, n_least)
    assert quotas.sum() == min(n_drawn, sum(sizes))
    assert (quotas <= sizes).all() and (quotas >= 0).all()
    if n_drawn >= n_least * len(sizes):
        assert (quotas >= np.minimum(sizes, n_least)).all()


def test_every_language_and_period_gives_its_share() -> None:
    rows = np.arange(12_000)
    periods = ["2026-01" if row % 4 else "2026-02" for row in rows]
    languages = {"en": rows[rows % 3 > 0], "he": rows[rows % 3 == 0]}
    drawn = draw_sample(languages, periods, 6_000)
    assert len(drawn) == 6_000
    counts = Counter((row % 3 == 0, periods[row]) for row in drawn.tolist())
    assert counts == {
        (False, "2026-01"): 3_000,
        (False, "2026-02"): 1_000,
        (True, "2026-01"): 1_500,
        (True, "2026-02"): 500,
    }


def test_a_small_language_is_not_sampled_away_and_the_sample_stays_bounded() -> None:
    languages = {"en": np.arange(100_000), "he": np.arange(100_000, 100_900)}
    drawn = draw_sample(languages, None, 5_000)
    assert len(drawn) == 5_000
    assert (drawn >= 100_000).sum() == 900
    many = {f"x{at:02d}": np.arange(at * 1_000, at * 1_000 + 1_000) for at in range(40)}
    assert len(draw_sample(many, None, 5_000)) == 5_000


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_the_sample_is_the_same_whatever_the_order_of_the_rows(seed: int) -> None:
    corpus = plant({"en": 60, "he": 20})
    periods = [f"2026-{1 + row % 3:02d}" for row in range(len(corpus.texts))]
    order = np.random.default_rng(seed).permutation(len(corpus.texts))

    def choose(rows: np.ndarray) -> set[str]:
        texts, langs, months = (
            [each[row] for row in rows] for each in (corpus.texts, corpus.langs, periods)
        )
        collapsed = collapse_texts(texts, corpus.vectors[rows], langs, None, months)
        return {collapsed.texts[row] for row in choose_fit_rows(collapsed, 120)}

    assert choose(order) == choose(np.arange(len(order)))


def test_added_rows_change_the_sample_little() -> None:
    corpus = plant({"en": 200})

    def choose(n: int) -> set[str]:
        collapsed = collapse_texts(corpus.texts[:n], corpus.vectors[:n], corpus.langs[:n])
        return {collapsed.texts[row] for row in choose_fit_rows(collapsed, 400)}

    before, after = choose(1_000), choose(1_100)
    assert len(before & after) > 0.85 * len(before)


@pytest.mark.parametrize("n_cores", [1, 2])
def test_themes_of_a_sample_reach_all_rows_in_any_order_and_with_any_threads(
    monkeypatch: pytest.MonkeyPatch, n_cores: int
) -> None:
    corpus = plant({"en": 150, "he": 60}, noise=0.7)
    options = {"means": corpus.means, "max_fit_rows": 500}
    plain = discover_themes(corpus.texts, corpus.vectors, corpus.langs, **options)
    assert (plain.labels >= 0).all()
    order = np.random.default_rng(0).permutation(len(corpus.texts))
    monkeypatch.setattr("nlp.themes.vectors.count_cores", lambda: n_cores)
    monkeypatch.setattr("nlp.themes.placing.READ_ROWS", 170)
    mixed = discover_themes(
        [corpus.texts[row] for row in order],
        corpus.vectors[order],
        [corpus.langs[row] for row in order],
        **options,
    )
    np.testing.assert_array_equal(mixed.labels, plain.labels[order])
    np.testing.assert_array_equal(mixed.strengths, plain.strengths[order])


def test_three_rows_of_one_language_beside_ten_thousand_of_another_are_placed() -> None:
    many, few = plant({"en": 1_700}, noise=0.5), plant({"en": 1, "he": 1}, n_themes=3, noise=0.1)
    hebrew = [row for row, lang in enumerate(few.langs) if lang == "he"]
    found = discover_themes(
        [*many.texts, *(few.texts[row] for row in hebrew)],
        np.concatenate([many.vectors, few.vectors[hebrew]]),
        [*many.langs, *(few.langs[row] for row in hebrew)],
        means=few.means,
        max_fit_rows=2_000,
    )
    assert len(found.labels) == 10_203
    assert found.n_themes == 6
    assert (found.labels[-3:] >= 0).all()
    assert all("he" not in langs for langs in found.theme_langs)
