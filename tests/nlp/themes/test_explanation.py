import numpy as np
import pytest

from nlp.themes.assignment import KnownThemes, assign_themes
from nlp.themes.centring import zero_means
from nlp.themes.confidence import ASSIGNED_STRENGTH
from nlp.themes.explanation import explain_assignment


def _known(corpus, rows) -> KnownThemes:
    labels = corpus.gold[rows].astype(np.int32)
    return KnownThemes(corpus.vectors[rows], [corpus.langs[row] for row in rows], labels, {})


def _explain(corpus, row, rows, **options):
    return explain_assignment(
        corpus.texts[row],
        corpus.vectors[row],
        corpus.langs[row],
        _known(corpus, rows),
        [corpus.texts[each] for each in rows],
        means=corpus.means,
        **options,
    )


@pytest.mark.parametrize("noise", [0.4, 1.2, 2.5])
def test_an_explanation_says_what_assignment_does(planted, noise: float) -> None:
    corpus = planted({"en": 60, "he": 10}, noise=noise)
    rows = np.arange(0, 420, 2)
    asked = np.arange(1, 420, 14)
    langs = [corpus.langs[row] for row in asked]
    texts = [corpus.texts[row] for row in asked]
    done = assign_themes(
        texts, corpus.vectors[asked], langs, _known(corpus, rows), means=corpus.means
    )
    for place, row in enumerate(asked):
        found = _explain(corpus, row, rows)
        best = found.candidates[0]
        assert best.label == done.labels[place]
        assert best.strength == pytest.approx(float(done.strengths[place]), abs=1e-4)
        assert found.reason == done.reasons[place]
        assert (found.lacking > 0) == (best.strength < ASSIGNED_STRENGTH)
        assert sum(each.n_votes for each in found.candidates) <= found.n_asked == 10
        shares = [each.share for each in found.candidates]
        assert shares == sorted(shares, reverse=True)


def test_the_nearest_members_are_the_nearest(planted) -> None:
    corpus = planted({"en": 20}, noise=0.6)
    rows = np.arange(1, 120)
    found = _explain(corpus, 0, rows)
    centred = corpus.vectors.astype(np.float64) - corpus.means.mean_of("en")
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    cosines = centred[rows] @ centred[0]
    assert [each.row for each in found.nearest] == np.argsort(-cosines)[:5].tolist()
    for each in found.nearest:
        assert each.likeness == pytest.approx(cosines[each.row], abs=1e-3)
        assert each.label == corpus.gold[rows[each.row]]


def test_words_in_common_come_without_endings_particles_and_stop_words() -> None:
    texts = ["the cards were declined", "my card again", "הכרטיס נדחה", "the weather is nice"]
    vectors = np.eye(4, 8, dtype=np.float16) + np.float16(0.3)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    known = KnownThemes(vectors, ["en"] * 4, np.array([0, 0, 0, 1], dtype=np.int32), {})
    zero = zero_means(8)
    found = explain_assignment("my card was declined", vectors[0], "en", known, texts, means=zero)
    by_row = {each.row: each.words for each in found.nearest}
    assert by_row == {0: ("card", "declined"), 1: ("card",), 2: (), 3: ()}
    words = {
        each.label: [(word.word, word.n_texts, word.n_of) for word in each.words]
        for each in found.candidates
    }
    assert words == {0: [("card", 2, 3)], 1: []}
    hebrew = KnownThemes(vectors[:3], ["he"] * 3, np.zeros(3, dtype=np.int32), {})
    others = ["הכרטיס נדחה", "בכרטיס", "שלום"]
    found = explain_assignment("כרטיס", vectors[2], "he", hebrew, others, means=zero)
    assert {each.row: each.words for each in found.nearest} == {0: ("כרטיס",), 1: ("כרטיס",), 2: ()}


def test_themes_of_other_languages_are_asked_where_there_are_none(planted) -> None:
    corpus = planted({"en": 80, "he": 10}, noise=0.3)
    rows = np.arange(480)
    found = _explain(corpus, 485, rows)
    assert found.is_across
    assert found.candidates[0].label == corpus.gold[485]
    assert not _explain(corpus, 3, rows[4:]).is_across


def test_without_themes_there_is_nothing_to_explain(planted) -> None:
    corpus = planted({"en": 5})
    assert _explain(corpus, 0, np.zeros(0, dtype=int)) is None


def test_a_broken_vector_is_refused(planted) -> None:
    corpus = planted({"en": 10})
    corpus.vectors[0] = np.nan
    with pytest.raises(ValueError, match="1 of 1 vectors hold NaN"):
        _explain(corpus, 0, np.arange(1, 60))
