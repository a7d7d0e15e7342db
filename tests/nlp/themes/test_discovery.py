from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from nlp.themes.discovery import Discovery, discover_themes
from tests.nlp.themes.threads import run_on_threads

ROOT = Path(__file__).parents[3]


def _discover(corpus, rows=None, **options) -> Discovery:
    rows = range(len(corpus.texts)) if rows is None else rows
    return discover_themes(
        [corpus.texts[row] for row in rows],
        corpus.vectors[list(rows)],
        [corpus.langs[row] for row in rows],
        means=corpus.means,
        **options,
    )


def _same(left: Discovery, right: Discovery) -> bool:
    return all(
        np.array_equal(a, b) if isinstance(a, np.ndarray) else str(a) == str(b)
        for a, b in zip(astuple(left), astuple(right), strict=True)
    )


def test_planted_themes_are_found(planted) -> None:
    corpus = planted({"en": 60})
    found = _discover(corpus)
    assert found.n_themes == 6
    assert adjusted_rand_score(corpus.gold, found.labels) > 0.95


def test_the_same_theme_in_three_languages_is_one_theme(planted) -> None:
    corpus = planted({"en": 120, "he": 100, "ar": 100})
    found = _discover(corpus)
    assert adjusted_rand_score(corpus.gold, found.labels) > 0.9
    assert all(langs == ("ar", "en", "he") for langs in found.theme_langs)


def test_small_languages_share_a_graph_and_a_theme(planted) -> None:
    corpus = planted({"en": 12, "he": 12, "ar": 12})
    found = _discover(corpus)
    assert any(len(langs) == 3 for langs in found.theme_langs)


def test_shuffled_rows_give_the_same_themes(planted) -> None:
    corpus = planted({"en": 50, "he": 30})
    found = _discover(corpus)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(corpus.texts))
        again = _discover(corpus, order.tolist())
        np.testing.assert_array_equal(again.labels, found.labels[order])
        np.testing.assert_array_equal(again.strengths, found.strengths[order])
        np.testing.assert_array_equal(again.groups, found.groups)
        assert again.reasons == tuple(found.reasons[row] for row in order)
        assert again.theme_langs == found.theme_langs


def test_one_and_two_threads_give_the_same_themes() -> None:
    program = (
        "import sys; sys.path[:0] = ['tests/nlp/themes', '.']\n"
        "from conftest import plant; from hashlib import sha256\n"
        "from nlp.themes.discovery import discover_themes\n"
        "c = plant({'en': 150, 'he': 40}, noise=1.0)\n"
        "d = discover_themes(c.texts, c.vectors, c.langs, means=c.means)\n"
        "digest = sha256(d.labels.tobytes() + d.strengths.tobytes() + repr(d.reasons).encode())\n"
        "print(digest.hexdigest())"
    )
    assert run_on_threads(program, 1) == run_on_threads(program, 2)


def test_equal_texts_share_a_fate_and_do_not_move_the_others(planted) -> None:
    corpus = planted({"en": 40})
    rows = [*range(len(corpus.texts)), *([3] * 50)]
    alone, repeated = _discover(corpus), _discover(corpus, rows)
    assert len(set(repeated.labels[-50:].tolist()) | {int(repeated.labels[3])}) == 1
    assert adjusted_rand_score(alone.labels, repeated.labels[: len(corpus.texts)]) == 1
    np.testing.assert_array_equal(alone.strengths, repeated.strengths[: len(corpus.texts)])


@pytest.mark.parametrize("n", [0, 1, 2, 5, 29])
def test_few_texts_have_no_theme_and_a_reason_each(planted, n: int) -> None:
    found = _discover(planted({"en": 60}), range(n))
    assert (found.n_themes, found.labels.tolist()) == (0, [-1] * n)
    assert len(found.reasons) == n and None not in found.reasons


@pytest.mark.parametrize("n", [30, 300, 10_000])
def test_one_text_of_many_people_is_one_theme(planted, n: int) -> None:
    found = _discover(planted({"en": 5}), [0] * n)
    assert found.n_themes == 1 and set(found.labels.tolist()) == {0}
    assert set(found.reasons) == {None} and len(set(found.strengths.tolist())) == 1


def test_one_text_of_a_few_people_is_no_theme(planted) -> None:
    found = _discover(planted({"en": 5}), [0] * 29)
    assert found.n_themes == 0 and set(found.reasons) == {"far_from_all"}


def test_a_few_answers_given_again_and_again_are_themes_in_all_languages(planted) -> None:
    corpus = planted({"en": 4, "he": 4}, n_themes=3, noise=0.2, seed=1)
    texts = range(len(corpus.texts))
    counts = [100 * (gold + 1) if row % 4 < 2 else 1 for row, gold in enumerate(corpus.gold)]
    found = _discover(corpus, texts, counts=counts)
    assert found.n_themes == 3 and None in found.reasons
    assert adjusted_rand_score(corpus.gold, found.labels) == 1
    assert corpus.gold[np.flatnonzero(found.labels == 0)[0]] == 2  # the largest is number 0
    order = np.random.default_rng(0).permutation(len(corpus.texts))
    again = _discover(corpus, order.tolist(), counts=[counts[row] for row in order])
    np.testing.assert_array_equal(again.labels, found.labels[order])
    np.testing.assert_array_equal(again.strengths, found.strengths[order])


def test_what_was_said_once_beside_repeated_answers_needs_to_be_near(planted) -> None:
    corpus = planted({"en": 3}, n_themes=2, noise=0.2)
    found = _discover(corpus, [0, 1, 3], counts=[100, 1, 1])
    assert found.n_themes == 1
    assert found.reasons == (None, None, "far_from_all")


