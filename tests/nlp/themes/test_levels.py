"""Coarse, normal and fine themes lie in each other; groups are held where nothing changed."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp.themes.discovery import discover_themes
from nlp.themes.granularity import GRANULARITIES
from nlp.themes.graph import build_graph
from nlp.themes.groups import number_groups
from nlp.themes.joining import Limits, join_pieces
from nlp.themes.levels import divide_themes
from nlp.themes.steadying import KnownLabels
from tests.nlp.themes.conftest import Planted, plant
from tests.nlp.themes.threads import run_on_threads

ROOT = Path(__file__).parents[3]


def discover(corpus, granularity="normal", rows=None, known=None):
    rows = range(len(corpus.texts)) if rows is None else rows
    return discover_themes(
        [corpus.texts[row] for row in rows],
        corpus.vectors[list(rows)],
        [corpus.langs[row] for row in rows],
        means=corpus.means,
        known=known,
        granularity=granularity,
    )


@pytest.fixture(scope="module")
def nested() -> Planted:
    """Four subjects of three themes, each of two sides."""
    return plant_nested()


def plant_nested(size: int = 20) -> Planted:
    rng = np.random.default_rng(0)
    base = plant({"en": size}, n_themes=24)
    dim, gold = base.vectors.shape[1], base.gold
    subjects, themes, sides = (rng.normal(size=(n, dim)) / dim**0.5 for n in (4, 12, 24))
    centres = subjects[gold // 6] + 0.7 * themes[gold // 2] + 0.6 * sides[gold]
    rows = centres + rng.normal(size=centres.shape) / dim**0.5
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    means = type(base.means)({"en": np.zeros(dim, np.float32)}, np.zeros(dim, np.float32))
    return Planted(base.texts, rows.astype(np.float16), base.langs, gold, means)


def share_inside(fine, coarse) -> float:
    """Share of rows in the coarse theme that most of their fine theme are in."""
    table = np.zeros((fine.max() + 1, coarse.max() + 1))
    np.add.at(table, (fine, coarse), 1)
    return table.max(axis=1).sum() / len(fine)


def test_normal_is_what_is_found_when_nothing_is_said(nested) -> None:
    said = discover(nested)
    plain = discover_themes(nested.texts, nested.vectors, nested.langs, means=nested.means)
    assert np.array_equal(said.labels, plain.labels)
    assert np.array_equal(said.strengths, plain.strengths)


def test_coarse_normal_and_fine_themes_lie_in_each_other(nested) -> None:
    coarse, normal, fine = (discover(nested, each).labels for each in GRANULARITIES)
    assert coarse.max() < normal.max() < fine.max()
    assert share_inside(normal, coarse) == 1
    assert share_inside(fine, normal) == 1


def test_coarse_themes_are_the_groups_of_normal_ones(nested) -> None:
    coarse, normal = discover(nested, "coarse"), discover(nested)
    alone = normal.groups.max() + 1 + np.arange(normal.n_themes)
    groups = np.where(normal.groups >= 0, normal.groups, alone)[normal.labels]
    assert share_inside(np.unique(groups, return_inverse=True)[1], coarse.labels) == 1
    assert coarse.n_themes == len(set(groups.tolist()))


def test_a_coarse_theme_of_three_languages_holds_what_is_linked() -> None:
    corpus = plant({"en": 60, "he": 60, "ar": 60})
    coarse, normal, fine = (discover(corpus, each) for each in GRANULARITIES)
    assert coarse.n_themes <= normal.n_themes <= fine.n_themes
    assert share_inside(normal.labels, coarse.labels) == 1
    assert all(langs == ("ar", "en", "he") for langs in coarse.theme_langs)


@pytest.mark.parametrize("granularity", ["coarse", "fine"])
def test_shuffled_rows_give_the_same_themes_at_every_level(nested, granularity: str) -> None:
    found = discover(nested, granularity)
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(len(nested.texts))
        again = discover(nested, granularity, order.tolist())
        np.testing.assert_array_equal(again.labels, found.labels[order])
        np.testing.assert_array_equal(again.strengths, found.strengths[order])
        np.testing.assert_array_equal(again.groups, found.groups)


def test_one_and_two_threads_give_the_same_levels() -> None:
    program = (
        "import sys; sys.path.insert(0, '.')\n"
        "from hashlib import sha256\n"
        "from tests.nlp.themes.test_levels import discover, plant_nested\n"
        "for granularity in ('coarse', 'fine'):\n"
        "    d = discover(plant_nested(), granularity)\n"
        "    digest = sha256(d.labels.tobytes() + d.strengths.tobytes() + d.groups.tobytes())\n"
        "    print(digest.hexdigest())"
    )
    assert run_on_threads(program, 1) == run_on_threads(program, 2)


@pytest.mark.parametrize("granularity", ["coarse", "fine"])
@pytest.mark.parametrize("n", [0, 1, 2, 5, 29])
def test_few_texts_have_no_theme_at_any_level(nested, granularity: str, n: int) -> None:
    found = discover(nested, granularity, range(n))
    assert (found.n_themes, found.labels.tolist(), len(found.groups)) == (0, [-1] * n, 0)
    assert len(found.reasons) == n and None not in found.reasons


@pytest.mark.parametrize("granularity", ["coarse", "fine"])
def test_a_corpus_about_one_thing_has_one_theme_at_any_level(granularity: str) -> None:
    found = discover(plant({"en": 60}, n_themes=1, noise=0.3), granularity)
    assert found.n_themes == 1 and set(found.labels.tolist()) == {0}


def test_another_granularity_is_refused_by_its_name(nested) -> None:
    message = "there is no granularity 'finer'; it is coarse or normal or fine"
    with pytest.raises(ValueError, match=message):
        discover(nested, "finer")


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), n_themes=st.integers(1, 6))
def test_no_part_crosses_a_theme_whatever_the_themes_are(seed: int, n_themes: int) -> None:
    corpus = plant({"en": 20}, noise=0.8, seed=seed % 7)
    rows = corpus.vectors.astype(np.float32)
    documents = np.arange(len(rows), dtype=np.int32)
    graph = build_graph(rows, corpus.texts, documents)
    drawn = np.random.default_rng(seed).integers(0, n_themes, len(rows))
    labels = np.unique(drawn, return_inverse=True)[1].astype(np.int32)
    parts = divide_themes(rows, graph, labels, documents)
    assert share_inside(parts, labels) == 1
    assert set(parts.tolist()) == set(range(int(parts.max()) + 1))


def test_groups_that_were_known_are_held_against_a_little_more_weight() -> None:
    between = np.full((4, 4), 0.1)
    np.fill_diagonal(between, [6.0, 2.0, 2.0, 6.0])
    between[0, 1] = between[1, 0] = between[2, 3] = between[3, 2] = 2.2
    between[1, 2] = between[2, 1] = 3.0
    limits = Limits(same=0.0, other=0.02, new=0.0, same_resolution=0.5)
    fresh = join_pieces(between.copy(), np.full(4, -1), (), limits)
    assert fresh[1] == fresh[2]
    held = join_pieces(between.copy(), np.array([0, 0, 1, 1]), (), limits)
    assert held[0] == held[1] != held[2] == held[3]


def test_locked_themes_never_join_other_known_ones() -> None:
    between = np.array([[1.0, 9.0, 0.0], [9.0, 1.0, 0.0], [0.0, 0.0, 10.0]])
    limits = Limits(same=0.0, other=0.0, new=0.0)
    known = np.array([0, 1, 2])
    joined, apart = (join_pieces(between.copy(), known, locked, limits) for locked in ((), (1,)))
    assert joined[0] == joined[1] and apart[0] != apart[1]


def test_a_refit_of_the_same_texts_keeps_themes_and_groups(nested) -> None:
    for granularity in GRANULARITIES:
        found = discover(nested, granularity)
        groups = {n: int(group) for n, group in enumerate(found.groups) if group >= 0}
        again = discover(nested, granularity, known=KnownLabels(found.labels, groups=groups))
        assert np.array_equal(again.labels, found.labels)
        assert np.array_equal(again.groups, found.groups)


def test_groups_are_numbered_by_their_first_theme_and_a_theme_alone_has_none() -> None:
    leaders = np.array([3, 1, 2, 3, 2, 5], dtype=np.int32)
    assert number_groups(leaders).tolist() == [0, -1, 1, 0, 1, -1]
    assert number_groups(np.zeros(0, dtype=np.int32)).tolist() == []
