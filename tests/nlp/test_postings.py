"""Which texts hold which words, against looking at each."""

import numpy as np
import pytest

from nlp.postings import find_names, make_postings, number_words, read_words

TEXTS = ["Order A-1234 is late", "late, LATE refund", "", "ההזמנה A-1234 לא הגיעה", "iPhone 15"]


def test_the_texts_with_a_word_are_found_whatever_their_case() -> None:
    pairs = np.concatenate([number_words(TEXTS[:2], 0), number_words(TEXTS[2:], 2)])
    postings = make_postings(pairs, len(TEXTS))
    for word in ("late", "1234", "a", "refund", "הגיעה", "absent"):
        expected = [row for row, text in enumerate(TEXTS) if word in read_words(text)]
        assert postings.find(word).tolist() == expected
    assert postings.find_all(["a", "1234"]).tolist() == [0, 3]
    shares = postings.share(["late", "refund"])
    assert shares[1] == pytest.approx(1)
    assert 0 < shares[0] < 0.5 < 1  # "late" is in two texts, "refund" in one
    assert shares[2] == 0


@pytest.mark.parametrize(
    ("text", "lang", "names"),
    [
        ("my iPhone 15 is late", "en", ["iphone", "15"]),
        ("Where is order A1234?", "en", ["a1234"]),
        ("Late again. Refund please", "en", []),
        ("what I wrote to Samsung", "en", ["samsung"]),
        ("Where Is My Refund", "en", []),
        ("Das Paket von DHL", "de", ["dhl"]),
        ("ה-iPhone שלי", "he", ["iphone"]),
    ],
)
def test_names_and_numbers_are_told_from_words(text: str, lang: str, names: list[str]) -> None:
    assert find_names(text, lang) == names
