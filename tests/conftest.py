"""The real models, loaded once for all tests."""

import os
from pathlib import Path

import pytest

from nlp.encoder import Encoder
from nlp.sentiment import SentimentModel
from nlp.weights import load_encoder, load_sentiment


@pytest.fixture(scope="session")
def model_cache() -> Path:
    """The user's own cache, so that a test run does not write half a gigabyte each time."""
    return Path(os.environ.get("EARFUL_CACHE") or Path.home() / ".cache" / "earful")


@pytest.fixture(scope="session")
def encoder(model_cache: Path) -> Encoder:
    return load_encoder("default", model_cache)


@pytest.fixture(scope="session")
def sentiment_model(encoder: Encoder) -> SentimentModel:
    return load_sentiment("default", encoder.name)
