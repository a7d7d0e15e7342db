"""Letters in common, against scikit-learn."""

import tracemalloc

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from nlp.themes.lexical import letter_rows, pair_similarities

WORDS = st.sampled_from(
    ["card", "cards", "Cards", "a", "to", "top-up", "הכרטיס", "כרטיס", "بطاقة", "البطاقة", "کارت‌ها"]
)
TEXTS = st.lists(st.lists(WORDS, max_size=6).map(" ".join), min_size=2, max_size=12)


@settings(max_examples=60, deadline=None)
@given(TEXTS)
@example(["", ""])
@example(["card", "שלום"])
@example(["\ud800 card", "card  \n card"])
def test_rows_are_those_of_scikit_learn(texts: list[str]) -> None:
    vectorizer = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2
    )
    try:
        wanted = vectorizer.fit_transform(texts)
        expected = (wanted @ wanted.T).toarray()
    except ValueError:  # no run of letters occurs in two texts
        expected = np.zeros((len(texts), len(texts)))
    rows = letter_rows(texts)
    np.testing.assert_allclose((rows @ rows.T).toarray(), expected, atol=1e-6)


def test_pairs_are_compared_row_by_row() -> None:
    rows = letter_rows(["the card", "the card is late", "a refund", "the card"])
    found = pair_similarities(rows, np.array([[1, 3], [0, 2], [0, 1], [2, 0]], dtype=np.int32))
    whole = (rows @ rows.T).toarray()
    np.testing.assert_allclose(found, [[whole[0, 1], 1], [whole[1, 0], 0], [0, 0], [0, 1]])


def test_long_texts_are_compared_in_smaller_blocks() -> None:
    rng = np.random.default_rng(0)
    letters = rng.integers(97, 123, size=(200, 2_000), dtype=np.uint8)
    rows = letter_rows([bytes(text).decode() for text in letters])
    near = rng.integers(0, len(letters), size=(len(letters), 40), dtype=np.int32)
    tracemalloc.start()
    found = pair_similarities(rows, near)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    exact = rows.astype(np.float64)
    whole = (exact @ exact.T).toarray()
    np.testing.assert_allclose(found, np.take_along_axis(whole, near, axis=1), atol=1e-6)
    all_pairs = near.size * 2 * 8 * rows.nnz // len(letters)
    assert peak < all_pairs / 2, f"{peak:,} bytes, all pairs at once {all_pairs:,}"
