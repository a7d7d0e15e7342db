"""The real models, loaded once for all tests."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from nlp.encoder import BranchingEncoder
from nlp.sentiment import SentimentModel
from nlp.weights import load_encoder, load_sentiment
from pipelines import database, job
from tests.shared_statements import share_statements
from tests.tiny_models import write_network

# A shell that starts the tests in the background lets them and all their children ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Without bytecode each worker compiles all tests (9 s), and each program that a test starts all of
# the package (0.3 s).
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# What the shell of whoever runs the tests has set.
for own in ("EARFUL_DB", "EARFUL_CONFIG", "EARFUL_SECRET", "EARFUL_TRACEBACK"):
    os.environ.pop(own, None)

# How long an example takes says how busy the machine is.
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")

# The files that take longest begin first, so that no worker waits long for another at the end.
LONGEST = (
    *("test_demo", "test_run", "test_processes", "test_incremental", "test_bad_input"),
    *("test_consent", "test_lake_runs", "test_theme_edits", "test_cluster_runs", "test_quality"),
    *("test_stopping", "test_life", "test_theme_identity", "test_theme_levels", "test_models"),
    *("test_page_browser", "test_encoder", "test_branch", "test_compiled"),
    *("test_forgetting", "test_stated", "test_theme_edit_rules", "test_theme_splits"),
    *("test_architecture", "test_security", "test_docs"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; the order within a file stays."""
    rank = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


@pytest.fixture(scope="session", autouse=True)
def shared_statements() -> Iterator[None]:
    """Compile each statement once for all the stores of one kind; a program opens one store."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(database, "create_engine", share_statements())
        yield


@pytest.fixture(scope="session", autouse=True)
def kept_memory() -> Iterator[None]:
    """Give no memory back after a run: to look for it among the models of all tests takes .3 s."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(job, "return_memory", lambda: None)
        yield


@pytest.fixture(scope="session")
def model_cache() -> Path:
    """The user's own cache, so that a test run does not write half a gigabyte each time."""
    return Path(os.environ.get("EARFUL_CACHE") or Path.home() / ".cache" / "earful")


@pytest.fixture(scope="session")
def encoder(model_cache: Path) -> BranchingEncoder:
    return load_encoder("default", model_cache)


@pytest.fixture(scope="session")
def sentiment_model(encoder: BranchingEncoder) -> SentimentModel:
    return load_sentiment("default", encoder)


@pytest.fixture(scope="session")
def classifiers(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write small BERT classifiers with random weights and the given labels."""
    made: dict[tuple[str, ...], Path] = {}

    def make(*labels: str) -> Path:
        if labels not in made:
            folder = tmp_path_factory.mktemp("models") / "tiny-classifier"
            write_network(
                folder,
                "BertForSequenceClassification",
                id2label=dict(enumerate(labels)),
                label2id={label: i for i, label in enumerate(labels)},
            )
            made[labels] = folder
        return made[labels]

    return make