def test_a_corpus_about_one_thing_has_one_theme(planted) -> None:
    found = _discover(planted({"en": 60}, n_themes=1, noise=0.3))
    assert found.n_themes == 1 and set(found.labels.tolist()) == {0}


@pytest.mark.parametrize(("n_themes", "expected"), [(1, {1}), (4, {4, 5, 6})])
def test_a_hundred_texts_of_one_intent_are_one_theme(planted, n_themes: int, expected) -> None:
    from dataclasses import replace

    corpus = planted({"en": 100 // n_themes}, n_themes=n_themes, noise=0.8)
    means = replace(corpus.means, projection=np.eye(corpus.vectors.shape[1], dtype=np.float32))
    blind, found = _discover(corpus), _discover(replace(corpus, means=means))
    assert blind.n_themes > 1
    assert found.n_themes in expected


def test_nonsense_has_a_defined_result() -> None:
    from nlp.themes.centring import zero_means

    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    texts = ["".join(chr(97 + c) for c in rng.integers(0, 26, 12)) for _ in range(40)]
    found = discover_themes(texts, vectors, ["en"] * 40, means=zero_means(64))
    assert found.n_themes <= 4
    assert set(found.labels.tolist()) == set(range(found.n_themes)) or found.n_themes == 0


def test_three_rows_of_a_language_are_assigned_to_the_themes_of_another(planted) -> None:
    corpus = planted({"en": 80, "he": 20}, noise=0.3)
    hebrew = [row for row, lang in enumerate(corpus.langs) if lang == "he"]
    rows = [row for row, lang in enumerate(corpus.langs) if lang == "en"] + hebrew[::45]
    found = _discover(corpus, rows)
    assert all(langs == ("en",) for langs in found.theme_langs)
    for place in range(len(rows) - 3, len(rows)):
        same = found.labels[:480][corpus.gold[rows[:480]] == corpus.gold[rows[place]]]
        assert found.labels[place] == np.bincount(same).argmax()


def test_a_text_without_words_is_unassigned_for_that_reason(planted) -> None:
    corpus = planted({"en": 40})
    texts = [*corpus.texts, "👍👍 5/5 <EMAIL> http @user"]
    vectors = np.concatenate([corpus.vectors, corpus.vectors[:1]])
    found = discover_themes(texts, vectors, [*corpus.langs, "en"], means=corpus.means)
    assert found.reasons[-1] == "no_content" and found.labels[-1] >= 0


def test_strength_tells_assigned_from_unassigned(planted) -> None:
    found = _discover(planted({"en": 60}, noise=1.2))
    for strength, reason in zip(found.strengths, found.reasons, strict=True):
        assert 0 <= strength <= 1
        assert (reason is None) == (strength >= 0.5)


def test_beyond_the_bound_a_sample_is_fitted_and_the_rest_assigned(planted) -> None:
    corpus = planted({"en": 300})
    found = _discover(corpus, max_fit_rows=900)
    assert (found.labels >= 0).all()
    assert adjusted_rand_score(corpus.gold, found.labels) > 0.9


def test_themes_are_numbered_by_size(planted) -> None:
    found = _discover(planted({"en": 50}, noise=1.0))
    sizes = np.bincount(found.labels, minlength=found.n_themes)
    assert (np.diff(sizes) <= 0).all()


def test_vectors_with_nan_are_refused_with_a_count(planted) -> None:
    corpus = planted({"en": 10})
    broken = corpus.vectors.copy()
    broken[[4, 7], 0] = np.nan
    with pytest.raises(ValueError, match=r"2 of 60 vectors hold NaN or infinity \(first: row 4\)"):
        discover_themes(corpus.texts, broken, corpus.langs, means=corpus.means)


def test_lengths_that_differ_are_refused(planted) -> None:
    corpus = planted({"en": 10})
    with pytest.raises(ValueError, match=r"60 texts need vectors of shape \(60, d\)"):
        discover_themes(corpus.texts, corpus.vectors[:5], corpus.langs, means=corpus.means)
    with pytest.raises(ValueError, match="60 texts need as many languages, got 1"):
        discover_themes(corpus.texts, corpus.vectors, ["en"], means=corpus.means)


def test_a_way_of_writing_is_no_theme(planted) -> None:
    corpus = planted({"en": 100})
    is_post = np.arange(len(corpus.texts)) % 2 == 1
    shift = np.where(is_post[:, None], np.ones(corpus.vectors.shape[1]) / 8, 0)
    shifted = corpus.vectors.astype(np.float32) + shift
    vectors = shifted / np.linalg.norm(shifted, axis=1, keepdims=True)
    registers = np.where(is_post, "social", "survey").tolist()
    blind = discover_themes(corpus.texts, vectors, corpus.langs, means=corpus.means)
    found = discover_themes(
        corpus.texts, vectors, corpus.langs, registers=registers, means=corpus.means
    )
    assert adjusted_rand_score(corpus.gold, found.labels) > 0.9
    assert adjusted_rand_score(corpus.gold, blind.labels) < 0.8
    assert all(langs == ("en",) for langs in found.theme_langs)


def test_one_long_document_is_no_theme(planted) -> None:
    corpus = planted({"en": 40})
    documents = ["one" if gold == 0 else str(row) for row, gold in enumerate(corpus.gold.tolist())]
    found = _discover(corpus, documents=documents)
    assert _discover(corpus).n_themes == 6 and found.n_themes == 5


def test_lengths_of_registers_that_differ_are_refused(planted) -> None:
    corpus = planted({"en": 10})
    with pytest.raises(ValueError, match="60 texts need as many registers, got 1"):
        _discover(corpus, registers=["survey"])
