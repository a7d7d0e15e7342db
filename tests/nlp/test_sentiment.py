import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from nlp.branch_sentiment import hash_branch, read_about, read_branch
from nlp.cleaning import normalize_text
from nlp.encoder import SentenceEncoder
from nlp.errors import ModelError
from nlp.meaning import read_meanings
from nlp.sentiment import LABELS, Sentiment, SentimentModel, calibrate, sentiment_of, softmax
from nlp.weights import (
    SENTIMENT_BRANCH,
    encoder_name,
    load_encoder,
    load_sentiment,
    sentiment_name,
)
from scripts.sentiment_parts.rows import Row, separate
from tests.tiny_models import write_network

CASES = Path(__file__).parents[1] / "cases"
FILES = ("sentiment", "sentiment_traps", "polarity_probe")
# Shares of each kind that must be right, just below what is reached; the model card has the counts.
FLOORS = {
    "negation": 0.92,
    "sarcasm": 0.77,
    "emoji": 0.99,
    "one word": 0.99,
    "question": 0.99,
    "request": 0.99,
    # One of eight: the others are called negative. A run cuts such sentences into clauses first.
    "mixed": 0.12,
    "arabizi": 0.49,
    "dialect": 0.99,
}


class Judged(NamedTuple):
    """A golden sentence and what the model says of it."""

    case: dict[str, Any]
    sentiment: Sentiment


