"""The shipped sentiment model: layers that fork from the default encoder's own pass."""

import hashlib
import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlp.branch import Branch, count_layers
from nlp.cache import file_sha256, stamp_files
from nlp.encoder import BranchingEncoder
from nlp.errors import ModelError, UnfitModelError
from nlp.sentiment import LABELS, calibrate


@dataclass(frozen=True)
class About:
    """What a branch's file says of itself.

    :param name: model and revision.
    :param encoder: name of the encoder that it was trained on.
    :param after: number of that encoder's layers that it shares.
    :param temperatures: by language, see `calibrate`.
    """

    name: str
    encoder: str
    after: int
    temperatures: Mapping[str, float]


@dataclass(frozen=True)
class BranchSentiment:
    """A sentiment model that takes part in an encoder's pass."""

    about: About
    encoder: BranchingEncoder
    branch: Branch

    @property
    def name(self) -> str:
        """Model and revision."""
        return self.about.name

    def score(
        self, texts: Sequence[str], langs: Sequence[str] | None = None
    ) -> NDArray[np.float32]:
        """Return probabilities, `(n, 3)`, without the vectors: in three quarters of the time."""
        logits = self.encoder.run_branch(texts, self.branch)
        return calibrate(logits, self.about.temperatures, langs)

    def read(
        self, texts: Sequence[str], langs: Sequence[str] | None = None
    ) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
        """Return the encoder's vectors, `(n, dim)`, and probabilities, `(n, 3)`, in one pass."""
        vectors, logits = self.encoder.encode_with(texts, self.branch)
        return vectors, calibrate(logits, self.about.temperatures, langs)


def checksum_path(path: Path) -> Path:
    """Return where the sha256 of a branch's file is kept, as `sha256sum` writes it."""
    return path.with_name(f"{path.name}.sha256")


def check_branch(path: Path) -> None:
    """Compare every byte of a branch's file with the checksum beside it (15 ms).

    The revision alone would not do: it names what the weights hold, not how they are read.

    :raises ModelError: if one of the two is missing, or they differ.
    """
    try:
        expected = checksum_path(path).read_text(encoding="ascii").split()[0]
        found = file_sha256(path)
    except (OSError, ValueError, IndexError) as error:
        raise _damaged(path, error) from error
    if found != expected:
        raise _damaged(path, ValueError(f"its sha256 is {found[:12]}..., not {expected[:12]}..."))


def read_branch(path: Path, encoder: BranchingEncoder) -> BranchSentiment:
    """Read a branch.

    :raises ModelError: if the file is damaged or belongs to another encoder.
    """
    about = read_about(path, encoder.name)
    revision, temperatures = about.name.rpartition("@")[2], tuple(about.temperatures.items())
    branch = _read_weights(path, stamp_files(path), revision, about.after, temperatures)
    n_layers = count_layers(branch.weights)
    if (branch.width, n_layers + about.after) != (len(LABELS), encoder.n_layers):
        raise _damaged(path, ValueError(f"{n_layers} layers and {branch.width} scores"))
    return BranchSentiment(about, encoder, branch)


@lru_cache(maxsize=1)
def _read_weights(
    path: Path,
    _stamps: Hashable,
    revision: str,
    after: int,
    temperatures: tuple[tuple[str, float], ...],
) -> Branch:
    """Read them once a process: an encoder keeps what it compiled for a branch by its identity."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        loaded = load_file(path)
        width = len(loaded["head.bias"])
        count_layers(loaded)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise _damaged(path, error) from error
    digest = hash_branch(loaded, dict(temperatures))
    if digest != revision:
        raise _damaged(path, ValueError(f"its content has sha256 {digest}..., not as named"))
    return Branch(after, loaded, width)


def hash_branch(tensors: Mapping[str, NDArray[Any]], temperatures: Mapping[str, float]) -> str:
    """Beginning of the sha256 of all that shapes the output: the model's revision.

    Of the weights in the order of their names, then the temperatures: stored confidences are kept
    by revision.
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(tensors[name].tobytes())
    digest.update(json.dumps(dict(temperatures), sort_keys=True).encode())
    return digest.hexdigest()[:12]


def read_about(path: Path, encoder_name: str) -> About:
    """Read what a branch's file says of itself, not its weights, and check that it fits.

    :raises ModelError: if the file is damaged or belongs to another encoder.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as opened:
            said = opened.metadata() or {}
        temperatures = {key: float(t) for key, t in json.loads(said["temperatures"]).items()}
        about = About(said["name"], said["encoder"], int(said["after"]), temperatures)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise _damaged(path, error) from error
    if about.encoder != encoder_name:
        raise UnfitModelError(
            f"the shipped sentiment model continues from layers of {about.encoder}, not of "
            f"{encoder_name}; with this encoder, name a transformers classifier as the sentiment "
            f"model"
        )
    return about


def _damaged(path: Path, error: Exception) -> ModelError:
    return ModelError(f"the sentiment model {path} is damaged ({error}); reinstall earful")
