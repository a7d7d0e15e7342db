"""Vectors of 8 bits: nearly the cosines of what they stand for, at a quarter of the memory."""

import numpy as np

from nlp.quantised import quantise_rows
from nlp.themes.vectors import unit_rows


def test_cosines_keep_three_digits_and_the_order_of_rows_decides_nothing() -> None:
    rows = unit_rows(np.random.default_rng(3).normal(size=(1_500, 384)))
    asked = rows[7]
    scores = quantise_rows(rows).score(asked)
    assert np.abs(scores - rows @ asked).max() < 2e-3
    assert quantise_rows(rows[::-1]).score(asked)[::-1].tolist() == scores.tolist()


def test_a_row_of_zeros_is_near_to_nothing() -> None:
    rows = quantise_rows(np.zeros((2, 8), dtype=np.float32))
    assert rows.score(np.ones(8, dtype=np.float32)).tolist() == [0, 0]
    assert rows.restore(slice(None)).tolist() == np.zeros((2, 8)).tolist()
