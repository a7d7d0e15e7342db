import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp.themes.vectors import best_similarities, exact_grid, mean_rows, unit_rows


def _rows(n: int, seed: int) -> np.ndarray:
    return unit_rows(np.random.default_rng(seed).normal(size=(n, 16)))


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 400), k=st.integers(1, 70), block=st.integers(1, 80), seed=st.integers(0, 99)
)
def test_neighbours_are_those_of_brute_force_in_any_block(
    n: int, k: int, block: int, seed: int
) -> None:
    # Every third row is there twice or more: equal cosines come in the order of the rows.
    left, right = _rows(9, seed), _rows(n, seed + 1)[np.arange(n) // 3 * 2]
    indices, cosines = best_similarities(left, right, k, block=block)
    exact = (exact_grid(left).astype(np.int64) @ exact_grid(right).astype(np.int64).T) / 4000**2
    wanted = np.argsort(-exact, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(indices, wanted)
    np.testing.assert_array_equal(np.take_along_axis(exact, wanted, 1).astype(np.float32), cosines)


def test_products_do_not_depend_on_the_order_of_the_dimensions() -> None:
    rows, order = _rows(200, 0), np.random.default_rng(1).permutation(16)
    plain = best_similarities(rows, rows, 20, is_same=True)
    mixed = best_similarities(rows[:, order], rows[:, order], 20, is_same=True)
    np.testing.assert_array_equal(plain[0], mixed[0])
    np.testing.assert_array_equal(plain[1], mixed[1])


def test_a_row_is_not_its_own_neighbour() -> None:
    indices, _ = best_similarities(_rows(5, 0), _rows(5, 0), 10, is_same=True)
    assert indices.shape == (5, 4)
    assert all(row not in found for row, found in enumerate(indices.tolist()))


def test_means_leave_out_rows_without_label() -> None:
    rows = np.array([[1, 0], [0, 1], [0, 1]], dtype=np.float32)
    means = mean_rows(rows, np.array([0, -1, 2], dtype=np.int32), 3)
    np.testing.assert_array_equal(means, [[1, 0], [0, 0], [0, 1]])
