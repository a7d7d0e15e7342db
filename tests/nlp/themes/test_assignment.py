from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nlp.themes.vectors
from nlp.themes.assignment import KnownThemes, assign_themes
from nlp.themes.nearest import Voters
from nlp.themes.vectors import unit_rows


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


@settings(max_examples=25, deadline=None)
@given(size=st.integers(1, 300), n_known=st.integers(1, 90), seed=st.integers(0, 99))
def test_blocks_of_any_size_give_the_same_bits(size: int, n_known: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    known, rows = (unit_rows(rng.normal(size=(n, 16))) for n in (n_known, 300))
    voters = Voters(known, rng.integers(0, 7, n_known).astype(np.int32))
    whole = voters.judge(rows)
    parts = [voters.judge(rows[start : start + size]) for start in range(0, len(rows), size)]
    for name in ("labels", "shares", "confidences"):
        together = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(getattr(whole, name), together)


@pytest.mark.parametrize("n_cores", [1, 2])
def test_threads_and_the_order_of_the_rows_change_nothing(
    planted, monkeypatch: pytest.MonkeyPatch, n_cores: int
) -> None:
    corpus = planted({"en": 500, "he": 12}, noise=0.8)
    known = _known(corpus, np.arange(0, len(corpus.texts), 2))
    rows = np.arange(1, len(corpus.texts), 2)
    plain = _assign(corpus, rows, known)
    order = np.random.default_rng(0).permutation(len(rows))
    monkeypatch.setattr(nlp.themes.vectors, "count_cores", lambda: n_cores)
    mixed = _assign(corpus, rows[order], known)
    np.testing.assert_array_equal(mixed.labels, plain.labels[order])
    np.testing.assert_array_equal(mixed.strengths, plain.strengths[order])
    assert mixed.reasons == tuple(plain.reasons[row] for row in order)


def test_vectors_are_read_in_blocks_from_where_they_are(
    planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = planted({"en": 60}, noise=0.8)
    monkeypatch.setattr(nlp.themes.vectors, "READ_ROWS", 50)
    known, rows = _known(corpus, np.arange(0, 360, 2)), np.arange(1, 360, 2)
    source = _Source(corpus.vectors)
    found = _assign(replace(corpus, vectors=source), rows, known)
    np.testing.assert_array_equal(found.strengths, _assign(corpus, rows, known).strengths)
    assert max(source.read) == 50


class _Source:
    """Vectors that are read by parts, and how many at a time."""

    def __init__(self, vectors: np.ndarray, read: list[int] | None = None) -> None:
        self._vectors = vectors
        self.shape = vectors.shape
        self.read = [] if read is None else read

    def __getitem__(self, rows) -> "np.ndarray | _Source":
        if isinstance(rows, slice):
            self.read.append(len(self._vectors[rows]))
            return self._vectors[rows]
        return _Source(self._vectors[rows], self.read)


def test_a_language_without_members_is_compared_across(planted) -> None:
    corpus = planted({"en": 80, "he": 10}, noise=0.3)
    is_english = np.array(corpus.langs) == "en"
    known = _known(corpus, np.flatnonzero(is_english))
    found = _assign(corpus, np.flatnonzero(~is_english), known)
    assert (found.labels == corpus.gold[~is_english]).mean() > 0.9


@pytest.mark.parametrize("n_hebrew", [0, 1, 6])
def test_a_few_texts_of_a_second_language_do_not_open_the_themes_to_a_third(
    planted, n_hebrew: int
) -> None:
    corpus = planted({"en": 80, "he": 6, "ar": 1}, noise=0.5)
    langs = np.array(corpus.langs)
    members = [np.flatnonzero(langs == "en"), np.flatnonzero(langs == "he")[:n_hebrew]]
    known = _known(corpus, np.concatenate(members))
    strange = unit_rows(np.random.default_rng(4).normal(size=(200, corpus.vectors.shape[1])))
    found = assign_themes(["qa wu ze ki"] * 200, strange, ["ar"] * 200, known, means=corpus.means)
    assert np.mean([reason is None for reason in found.reasons]) < 0.05


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
