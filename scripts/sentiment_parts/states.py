"""Hidden states of the frozen layers for all training texts, kept on disk and memory-mapped."""

import hashlib
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlp.batches import fill_batch, plan_batches
from nlp.encoder import SentenceEncoder
from nlp.forward import tokenize

MAX_TOKENS: Final = 129  # of a training text; of the texts, .3 % have more
_TEXTS_PER_CHUNK: Final = 2048


@dataclass(frozen=True)
class States:
    """Where each text's states lie: rows `first` to `first + length` of a chunk."""

    chunks: list[NDArray[np.int16]]
    chunk: NDArray[np.int64]
    first: NDArray[np.int64]
    length: NDArray[np.int64]

    def gather(self, rows: NDArray[np.int64]) -> tuple[Any, Any]:
        """Return padded bfloat16 states `(n, longest + 1, dim)` and their mask."""
        import torch

        lengths = self.length[rows]
        # One place more, so that the mask never is all ones: then it would be another kernel.
        shape = (len(rows), -(-(int(lengths.max()) + 1) // 8) * 8)
        states = np.zeros((*shape, self.chunks[0].shape[1]), dtype=np.int16)
        mask = np.zeros(shape, dtype=np.int64)
        for place, row in enumerate(rows):
            first, length = self.first[row], self.length[row]
            states[place, :length] = self.chunks[self.chunk[row]][first : first + length]
            mask[place, :length] = 1
        return torch.from_numpy(states).view(torch.bfloat16), torch.from_numpy(mask)


def key_of(text: str) -> str:
    """Return a short hash of a text."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def compute_states(
    texts: Sequence[str], encoder: SentenceEncoder, layer: int, work: Path
) -> States:
    """Return the states of the texts, computing in chunks those that are not on disk yet."""
    work = work / f"{encoder.name}-layer{layer}"
    work.mkdir(parents=True, exist_ok=True)
    keys = [key_of(text) for text in texts]
    known = {key for path in work.glob("*.keys") for key in path.read_text().split()}
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    todo = sorted(missing)
    began = time.monotonic()
    for first in range(0, len(todo), _TEXTS_PER_CHUNK):
        part = todo[first : first + _TEXTS_PER_CHUNK]
        _write_chunk(part, [missing[key] for key in part], encoder, layer, work)
        rate = (first + len(part)) / (time.monotonic() - began)
        print(f"read {first + len(part):,}/{len(todo):,} ({rate:.0f}/s)", file=sys.stderr)
    return _open_chunks(keys, work)


def _write_chunk(
    keys: list[str], texts: list[str], encoder: SentenceEncoder, layer: int, work: Path
) -> None:
    tokenizer = encoder.tokenizer
    tokens = tokenize(tokenizer, texts, encoder.prompt, MAX_TOKENS)
    lengths = [len(row) for row in tokens]
    found: dict[int, NDArray[np.int16]] = {}
    for batch in plan_batches(lengths, MAX_TOKENS, 4096):
        ids, mask = fill_batch(tokens, batch, tokenizer.pad_token_id)
        states = _read_batch(ids, mask, encoder, layer)
        for place, row in enumerate(batch.rows):
            found[row] = states[place, : lengths[row]]
    name = work / keys[0]
    np.save(
        part := name.with_suffix(".part.npy"), np.concatenate([found[i] for i in sorted(found)])
    )
    part.replace(name.with_suffix(".npy"))
    np.save(name.with_suffix(".lengths.npy"), np.array(lengths))
    # The keys last: a chunk without them does not count.
    name.with_suffix(".part").write_text("\n".join(keys))
    name.with_suffix(".part").replace(name.with_suffix(".keys"))


def _read_batch(
    ids: NDArray[np.int64], mask: NDArray[np.int64], encoder: SentenceEncoder, layer: int
) -> NDArray[np.int16]:
    import torch

    features = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
    features["token_type_ids"] = torch.zeros_like(features["input_ids"])
    device = encoder.placement.device
    with torch.inference_mode():
        states = encoder.read_layer({k: v.to(device) for k, v in features.items()}, layer)
    result: NDArray[np.int16] = states.to(torch.bfloat16).cpu().view(torch.int16).numpy()
    return result


def _open_chunks(keys: list[str], work: Path) -> States:
    place: dict[str, tuple[int, int, int]] = {}
    chunks = []
    for number, path in enumerate(sorted(work.glob("*.keys"))):
        chunks.append(np.load(path.with_suffix(".npy"), mmap_mode="r"))
        lengths = np.load(path.with_suffix(".lengths.npy"))
        ends = np.cumsum(lengths)
        for key, end, length in zip(path.read_text().split(), ends, lengths, strict=True):
            place[key] = (number, int(end - length), int(length))
    found = np.array([place[key] for key in keys])
    return States(chunks, *found.T.copy())
