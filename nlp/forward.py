"""Running a torch model over texts: precision, device, threads and fixed shapes in one place."""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from nlp.batches import Batch, fill_batch, plan_batches
from nlp.errors import ModelError

if TYPE_CHECKING:
    import torch

Result = TypeVar("Result")

MAX_TOKENS: Final = 512
# 32 characters per token: only blanks and endless repetitions need more to fill the model's input,
# and tokenising a pasted megabyte to keep 511 tokens would take seconds.
_MAX_CHARS: Final = 16_384
TEXTS_PER_STEP: Final = 8192  # bounds the memory of token lists
_CPU_BUDGET: Final = 512  # tokens per batch; 1024 and 2048 were no faster on one core (AMX)
_CUDA_BUDGET: Final = 65_536


@dataclass(frozen=True)
class Placement:
    """Where and how a model computes."""

    device: str
    precision: str

    @property
    def budget(self) -> int:
        """Tokens per batch."""
        return _CPU_BUDGET if self.device == "cpu" else _CUDA_BUDGET

    @property
    def dtype(self) -> "torch.dtype":
        """Type of the weights and activations."""
        import torch

        return torch.bfloat16 if self.precision == "bf16" else torch.float32


def choose_placement(precision: str = "auto") -> Placement:
    """Pick CUDA where there is one, and bfloat16 where the processor multiplies it natively.

    :param precision: `auto`, `bf16` or `fp32`.
    :raises ModelError: if the precision is none of these.
    """
    import torch

    check_precision(precision)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if precision == "auto":
        is_native = torch.cuda.is_bf16_supported() if device == "cuda" else _has_bf16_cpu()
        precision = "bf16" if is_native else "fp32"
    return Placement(device, precision)


def check_precision(precision: str) -> None:
    """Refuse a precision that there is not.

    :raises ModelError: if it is none of `auto`, `bf16` and `fp32`.
    """
    if precision not in ("auto", "bf16", "fp32"):
        raise ModelError(f"precision {precision!r} is unknown; choose auto, bf16 or fp32")


def may_have_cuda() -> bool:
    """Tell whether asking torch about CUDA is worth the 1.5 s of its import."""
    return sys.platform == "win32" or Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()


def tokenize(tokenizer: Any, texts: Sequence[str], prompt: str, limit: int) -> list[list[int]]:
    """Turn texts into token ids, cut to fewer than `limit` tokens, not padded."""
    encoded = tokenizer(
        cut_texts(texts, prompt),
        padding=False,
        truncation=True,
        max_length=limit - 1,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,
    )
    ids: list[list[int]] = encoded["input_ids"]
    return ids


def cut_texts(texts: Sequence[str], prompt: str) -> list[str]:
    """Put the prompt before each text, and cut what no model would read."""
    # A lone surrogate has no UTF-8 form, and one of them would fail the whole batch.
    return [
        (prompt + text[:_MAX_CHARS]).encode("utf-8", "replace").decode("utf-8") for text in texts
    ]


def run_model(
    texts: Sequence[str],
    tokenizer: Any,
    compute: Callable[[dict[str, Any]], Any],
    placement: Placement,
    *,
    prompt: str = "",
    limit: int = MAX_TOKENS,
    width: int,
) -> NDArray[np.float32]:
    """Run `compute` over all texts and return its rows in their order, `(n, width)`.

    :param compute: from a dictionary with ids and mask, `(size, length)`, to rows, `(size, width)`.
    """
    out = np.empty((len(texts), width), dtype=np.float32)
    for first in range(0, len(texts), TEXTS_PER_STEP):
        step = texts[first : first + TEXTS_PER_STEP]
        tokens = tokenize(tokenizer, step, prompt, limit)
        lengths = [len(row) for row in tokens]
        batches = list(plan_batches(lengths, limit, placement.budget))
        run = partial(_run_batch, tokens=tokens, tokenizer=tokenizer, compute=compute)
        for batch, rows in _map_batches(partial(run, device=placement.device), batches, placement):
            out[first + np.array(batch.rows)] = rows[: len(batch.rows)]
    return out


def _run_batch(
    batch: Batch,
    *,
    tokens: list[list[int]],
    tokenizer: Any,
    compute: Callable[[dict[str, Any]], Any],
    device: str,
) -> tuple[Batch, NDArray[np.float32]]:
    import torch

    ids, mask = fill_batch(tokens, batch, tokenizer.pad_token_id or 0)
    features = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
    if "token_type_ids" in tokenizer.model_input_names:
        features["token_type_ids"] = torch.zeros_like(features["input_ids"])
    with torch.inference_mode():
        rows = compute({name: tensor.to(device) for name, tensor in features.items()})
        return batch, rows.float().cpu().numpy()


def _map_batches(
    run: Callable[[Batch], tuple[Batch, NDArray[np.float32]]],
    batches: list[Batch],
    placement: Placement,
) -> list[tuple[Batch, NDArray[np.float32]]]:
    """Compute batches side by side, each on one thread.

    One thread per batch, not several threads inside each operation: the bits cannot depend on the
    number of threads, and on a busy machine no thread waits for another after every operation
    (measured there: 6,000 tokens/s on one thread, 1,000 on two).
    """
    import torch

    if placement.device != "cpu":
        return [run(batch) for batch in batches]
    n_threads = torch.get_num_threads()
    # set_num_threads(1) holds for the calling worker, but is also what later threads start with.
    pool = ThreadPoolExecutor(n_threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        return compute_batches(run, batches, pool)
    finally:
        torch.set_num_threads(n_threads)


def compute_batches(
    run: Callable[[Batch], Result], batches: Sequence[Batch], pool: ThreadPoolExecutor
) -> list[Result]:
    """Compute batches, given shortest first, on the threads of a pool, which then ends."""
    try:
        # Longest first, so that no thread is left alone with a long batch at the end.
        return list(pool.map(run, reversed(batches)))
    finally:
        pool.shutdown(cancel_futures=True)


def _has_bf16_cpu() -> bool:
    import torch

    read = getattr(torch.cpu, "get_capabilities", None)
    flags = read() if read else {}
    return bool(flags.get("amx_bf16") or flags.get("avx512_bf16"))
