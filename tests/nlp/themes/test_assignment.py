import numpy as np
import pytest

from nlp.themes.assignment import KnownThemes, assign_themes


def _known(corpus, rows) -> KnownThemes:
    rows = np.asarray(rows)
    return KnownThemes(
        corpus.vectors[rows],
        [corpus.langs[row] for row in rows],
        corpus.gold[rows].astype(np.int32),
        {},
    )


def _assign(corpus, rows, known, **options):
    texts = [f"{corpus.texts[row]} again" for row in rows]
    langs = [corpus.langs[row] for row in rows]
    return assign_themes(texts, corpus.vectors[rows], langs, known, means=corpus.means, **options)


def test_new_rows_get_the_theme_of_their_like(planted) -> None:
    corpus = planted({"en": 60}, noise=0.4)
    old, new = np.arange(0, 360, 2), np.arange(1, 360, 2)
    found = _assign(corpus, new, _known(corpus, old))
    assert (found.labels == corpus.gold[new]).mean() > 0.98
    assert np.mean([reason is None for reason in found.reasons]) > 0.7


def test_a_row_is_judged_without_regard_to_its_company(planted) -> None:
    corpus = planted({"en": 60, "he": 20}, noise=0.8)
    known = _known(corpus, np.arange(0, 480, 2))
    together = _assign(corpus, np.arange(1, 480, 2), known)
    alone = [_assign(corpus, np.array([row]), known) for row in (1, 99, 361, 479)]
    for place, found in zip((0, 49, 180, 239), alone, strict=True):
        assert found.labels[0] == together.labels[place]
        assert found.strengths[0] == together.strengths[place]


def test_the_order_of_the_members_changes_nothing(planted) -> None:
    corpus = planted({"en": 60}, noise=0.8)
    rows = np.arange(0, 360, 2)
    forward = _assign(corpus, np.arange(1, 360, 2), _known(corpus, rows), max_members=60)
    backward = _assign(corpus, np.arange(1, 360, 2), _known(corpus, rows[::-1]), max_members=60)
    np.testing.assert_array_equal(forward.labels, backward.labels)


def test_a_language_without_members_is_compared_across(planted) -> None:
    corpus = planted({"en": 80, "he": 10}, noise=0.3)
    is_english = np.array(corpus.langs) == "en"
    known = _known(corpus, np.flatnonzero(is_english))
    found = _assign(corpus, np.flatnonzero(~is_english), known)
    assert (found.labels == corpus.gold[~is_english]).mean() > 0.9


def test_without_themes_nothing_is_assigned(planted) -> None:
    corpus = planted({"en": 5})
    found = _assign(corpus, np.arange(3), _known(corpus, np.zeros(0, dtype=int)))
    assert found.labels.tolist() == [-1, -1, -1]
    assert found.reasons == ("far_from_all",) * 3


def test_no_new_texts_give_an_empty_answer(planted) -> None:
    corpus = planted({"en": 10})
    found = _assign(corpus, np.zeros(0, dtype=int), _known(corpus, range(60)))
    assert len(found.labels) == len(found.reasons) == 0


def test_vectors_with_nan_are_refused(planted) -> None:
    corpus = planted({"en": 10})
    broken = np.full((1, corpus.vectors.shape[1]), np.nan, dtype=np.float16)
    with pytest.raises(ValueError, match="1 of 1 vectors hold NaN"):
        assign_themes(["a"], broken, ["en"], _known(corpus, range(60)), means=corpus.means)
