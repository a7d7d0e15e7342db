"""Texts at the edges have a defined result, through the whole pipeline and the real models."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from nlp.encoder import SentenceEncoder
from pipelines import tables
from pipelines.config import Config
from pipelines.inputs import given_inputs
from pipelines.job import Job, run_steps
from pipelines.progress import SilentProgress
from pipelines.store import open_store

pytestmark = pytest.mark.model

SENTENCE = f"I waited {'and waited ' * 18}on the phone until somebody said that it was too late!"
TEXTS = {
    "invisible": "\u200b\u2060\ufeff\u200f",
    "controls": "\x01\x02\x03 .",
    "emoji": "😍",
    "url": "https://example.com/track?id=123",
    "unbroken": "x" * 2**20,
    "long": f"{SENTENCE} The card is late again. " * (2**20 // (len(SENTENCE) + 25)),
    "punctuation": "?!?!",
    "surrogate": "good \udcff service",
    "sound": "The card is late again.",
}


@pytest.fixture(scope="module")
def rows(
    tmp_path_factory: pytest.TempPathFactory, model_cache: Path, encoder: SentenceEncoder
) -> dict[str, tuple[Any, list[Any]]]:
    """Feedback and mentions of each text, by its name."""
    folder = tmp_path_factory.mktemp("extremes")
    with (folder / "rows.csv").open("w", newline="", errors="surrogateescape") as stream:
        csv.writer(stream).writerows([("id", "comment"), *TEXTS.items()])
    cache = folder / "cache"
    cache.mkdir()
    (cache / "multilingual-e5-small-q4").symlink_to(model_cache / "multilingual-e5-small-q4")
    url = f"sqlite:///{folder}/store.db"
    config = Config.model_validate({"store": {"url": url}})
    job = Job(config, cache, secret_path=folder / "secret")
    given = given_inputs(
        [str(folder / "rows.csv")],
        source=None,
        pairs=("text=comment", "id=id"),
        progress=SilentProgress(),
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("pipelines.models.load_encoder", lambda *_, **__: encoder)
        run_steps(job, "run", ("ingest", "enrich"), given)
    store = open_store(url)
    with store.read() as connection:
        feedback = connection.execute(select(tables.feedback)).mappings().all()
        mentions = connection.execute(select(tables.mention)).mappings().all()
        vectors = dict(
            connection.execute(select(tables.vector.c.text_hash, tables.vector.c.data)).all()
        )
    store.engine.dispose()
    for mention in mentions:
        vector = np.frombuffer(vectors[mention["text_hash"]], dtype="<f2").astype(np.float32)
        assert np.isfinite(vector).all()
        assert np.linalg.norm(vector) == pytest.approx(1, abs=2e-3)
    return {
        row["source_id"]: (
            row,
            [each for each in mentions if each["feedback_id"] == row["feedback_id"]],
        )
        for row in feedback
    }


def test_every_text_is_in_feedback(rows: dict[str, Any]) -> None:
    assert set(rows) == set(TEXTS)


def test_every_mention_has_a_sentiment_and_a_confidence(rows: dict[str, Any]) -> None:
    for _, mentions in rows.values():
        for mention in mentions:
            assert mention["sentiment"] in ("negative", "neutral", "positive")
            assert 1 / 3 <= mention["confidence"] <= 1
            assert abs(mention["sentiment_score"]) <= 1


@pytest.mark.parametrize("name", ["invisible", "controls", "url", "punctuation", "unbroken"])
def test_a_text_that_says_nothing_is_noise_with_a_reason(rows: dict[str, Any], name: str) -> None:
    feedback, _ = rows[name]
    assert feedback["noise_reason"]
    assert feedback["lang"] in ("und", "en")


def test_one_emoji_is_a_mention_with_its_feeling(rows: dict[str, Any]) -> None:
    feedback, (mention,) = rows["emoji"]
    assert (feedback["lang"], mention["text"], mention["sentiment"]) == ("und", "😍", "positive")


def test_a_megabyte_is_split_and_read_once_per_distinct_sentence(rows: dict[str, Any]) -> None:
    feedback, mentions = rows["long"]
    assert len(feedback["text"]) > 10**6
    assert len(mentions) > 4_000
    # Two sentences, and what the cuts at every 20,000 characters leave of some.
    assert len({mention["text_hash"] for mention in mentions}) < 100
    assert mentions[1]["text"] == "The card is late again."
    _, (alone,) = rows["sound"]
    assert alone["sentiment_score"] == mentions[1]["sentiment_score"]


def test_a_lone_surrogate_does_not_spoil_its_row(rows: dict[str, Any]) -> None:
    feedback, (mention,) = rows["surrogate"]
    assert "\ufffd" in feedback["text"]
    assert mention["sentiment"] == "positive"
