"""A branch of the encoder's pass: its bits, and that it takes nothing from the embedding."""

import numpy as np
import pytest
from numpy.typing import NDArray

from nlp.branch import Branch, copy_layers
from nlp.compiled import CompiledEncoder
from nlp.encoder import BranchingEncoder, SentenceEncoder

pytestmark = pytest.mark.model

TEXTS = [
    *("Great food, rude waiter.", "המשלוח איחר", "الخدمة ممتازة", "غذا سرد بود", "😍", "", "a"),
    "word " * 900,
    *(" ".join(["the delivery was late"] * n) for n in (1, 2, 6, 25)),
]


@pytest.fixture(scope="module")
def encoder(either_encoder: BranchingEncoder) -> BranchingEncoder:
    return either_encoder


def copy_branch(encoder: SentenceEncoder, head: NDArray[np.float32]) -> Branch:
    """The encoder's own upper layers, under a head."""
    weights = {name: tensor.numpy() for name, tensor in copy_layers(encoder.layers[8:]).items()}
    bias = np.zeros(len(head), dtype=np.float32)
    return Branch(8, weights | {"head.weight": head, "head.bias": bias}, len(head))


@pytest.fixture(scope="module")
def branch(sentence_encoder: SentenceEncoder) -> Branch:
    head = np.random.default_rng(3).standard_normal((3, 768)).astype(np.float32)
    return copy_branch(sentence_encoder, head)


@pytest.fixture(scope="module")
def scores(encoder: BranchingEncoder, branch: Branch) -> NDArray[np.float32]:
    return encoder.run_branch(TEXTS, branch)


def test_the_embedding_has_the_same_bits_with_and_without_a_branch(
    encoder: BranchingEncoder, branch: Branch, scores: NDArray[np.float32]
) -> None:
    vectors, found = encoder.encode_with(TEXTS, branch)
    assert vectors.dtype == np.dtype("<f2")
    assert np.array_equal(vectors, encoder.encode(TEXTS))
    assert np.array_equal(found, scores)


def test_scores_are_the_same_bits_in_any_order_and_company(
    encoder: BranchingEncoder, branch: Branch, scores: NDArray[np.float32]
) -> None:
    order = np.random.default_rng(5).permutation(len(TEXTS))
    assert np.array_equal(encoder.run_branch([TEXTS[i] for i in order], branch), scores[order])
    assert np.array_equal(encoder.run_branch(TEXTS[2:3], branch), scores[2:3])
    assert np.array_equal(encoder.run_branch([*TEXTS[:9], *TEXTS], branch)[9:], scores)
    assert encoder.run_branch([], branch).shape == (0, 3)


def test_scores_are_the_same_bits_on_one_thread_and_on_two(
    encoder: BranchingEncoder, branch: Branch, scores: NDArray[np.float32]
) -> None:
    import torch

    before = torch.get_num_threads()
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            assert np.array_equal(encoder.encode_with(TEXTS, branch)[1], scores)
    finally:
        torch.set_num_threads(before)


def test_a_branch_of_the_encoder_s_own_layers_says_what_the_encoder_says(
    encoder: BranchingEncoder, sentence_encoder: SentenceEncoder
) -> None:
    own = copy_branch(sentence_encoder, np.eye(384, 768, dtype=np.float32))
    vectors, pooled = encoder.encode_with(TEXTS[:12], own)
    cosines = (vectors * pooled).sum(axis=1) / np.linalg.norm(pooled, axis=1)
    assert cosines.min() > 0.9995


def test_both_ways_of_running_give_nearly_the_same_scores(
    compiled_encoder: CompiledEncoder, sentence_encoder: SentenceEncoder, branch: Branch
) -> None:
    left, right = (
        each.run_branch(TEXTS[:12], branch) for each in (compiled_encoder, sentence_encoder)
    )
    assert np.abs(left - right).max() < 0.02 * np.abs(right).max()


def test_reading_ends_at_the_layer_that_is_wanted(
    sentence_encoder: SentenceEncoder, branch: Branch
) -> None:
    scores = sentence_encoder.run_branch(TEXTS, branch)

    def refuse(*_: object) -> None:
        raise AssertionError("a layer above the fork was run")

    handle = sentence_encoder.layers[8].register_forward_hook(refuse)
    try:
        assert np.array_equal(sentence_encoder.run_branch(TEXTS[:2], branch), scores[:2])
    finally:
        handle.remove()