def _read_cases(name: str) -> list[dict[str, Any]]:
    lines = (CASES / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _plain(case: dict[str, Any]) -> str:
    """A text without case and punctuation; one without words, such as an emoji, as it is."""
    text = normalize_text(case["text"], case["lang"])
    return " ".join(re.findall(r"\w+", text.casefold())) or text


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


def test_a_language_s_temperature_changes_confidence_and_never_the_label() -> None:
    logits = np.random.default_rng(4).normal(size=(200, 3)).astype(np.float32)
    temperatures = {"*": 1.0, "he": 2.0}
    plain = calibrate(logits, temperatures)
    hebrew = calibrate(logits, temperatures, ["he"] * 200)
    assert np.array_equal(plain, softmax(logits))
    assert np.array_equal(calibrate(logits, temperatures, ["xx"] * 200), plain)
    assert np.array_equal(hebrew.argmax(axis=1), plain.argmax(axis=1))
    assert (hebrew.max(axis=1) < plain.max(axis=1)).all()
    assert calibrate(logits[:0], temperatures, []).shape == (0, 3)


def test_the_shipped_model_belongs_to_the_default_encoder() -> None:
    with pytest.raises(ModelError, match="name a transformers classifier"):
        sentiment_name("default", "some-other-model@123")
    with pytest.raises(ModelError, match="load that too"):
        load_sentiment("default", None)


@pytest.mark.model
def test_an_encoder_of_the_user_s_cannot_take_the_shipped_branch(tmp_path: Path) -> None:
    write_network(tmp_path / "tiny", "BertModel")
    encoder = load_encoder(str(tmp_path / "tiny"), tmp_path, precision="fp32")
    with pytest.raises(ModelError, match="name a transformers classifier"):
        load_sentiment("default", encoder)


def test_the_shipped_weights_are_small_and_no_pickle() -> None:
    shipped = list((SENTIMENT_BRANCH.parents[1]).rglob("*.safetensors"))
    assert sum(path.stat().st_size for path in shipped) < 15_000_000
    assert load_file(SENTIMENT_BRANCH)["head.bias"].shape == (3,)


@pytest.mark.model
def test_a_damaged_branch_is_refused(tmp_path: Path, encoder: SentenceEncoder) -> None:
    damaged = tmp_path / "branch.safetensors"
    damaged.write_bytes(SENTIMENT_BRANCH.read_bytes()[:500])
    with pytest.raises(ModelError, match="damaged"):
        read_branch(damaged, encoder)
    weights = {"head.bias": np.zeros(3, dtype=np.float32)}
    name = f"x@{hash_branch(weights, {})}"
    said = {"name": name, "encoder": encoder.name, "after": "8", "temperatures": "{}"}
    save_file(weights, damaged)
    with pytest.raises(ModelError, match="damaged"):
        read_branch(damaged, encoder)
    save_file(weights, damaged, metadata=said)
    with pytest.raises(ModelError, match=r"damaged.*0 layers"):
        read_branch(damaged, encoder)


@pytest.mark.model
def test_the_name_is_known_without_loading(sentiment_model: SentimentModel) -> None:
    assert sentiment_name("default", encoder_name("default")) == sentiment_model.name


@pytest.fixture(scope="module")
def judged(encoder: SentenceEncoder, sentiment_model: SentimentModel) -> dict[str, list[Judged]]:
    """All golden sentences, read in one pass."""
    cases = [(name, case) for name in FILES for case in _read_cases(name)]
    texts = [normalize_text(case["text"], case["lang"]) for _, case in cases]
    langs = [case["lang"] for _, case in cases]
    found = read_meanings(texts, langs, encoder, sentiment_model)
    assert found.vectors.shape == (len(texts), encoder.dim)
    by_file: dict[str, list[Judged]] = {name: [] for name in FILES}
    for (name, case), row in zip(cases, found.probabilities, strict=True):
        by_file[name].append(Judged(case, sentiment_of(row)))
    return by_file


@pytest.mark.model
def test_golden_sentences_have_their_sentiment(judged: dict[str, list[Judged]]) -> None:
    found = judged["sentiment"]
    # A known error of this model stands with its case, and must go when it is made no more.
    differing = [
        (case["text"], sentiment.label)
        for case, sentiment in found
        if sentiment.label != case.get("known_error", case["label"])
    ]
    assert differing == []
    assert sum("known_error" in case for case, _ in found) <= 1


@pytest.mark.model
@pytest.mark.parametrize(("trap", "floor"), FLOORS.items())
def test_traps_are_mostly_seen(judged: dict[str, list[Judged]], trap: str, floor: float) -> None:
    found = [
        (case["text"], case["label"], sentiment.label)
        for case, sentiment in judged["sentiment_traps"]
        if case["trap"] == trap
    ]
    missed = [each for each in found if each[1] != each[2]]
    assert 1 - len(missed) / len(found) >= floor, missed


def test_every_trap_has_a_floor() -> None:
    assert {case["trap"] for case in _read_cases("sentiment_traps")} == set(FLOORS)


@pytest.mark.model
def test_thirty_languages_tell_praise_from_complaint(judged: dict[str, list[Judged]]) -> None:
    right: dict[str, list[bool]] = defaultdict(list)
    for case, sentiment in judged["polarity_probe"]:
        right[case["lang"]].append((sentiment.score > 0) == (case["label"] == "positive"))
    assert len(right) == 30
    assert all(len(hits) >= 20 for hits in right.values())
    shares = {lang: float(np.mean(hits)) for lang, hits in right.items()}
    assert np.mean(list(shares.values())) >= 0.9
    # French and Greek have 15 of 20; the goal of .8 is met in the other 28.
    assert {lang: share for lang, share in shares.items() if share < 0.75} == {}


@pytest.mark.model
def test_the_surer_half_is_right_more_often(judged: dict[str, list[Judged]]) -> None:
    found = [each for each in judged["polarity_probe"] if each.sentiment.label != "neutral"]
    found.sort(key=lambda each: each.sentiment.confidence)
    hits = [each.sentiment.label == each.case["label"] for each in found]
    half = len(hits) // 2
    assert np.mean(hits[half:]) >= np.mean(hits[:half])
    said = np.mean([each.sentiment.confidence for each in found])
    assert abs(np.mean(hits) - said) < 0.2


def test_what_is_scored_is_in_no_training_text() -> None:
    scripts = Path(__file__).parents[2] / "scripts"
    trained = {
        _plain(json.loads(line))
        for name in ("sentiment_extra", "sentiment_reviews")
        for line in (scripts / f"{name}.jsonl").read_text("utf-8").splitlines()
    }
    assert len(trained) > 9000
    assert not trained & {_plain(case) for name in FILES for case in _read_cases(name)}


def test_a_held_out_text_that_looks_like_a_training_text_is_not_scored() -> None:
    def row(text: str, side: str) -> Row:
        return Row(text, "en", 2, "a set", side)

    seen = ["Thank you!", "thank  YOU", "thank-you", "😀", "شكراً جزيلاً"]
    trained = [row("thank you", "train"), row("so good", "dev"), row("😀", "train")]
    trained += [row("شكرا جزيلا", "train")]
    held = [row(text, "test") for text in (*seen, "So good.", "thank them", "😡", "both")]
    rows = separate([*trained, row("both", "train"), *held])
    assert [each.text for each in rows if each.side == "test"] == ["😀", "thank them", "😡", "both"]
    # A text that stands on both sides word for word is held out, not trained on.
    assert [each.text for each in rows if each.side != "test"] == [
        *("thank you", "so good", "شكرا جزيلا")
    ]


def test_languages_of_the_goals_have_temperatures_of_their_own() -> None:
    about = read_about(SENTIMENT_BRANCH, encoder_name("default"))
    assert {"*", "en", "he", "ar", "fa"} <= set(about.temperatures)


@pytest.mark.model
@pytest.mark.parametrize("text", ["", "😍", "http", "a" * 100_000, "\ud800"])
def test_odd_texts_have_a_defined_sentiment(
    encoder: SentenceEncoder, sentiment_model: SentimentModel, text: str
) -> None:
    found = read_meanings([text], ["und"], encoder, sentiment_model)
    assert np.isfinite(found.probabilities).all()
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-3)
