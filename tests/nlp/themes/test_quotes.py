import numpy as np

from nlp.themes.quotes import choose_quotes

SAME = np.array([[1, 0, 0]] * 4, dtype=np.float16)


def test_the_readable_text_is_quoted_first() -> None:
    texts = ["bad", "the card never arrived at my home", "x " * 90, "arrived?"]
    assert choose_quotes(texts, SAME, 1) == [1]


def test_equal_texts_are_quoted_once() -> None:
    assert (
        len(choose_quotes(["The card is late again", "the card is late again "] * 2, SAME, 3)) == 1
    )


def test_quotes_cover_the_sides_of_a_theme() -> None:
    sides = [[1, 0.3, 0]] * 3 + [[1, 0, 0.3]]
    rows = np.array(sides, dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    texts = [f"my card did not arrive {word}" for word in ("yet", "again", "either")]
    chosen = choose_quotes([*texts, "the courier lost my new card"], rows, 2)
    assert 3 in chosen


def test_the_order_of_the_texts_does_not_choose_the_quotes() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(30, 8)).astype(np.float32)
    texts = [f"text number {number} of the theme" for number in range(30)]
    order = rng.permutation(30)
    plain = [texts[row] for row in choose_quotes(texts, rows)]
    mixed = [texts[order[row]] for row in choose_quotes([texts[i] for i in order], rows[order])]
    assert plain == mixed


def test_no_text_gives_no_quote() -> None:
    assert choose_quotes([], np.zeros((0, 3), dtype=np.float16)) == []
    assert choose_quotes([" "], np.ones((1, 3), dtype=np.float16)) == []


def test_near_copies_are_no_further_quote() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(5, 8)).astype(np.float32)
    texts = [
        "my refund has not arrived yet",
        "My refund has not arrived yet!!",
        "so my refund has not arrived yet",
        "the shop says that it sent the money back",
        "My refund: not yet arrived, has it",
    ]
    chosen = choose_quotes(texts, rows, 3)
    assert len(chosen) == 2 and 3 in chosen
    same = np.repeat(rows[:1], 3, axis=0) + 0.001 * rng.normal(size=(3, 8)).astype(np.float32)
    mixed = np.concatenate([same, -rows[:1]])
    words = [
        "first way to say it",
        "another word for this",
        "yet one more sentence",
        "the other side",
    ]
    assert len(choose_quotes(words, mixed, 4)) == 2


def test_quotes_are_rows_of_the_texts_whatever_these_are() -> None:
    rng = np.random.default_rng(2)
    for n in (1, 2, 5, 30):
        texts = [f"  <EMAIL> text {rng.integers(8)} of {rng.integers(9)} 😀" for _ in range(n)]
        chosen = choose_quotes(texts, rng.normal(size=(n, 6)).astype(np.float32), 3)
        assert 1 <= len(chosen) <= 3 and len(set(chosen)) == len(chosen)
        assert all(0 <= row < n for row in chosen)
