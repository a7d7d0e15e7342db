"""Letters in common, against scikit-learn."""

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
