import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from nlp.meaning import Meanings
from pipelines.config_sections import ModelsConfig
from pipelines.encoder_pass import EncoderPass, TextRow
from pipelines.errors import ConfigError
from pipelines.journal import Reading
from pipelines.models import Models


class CountingModels:
    """Says of each text how long it is, once it may."""

    def __init__(self) -> None:
        self.is_free = threading.Event()
        self.is_free.set()
        self.calls: list[int] = []

    def load(self) -> None:
        self.calls.append(0)

    def read(self, texts: Sequence[str], langs: Sequence[str]) -> Meanings:
        self.is_free.wait()
        self.calls.append(len(texts))
        sizes = np.array([[len(text)] for text in texts])
        return Meanings(sizes.astype("<f2"), np.repeat(sizes, 3, axis=1).astype("<f4"))


@pytest.fixture
def models() -> CountingModels:
    return CountingModels()


def begin(models: Any) -> EncoderPass:
    return EncoderPass(cast("Models", models))


def rows_of(*texts: str) -> list[TextRow]:
    return [TextRow(f"h{text}", text, "en") for text in texts]


def size_read(reading: Reading) -> float:
    return float(np.frombuffer(reading.vector, "<f2")[0])


def test_batches_come_back_in_order_whole_and_with_what_was_known(models: CountingModels) -> None:
    known = {"old": Reading(b"v", b"p", "en")}
    with closing(begin(models)) as encoder_pass:
        encoder_pass.add(2, rows_of("a", "bbb", "cc"), known)
        encoder_pass.add(1, rows_of("dddd"), {})
        first, second = encoder_pass.take_until(0)
    assert (first.n_units, second.n_units) == (2, 1)
    assert first.known == known
    assert {key: size_read(made) for key, made in first.read.items()} == {
        "ha": 1,
        "hbbb": 3,
        "hcc": 2,
    }
    assert list(second.read) == ["hdddd"]


def test_a_text_is_queued_from_when_it_is_given_until_it_is_taken(models: CountingModels) -> None:
    with closing(begin(models)) as encoder_pass:
        encoder_pass.add(1, rows_of("a"), {"old": Reading(b"v", b"p", "en")})
        assert "ha" in encoder_pass and "old" in encoder_pass
        assert len(list(encoder_pass.take_until(0))) == 1
        assert "ha" not in encoder_pass and "old" not in encoder_pass


def test_the_caller_goes_on_while_the_models_read(models: CountingModels) -> None:
    models.is_free.clear()
    with closing(begin(models)) as encoder_pass:
        for text in "abc":
            encoder_pass.add(1, rows_of(text), {})
        assert list(encoder_pass.take_until(3)) == []
        models.is_free.set()
        assert len(list(encoder_pass.take_until(2))) == 1


def test_models_are_loaded_once_and_only_for_a_text_to_read(models: CountingModels) -> None:
    with closing(begin(models)) as encoder_pass:
        encoder_pass.add(1, [], {"old": Reading(b"v", b"p", "en")})
        assert not encoder_pass.is_loading
        list(encoder_pass.take_until(0))
    assert models.calls == []
    with closing(begin(models)) as encoder_pass:
        encoder_pass.add(1, rows_of("a"), {})
        encoder_pass.add(1, rows_of("b"), {})
        list(encoder_pass.take_until(0))
    assert models.calls == [0, 1, 1]


def test_an_error_gives_up_what_is_not_read_yet(models: CountingModels) -> None:
    models.is_free.clear()
    with pytest.raises(KeyboardInterrupt), closing(begin(models)) as encoder_pass:
        for number in range(50):
            encoder_pass.add(1, rows_of(str(number)), {})
        # The first may be under way; it is let go when the pass is being left.
        threading.Timer(0.2, models.is_free.set).start()
        raise KeyboardInterrupt
    assert sum(models.calls) <= 2


def test_a_model_that_cannot_be_loaded_is_said_to_who_waits(models: CountingModels) -> None:
    def fail() -> None:
        raise ConfigError("no such model")

    models.load = fail  # type: ignore[method-assign]
    with pytest.raises(ConfigError, match="no such model"), closing(begin(models)) as encoder_pass:
        encoder_pass.load_models()
        encoder_pass.wait_until_loaded()


class BrokenEncoder:
    """Makes of every other text what a damaged network does."""

    def encode(self, texts: Sequence[str]) -> Any:
        vectors = np.full((len(texts), 4), 0.5, np.float16)
        vectors[::2, 1] = np.nan
        return vectors


class Undecided:
    """Finds every text neutral."""

    def score(self, texts: Sequence[str], langs: Sequence[str]) -> Any:
        return np.tile(np.array([0, 1, 0], np.float32), (len(texts), 1))


def test_what_a_broken_model_makes_of_texts_is_never_kept(tmp_path: Path) -> None:
    models = Models(ModelsConfig(), tmp_path)
    vars(models).update(_encoder=BrokenEncoder(), _sentiment=Undecided())
    with closing(begin(models)) as encoder_pass:
        encoder_pass.add(1, rows_of("a", "b", "c"), {})
        with pytest.raises(ConfigError, match=r"2 of 3 vectors .* hold NaN .* models verify"):
            list(encoder_pass.take_until(0))
    with pytest.raises(ConfigError, match="1 of 1 vectors"):
        models.embed(["a"])
