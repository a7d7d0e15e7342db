import numpy as np

from nlp.themes.stability import Texts, measure_stability


def _texts(corpus, rows=None) -> Texts:
    rows = range(len(corpus.texts)) if rows is None else rows
    every = Texts(
        corpus.texts, corpus.vectors, corpus.langs, [f"d{row}" for row in rows], corpus.means
    )
    return every.take(list(rows))


def test_planted_themes_are_stable_and_apart(planted) -> None:
    texts = _texts(planted({"en": 60}, noise=0.4))
    found = measure_stability(texts, texts.discover(), n_resampled=3)
    assert found.n_themes == 6 and found.n_texts == 360
    assert found.separation > 0.5 and 0.1 < found.share_largest < 0.3
    assert [each.what for each in found.repeats] == ["resampled"] * 3 + ["shuffled"] * 2
    assert all(each.ari > 0.95 for each in found.repeats)
    assert [each.n_texts for each in found.repeats] == [288] * 3 + [360] * 2


def test_another_order_changes_nothing_even_where_little_holds(planted) -> None:
    texts = _texts(planted({"en": 60}, noise=2.5))
    found = measure_stability(texts, texts.discover(), n_resampled=2)
    resampled, shuffled = found.repeats[:2], found.repeats[2:]
    assert all(each.is_same and each.ari == 1 for each in shuffled)
    assert all(not each.is_same and each.ari < 0.95 for each in resampled)
    assert found.separation < 0.3
    assert sum(found.unassigned.values()) == round(found.share_unassigned * found.n_texts)


def test_parts_of_a_text_are_drawn_together(planted) -> None:
    corpus = planted({"en": 10})
    texts = Texts(corpus.texts, corpus.vectors, corpus.langs, ["a", "b", "c"] * 20, corpus.means)
    found = measure_stability(texts, texts.discover(), n_resampled=2, n_shuffled=0)
    assert [each.n_texts for each in found.repeats] == [40, 40]


def test_few_texts_have_no_separation(planted) -> None:
    corpus = planted({"en": 1})
    for n in (0, 1, 2, 5):
        texts = _texts(corpus, range(n))
        found = measure_stability(texts, texts.discover())
        assert (found.n_texts, found.n_themes, found.separation) == (n, 0, None)
        assert found.share_unassigned == (n > 0)
    assert np.isclose(found.share_largest, 0)
