"""The default encoder as it runs where OpenVINO is, and where it is not."""

from pathlib import Path

import pytest

from nlp.compiled import CompiledEncoder
from nlp.encoder import BranchingEncoder, SentenceEncoder
from nlp.weights import load_encoder, load_sentence_encoder


@pytest.fixture(scope="session")
def sentence_encoder(model_cache: Path) -> SentenceEncoder:
    """Run the default encoder by torch."""
    return load_sentence_encoder("default", model_cache)


@pytest.fixture(scope="session")
def compiled_encoder(model_cache: Path) -> CompiledEncoder:
    """Run the default encoder compiled."""
    found = load_encoder("default", model_cache)
    if not isinstance(found, CompiledEncoder):
        pytest.skip("no OpenVINO here, or a CUDA device")
    return found


@pytest.fixture(scope="session", params=["compiled", "torch"])
def either_encoder(request: pytest.FixtureRequest) -> BranchingEncoder:
    """Run the default encoder both ways."""
    found: BranchingEncoder = request.getfixturevalue(
        "compiled_encoder" if request.param == "compiled" else "sentence_encoder"
    )
    return found
