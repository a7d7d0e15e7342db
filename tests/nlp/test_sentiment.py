import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from nlp.cleaning import normalize_text
from nlp.encoder import Encoder
from nlp.errors import ModelError
from nlp.meaning import read_meanings
from nlp.sentiment import LABELS, SentimentHead, read_head, sentiment_of, softmax
from nlp.weights import SENTIMENT_HEAD, load_sentiment

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "cases" / "sentiment.jsonl").read_text().splitlines()
]
shares = st.tuples(*[st.floats(0.01, 1)] * 3)


@given(shares)
def test_score_and_confidence_stay_in_their_ranges(drawn: tuple[float, float, float]) -> None:
    probabilities = np.array(drawn, dtype=np.float32) / np.float32(sum(drawn))
    label, score, confidence = sentiment_of(probabilities)
    assert -1 <= score <= 1
    assert 1 / 3 - 1e-6 <= confidence <= 1
    assert probabilities[LABELS.index(label)] == np.float32(confidence) or label == "neutral"


@pytest.mark.parametrize(
    ("probabilities", "label", "score"),
    [
        ((0.7, 0.2, 0.1), "negative", -0.6),
        ((0.1, 0.2, 0.7), "positive", 0.6),
        ((0.2, 0.6, 0.2), "neutral", 0.0),
        ((0.4, 0.4, 0.2), "neutral", -0.2),
        ((0.45, 0.1, 0.45), "neutral", 0.0),
    ],
)
def test_of_equal_probabilities_the_moderate_label_wins(
    probabilities: tuple[float, float, float], label: str, score: float
) -> None:
    found = sentiment_of(probabilities)
    assert (found.label, found.confidence) == (label, max(probabilities))
    assert found.score == pytest.approx(score)


def test_softmax_survives_extreme_logits() -> None:
    found = softmax(np.array([[1000, 0, -1000], [0, 0, 0]], dtype=np.float32))
    assert found[0].tolist() == [1, 0, 0]
    assert found[1] == pytest.approx([1 / 3] * 3)
    assert softmax(np.zeros((0, 3), dtype=np.float32)).shape == (0, 3)


def _head() -> SentimentHead:
    rng = np.random.default_rng(2)
    weight = rng.normal(size=(3, 384)).astype(np.float32)
    return SentimentHead("h", weight, np.zeros(3, dtype=np.float32), {"*": 1.0, "he": 2.0})


def test_the_head_gives_the_same_bits_in_any_company() -> None:
    head = _head()
    vectors = np.random.default_rng(4).normal(size=(5003, 384)).astype(np.float16)
    texts = [""] * len(vectors)
    whole = head.score(texts, vectors)
    assert np.array_equal(head.score(texts, vectors[::-1])[::-1], whole)
    for first, last in ((0, 1), (7, 20), (4000, 4500)):
        part = head.score(texts[first:last], vectors[first:last])
        assert np.array_equal(part, whole[first:last])


def test_a_language_s_temperature_changes_confidence_and_never_the_label() -> None:
    head = _head()
    vectors = np.random.default_rng(4).normal(size=(200, 384), scale=0.05).astype(np.float16)
    plain = head.score([""] * 200, vectors)
    hebrew = head.score([""] * 200, vectors, ["he"] * 200)
    other = head.score([""] * 200, vectors, ["xx"] * 200)
    assert np.array_equal(other, plain)
    assert np.array_equal(hebrew.argmax(axis=1), plain.argmax(axis=1))
    assert (hebrew.max(axis=1) < plain.max(axis=1)).all()


def test_texts_and_vectors_must_belong_together() -> None:
    with pytest.raises(ValueError, match="3 texts"):
        _head().score(["a", "b", "c"], np.zeros((2, 384), dtype=np.float16))


def test_the_shipped_head_belongs_to_the_default_encoder() -> None:
    with pytest.raises(ModelError, match="name a transformers classifier"):
        load_sentiment("default", "some-other-model@123")


def test_the_shipped_head_is_small_and_no_pickle() -> None:
    assert SENTIMENT_HEAD.stat().st_size < 15_000_000
    assert load_file(SENTIMENT_HEAD)["weight"].shape == (3, 384)


def test_a_damaged_head_is_refused(tmp_path: Path) -> None:
    damaged = tmp_path / "head.safetensors"
    damaged.write_bytes(SENTIMENT_HEAD.read_bytes()[:500])
    with pytest.raises(ModelError, match="damaged"):
        read_head(damaged, "any")
    save_file({"weight": np.zeros((3, 384), dtype=np.float32)}, damaged)
    with pytest.raises(ModelError, match="damaged"):
        read_head(damaged, "any")


@pytest.mark.model
def test_golden_sentences_have_their_sentiment(
    encoder: Encoder, sentiment_model: SentimentHead
) -> None:
    langs = [case["lang"] for case in CASES]
    texts = [normalize_text(case["text"], case["lang"]) for case in CASES]
    found = read_meanings(texts, langs, encoder, sentiment_model)
    assert found.vectors.shape == (len(texts), encoder.dim)
    labels = [sentiment_of(row).label for row in found.probabilities]
    # A known error of this head stands with its case, and must go when the head makes it no more.
    expected = [case.get("known_error", case["label"]) for case in CASES]
    differing = [
        (case["text"], label)
        for case, label, wanted in zip(CASES, labels, expected, strict=True)
        if label != wanted
    ]
    assert differing == []
    assert sum("known_error" in case for case in CASES) <= 1
    assert {"en", "he", "ar", "fa", "es", "de", "fr"} <= set(langs)


@pytest.mark.model
@pytest.mark.parametrize("text", ["", "😍", "http", "a" * 100_000, "\ud800"])
def test_odd_texts_have_a_defined_sentiment(
    encoder: Encoder, sentiment_model: SentimentHead, text: str
) -> None:
    found = read_meanings([text], ["und"], encoder, sentiment_model)
    assert np.isfinite(found.probabilities).all()
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-3)
