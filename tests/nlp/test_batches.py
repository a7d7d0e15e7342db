import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nlp.batches import LENGTHS, fill_batch, plan_batches

token_counts = st.lists(st.integers(1, 511), max_size=60)


@given(token_counts)
def test_every_text_is_in_exactly_one_batch(n_tokens: list[int]) -> None:
    batches = list(plan_batches(n_tokens, 512, 1024))
    rows = [row for batch in batches for row in batch.rows]
    assert sorted(rows) == list(range(len(n_tokens)))
    assert all(0 < len(batch.rows) <= batch.size for batch in batches)


@given(token_counts, st.integers(1, 511))
def test_the_shape_follows_from_the_text_s_own_length(others: list[int], own: int) -> None:
    def shape_of(n_tokens: list[int], row: int) -> tuple[int, int]:
        batches = plan_batches(n_tokens, 512, 1024)
        return next((batch.size, batch.length) for batch in batches if row in batch.rows)

    assert shape_of([*others, own], len(others)) == shape_of([own], 0)


@given(token_counts)
def test_every_text_is_shorter_than_its_batch(n_tokens: list[int]) -> None:
    for batch in plan_batches(n_tokens, 512, 1024):
        assert max(n_tokens[row] for row in batch.rows) < batch.length
        assert batch.length in LENGTHS


def test_a_model_with_a_short_input_gets_no_longer_batch() -> None:
    assert [batch.length for batch in plan_batches([3, 70, 99], 100, 1024)] == [8, 80, 100]


def test_a_text_longer_than_the_budget_travels_alone() -> None:
    (batch,) = plan_batches([500], 512, 100)
    assert (batch.size, batch.length) == (1, 512)


def test_spare_rows_repeat_the_first_text_and_every_row_has_padding() -> None:
    (batch,) = plan_batches([2, 3], 512, 32)
    ids, mask = fill_batch([[5, 6], [7, 8, 9]], batch, 1)
    padding = [1] * 5
    assert ids.tolist() == [[5, 6, 1, *padding], [7, 8, 9, *padding], *[[5, 6, 1, *padding]] * 2]
    assert mask.sum(axis=1).tolist() == [2, 3, 2, 2]
    assert (mask == 0).any(axis=1).all()
    assert ids.dtype == mask.dtype == np.int64


@given(token_counts)
def test_a_batch_that_need_not_be_filled_has_at_most_three_spare_rows(n_tokens: list[int]) -> None:
    filled = list(plan_batches(n_tokens, 512, 1024))
    batches = list(plan_batches(n_tokens, 512, 1024, is_filled=False))
    assert [(batch.rows, batch.length) for batch in batches] == [
        (batch.rows, batch.length) for batch in filled
    ]
    for batch, full in zip(batches, filled, strict=True):
        n_spare = batch.size - len(batch.rows)
        assert 0 <= n_spare <= min(3, len(batch.rows) - 1) or batch.size == len(batch.rows)
        assert batch.size <= full.size
        assert batch.size < 4 or batch.size % 4 == 0 or batch.size == full.size
