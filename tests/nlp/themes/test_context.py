import numpy as np

from nlp.themes.context import SHORT_MENTIONS, find_neighbourhoods, mix_context


def test_a_short_text_is_read_whole_and_a_long_one_sentence_by_sentence() -> None:
    n_long = SHORT_MENTIONS + 1
    near = find_neighbourhoods(["a"] * 3 + ["b"] * n_long + ["c"])
    assert near[:3] == [range(3)] * 3
    assert near[3] == range(3, 5) and near[4] == range(3, 6)
    assert near[2 + n_long] == range(1 + n_long, 3 + n_long)
    assert near[-1] == range(3 + n_long, 4 + n_long)


def test_a_mention_that_is_alone_keeps_its_vector_and_others_keep_a_part_of_theirs() -> None:
    rows = np.eye(3, dtype=np.float16)
    mixed = mix_context(rows, ["a", "a", "b"])
    np.testing.assert_array_equal(mixed[2], rows[2])
    assert mixed[0, 0] > mixed[0, 1] > 0 and mixed[1, 1] > mixed[1, 0] > 0
    np.testing.assert_allclose(np.linalg.norm(mixed, axis=1), 1, atol=1e-6)
