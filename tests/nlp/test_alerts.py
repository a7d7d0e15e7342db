"""What cannot wait is told from what sounds like it, in languages of several scripts."""

import numpy as np
import pytest

from nlp.alerts import (
    TOPICS,
    WEIGHTS,
    compile_words,
    decide_alerts,
    find_words,
    needs_words,
    score_meanings,
)
from nlp.encoder import BranchingEncoder
from pipelines.actions.words import read_patterns

# Written for this test alone: no sentence of scripts/alert_parts says the same.
SAID = (
    ("en", "The stove blew up and my arm is burned.", {"safety"}),
    ("he", "התנור התפוצץ ונכוויתי ביד.", {"safety"}),
    ("ar", "انفجر الموقد واحترقت ذراعي.", {"safety"}),
    ("fa", "اجاق منفجر شد و دستم سوخت.", {"safety"}),
    ("de", "Mein Anwalt bereitet die Klage gegen Sie vor.", {"legal"}),
    ("en", "My lawyer is preparing the case against you.", {"legal"}),
    ("he", "עורך הדין שלי מכין את התביעה נגדכם.", {"legal"}),
    ("es", "Cancelen mi contrato, por favor.", {"cancellation"}),
    ("fr", "Personne ne m'a rappelé alors que vous l'aviez promis.", {"callback"}),
    ("en", "Legally blind people can use this app too.", set()),
    ("en", "A breathtaking view, we had dinner on the terrace.", set()),
    ("he", "השירות היה נהדר והמחיר הוגן.", set()),
    ("fa", "رنگ لباس همان بود که در عکس دیدم.", set()),
)


@pytest.mark.model
def test_what_cannot_wait_is_told_in_any_language(encoder: BranchingEncoder) -> None:
    langs, texts, expected = zip(*SAID, strict=True)
    scores = score_meanings(encoder.encode(texts), langs)
    found = decide_alerts(scores, find_words(texts, read_patterns()))
    told = [{topic for topic, held in zip(TOPICS, row, strict=True) if held} for row in found]
    assert told == list(expected)


def test_words_are_only_looked_for_where_they_could_matter() -> None:
    chance = np.random.default_rng(0)
    rows = chance.normal(size=(400, 384)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    scores = score_meanings(rows, ["en"] * 400)
    all_words = np.ones((400, len(TOPICS)), np.bool_)
    for words in (all_words, ~all_words):
        assert not decide_alerts(scores, words)[~needs_words(scores)].any()
    assert not needs_words(scores[:0]).size


def test_words_begin_words_and_may_follow_an_article() -> None:
    words = {topic: ["zzz"] for topic in TOPICS} | {"safety": ["injur", "פציע", "حريق"]}
    patterns = compile_words(words)
    texts = ["INJURED twice", "noninjury", "הפציעה שלי", "والحريق كبير", "fine"]
    assert find_words(texts, patterns)[:, 0].tolist() == [True, False, True, True, False]
    assert find_words([], patterns).shape == (0, len(TOPICS))


def test_the_card_of_the_classifier_says_what_is_missed() -> None:
    card = WEIGHTS.with_suffix(".md").read_text(encoding="utf-8")
    assert all(f"| {topic} |" in card for topic in TOPICS)
    assert "missed" in card
