"""Clustering anew without losing what is known; telling new themes from further texts of old."""

import numpy as np
import pytest

from nlp.themes.assignment import KnownThemes
from nlp.themes.births import (
    find_newcomers,
    may_be_new,
    measure_novelty,
    measure_separation,
)
from nlp.themes.discovery import discover_themes
from nlp.themes.linking import Link
from nlp.themes.steadying import KnownLabels, steady_links


def discover(corpus, known=None):
    return discover_themes(
        corpus.texts, corpus.vectors, corpus.langs, means=corpus.means, known=known
    )


def test_a_theme_that_was_split_without_a_reason_is_put_together_again(planted) -> None:
    corpus = planted({"en": 40}, noise=0.6)
    fresh = discover(corpus)
    halves = fresh.labels * 2 + np.arange(len(fresh.labels)) % 2
    found = discover(corpus, KnownLabels(halves.astype(np.int32)))
    assert found.n_themes == fresh.n_themes
    # ... but people's themes are left apart.
    locked = discover(corpus, KnownLabels(halves.astype(np.int32), frozenset({0, 1})))
    assert locked.n_themes == fresh.n_themes + 1


def test_two_themes_that_were_one_are_told_apart(planted) -> None:
    corpus = planted({"en": 40}, noise=0.4)
    coarse = (corpus.gold // 2).astype(np.int32)
    found = discover(corpus, KnownLabels(coarse))
    assert found.n_themes == discover(corpus).n_themes == 6


def test_the_order_of_rows_changes_nothing_in_a_steady_fit(planted) -> None:
    corpus = planted({"en": 30, "he": 30}, noise=0.7)
    known = np.where(np.arange(360) % 5 > 0, corpus.gold, -1).astype(np.int32)
    found = discover(corpus, KnownLabels(known))
    order = np.random.default_rng(1).permutation(360)
    shuffled = discover_themes(
        [corpus.texts[row] for row in order],
        corpus.vectors[order],
        [corpus.langs[row] for row in order],
        means=corpus.means,
        known=KnownLabels(known[order]),
    )
    assert np.array_equal(shuffled.labels, found.labels[order])
    assert np.array_equal(shuffled.strengths, found.strengths[order])


def test_a_weak_link_joins_what_was_one_and_not_what_was_two() -> None:
    labels = np.array([0, 0, 1, 1, 2, 3], dtype=np.int32)
    links = [Link(0, 1, 0.4), Link(2, 3, 0.4)]
    known = KnownLabels(np.array([0, 0, 1, 1, -1, -1], dtype=np.int32))
    assert list(steady_links(links, labels, None, 0.35)) == links
    assert list(steady_links(links, labels, known, 0.35)) == [links[1]]
    same = KnownLabels(np.array([4, 4, 4, 4, -1, -1], dtype=np.int32))
    assert list(steady_links([], labels, same, 0.35)) == [Link(0, 1, 0.35)]
    locked = KnownLabels(known.labels, frozenset({1}))
    strong = [Link(0, 1, 0.9)]
    assert list(steady_links(strong, labels, known, 0.35)) == strong
    assert list(steady_links(strong, labels, locked, 0.35)) == []


@pytest.fixture
def growing(planted):
    """Four known themes, of which a tenth is new, and two that are new altogether."""
    corpus = planted({"en": 60}, noise=0.5)
    is_new = (corpus.gold >= 4) | (np.arange(360) % 10 == 0)
    known = KnownThemes(
        corpus.vectors[~is_new],
        [lang for lang, new in zip(corpus.langs, is_new, strict=True) if not new],
        corpus.gold[~is_new].astype(np.int32),
        {},
    )
    return corpus, np.flatnonzero(is_new), known


def test_texts_of_a_new_theme_keep_to_themselves(growing) -> None:
    corpus, rows, known = growing
    langs = [corpus.langs[row] for row in rows]
    everything = np.ones(len(rows), dtype=bool)
    shares, expected = measure_novelty(
        corpus.vectors[rows], langs, everything, known, means=corpus.means
    )
    is_of_new = corpus.gold[rows] >= 4
    assert shares[is_of_new].mean() > 0.9
    assert shares[~is_of_new].mean() < 0.3
    assert set(expected.tolist()) == {np.float32(len(rows) / 360)}
    nobody = np.zeros(len(rows), dtype=bool)
    of_new, of_known = shares[is_of_new], shares[~is_of_new]
    chance = expected[: len(of_new)]
    assert find_newcomers(of_new, chance, everything[: len(of_new)]).mean() > 0.9
    assert not find_newcomers(of_known, chance[: len(of_known)], everything[: len(of_known)]).any()
    # Left-over texts of a known theme that were found together with a new one stay outside.
    mixed = np.concatenate([of_new, of_known[:5]])
    came = np.arange(len(mixed)) < len(of_new)
    members = find_newcomers(mixed, np.full(len(mixed), expected[0]), came)
    assert members[came].mean() > 0.9
    assert not members[~came].any()
    assert may_be_new(shares, everything, nobody)[is_of_new].mean() > 0.9
    assert not may_be_new(shares, nobody, nobody).any()


def test_in_a_language_without_themes_only_the_reason_speaks(growing) -> None:
    corpus, rows, known = growing
    everything = np.ones(len(rows), dtype=bool)
    shares, expected = measure_novelty(
        corpus.vectors[rows], ["he"] * len(rows), everything, known, means=corpus.means
    )
    assert np.isnan(shares).all()
    assert find_newcomers(shares, expected, everything).all()
    is_left_over = np.arange(len(rows)) % 2 == 0
    assert np.array_equal(may_be_new(shares, everything, is_left_over), is_left_over)


def test_a_new_theme_is_apart_from_its_nearest_and_more_of_a_known_one_is_not(growing) -> None:
    corpus, rows, known = growing
    for theme, is_apart in ((4, True), (2, False)):
        own = rows[corpus.gold[rows] == theme]
        nearest = np.full(len(own), 2, dtype=np.int32)
        langs = [corpus.langs[row] for row in own]
        apart = measure_separation(corpus.vectors[own], langs, nearest, known, means=corpus.means)
        assert apart > 0.8 if is_apart else apart < 0.2
    alone = measure_separation(corpus.vectors[own], langs, nearest - 3, known, means=corpus.means)
    assert alone == 1
