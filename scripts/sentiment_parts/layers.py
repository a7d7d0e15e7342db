"""Fine-tuning a branch of the encoder on cached hidden states; a killed run goes on as it was."""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlp.branch import branch_logits, copy_layers, count_layers
from sentiment_parts.states import States

# Of a batch, each computed by one thread: on a busy machine two threads inside each operation
# wait for each other (2.6 s a step, .9 s with one).
N_PARTS: Final = 2
_CHECKPOINT_EVERY_S: Final = 120.0


@dataclass(frozen=True)
class Recipe:
    """How a branch is trained.

    :param decay: learning rate of a layer, as a share of the next higher one's.
    :param smoothing: share of a label that is spread over all three.
    :param averaging: decay of the running mean of the weights, which is what is kept.
    """

    epochs: float = 1.0
    batch_tokens: int = 2048
    rate: float = 1.5e-4
    head_rate: float = 1.5e-3
    decay: float = 0.9
    weight_decay: float = 0.05
    warmup: float = 0.06
    dropout: float = 0.1
    smoothing: float = 0.05
    averaging: float = 0.998
    seed: int = 7


def start_weights(encoder: Any, layer: int, width: int, seed: int) -> dict[str, Any]:
    """Copy the encoder's layers above `layer` and add a small random head."""
    import torch

    weights = copy_layers(encoder.layers[layer:])
    dim = weights["0.out.bias"].shape[0]
    generator = torch.Generator().manual_seed(seed)
    weights["head.weight"] = torch.randn((width, 2 * dim), generator=generator) * 0.02
    weights["head.bias"] = torch.zeros(width)
    return weights


def fine_tune(
    weights: dict[str, Any],
    states: States,
    labels: NDArray[np.int64],
    chances: NDArray[np.float64],
    recipe: Recipe,
    checkpoint: Path,
    watch: Any = None,
) -> dict[str, Any]:
    """Return trained weights: a running mean over the steps.

    :param labels: of all rows, `(n,)`.
    :param chances: how often each row is drawn in an epoch, on average; 0 leaves it out.
    :param watch: called with a step and the mean weights at each quarter of the steps.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    weights = {name: t.to(device, copy=True).requires_grad_() for name, t in weights.items()}
    mean = {name: t.detach().clone() for name, t in weights.items()}
    optimizer = torch.optim.AdamW(_groups(weights, recipe), fused=True)
    plan = list(_plan(states.length, chances, recipe))
    step = _restore(checkpoint, weights, mean, optimizer)
    # The fused attention's way back took half of a step on this processor (1.5 of 2.9 s).
    torch.backends.cuda.enable_flash_sdp(device != "cpu")
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(N_PARTS, initializer=torch.set_num_threads, initargs=(1,))
    first, began, saved, losses = step, time.monotonic(), time.monotonic(), []
    while step < len(plan):
        rows = plan[step]
        parts = [rows[part::N_PARTS] for part in range(N_PARTS)]
        jobs = [(part, step * N_PARTS + place) for place, part in enumerate(parts) if len(part)]
        found = list(pool.map(lambda job: _gradients(weights, states, labels, *job, recipe), jobs))
        for tensor, *grads in zip(weights.values(), *(grads for _, grads in found), strict=True):
            tensor.grad = sum(grads[1:], grads[0]) / len(rows)
        torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0)
        share = _schedule(step / len(plan), recipe.warmup)
        for group in optimizer.param_groups:
            group["lr"] = group["top"] * share
        optimizer.step()
        step += 1
        _average(mean, weights, min(recipe.averaging, step / (step + 10)))
        losses.append(sum(loss for loss, _ in found) / len(rows))
        if step % 100 == 0:
            pace = (time.monotonic() - began) / (step - first)
            left = pace * (len(plan) - step) / 60
            loss = np.mean(losses[-100:])
            print(f"step {step:,}/{len(plan):,} loss {loss:.3f}, {left:.0f} min", file=sys.stderr)
        if watch and step % (len(plan) // 4) == 0:
            watch(step, mean)
        if time.monotonic() - saved > _CHECKPOINT_EVERY_S:
            _save(checkpoint, step, weights, mean, optimizer)
            saved = time.monotonic()
    _save(checkpoint, step, weights, mean, optimizer)
    return {name: tensor.cpu() for name, tensor in mean.items()}


def average_weights(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean of weights that were trained from one start (Wortsman et al. 2022)."""
    return {name: sum(run[name] for run in runs) / len(runs) for name in runs[0]}


def _gradients(
    weights: dict[str, Any],
    states: States,
    labels: NDArray[np.int64],
    rows: NDArray[np.int64],
    number: int,
    recipe: Recipe,
) -> tuple[float, Any]:
    """Return the summed loss of some rows and its gradients; `number` seeds what is dropped."""
    import torch

    device = weights["head.bias"].device
    generator = torch.Generator(device).manual_seed(recipe.seed * 1_000_003 + number)

    def drop(change: Any) -> Any:
        # A channel is dropped in all places of a text: drawing for each place took 16 % of a step.
        shape = (change.shape[0], 1, change.shape[2])
        kept = torch.rand(shape, generator=generator, device=device) >= recipe.dropout
        return change * (kept / (1 - recipe.dropout)).to(change.dtype)

    hidden, mask = states.gather(rows)
    logits = branch_logits(hidden.to(device), mask.to(device), weights, drop)
    loss = _loss(logits, torch.from_numpy(labels[rows]).to(device), recipe)
    return float(loss.detach()), torch.autograd.grad(loss, list(weights.values()))


def predict(
    weights: dict[str, Any], states: States, rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the logits of some rows, `(n, 3)`."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    # In bfloat16, as they are served where the processor can.
    weights = {name: tensor.to(device, torch.bfloat16) for name, tensor in weights.items()}
    order = rows[np.argsort(states.length[rows], kind="stable")]
    found = np.empty((len(states.length), 3), dtype=np.float32)
    with torch.inference_mode():
        for part in np.array_split(order, max(1, len(order) // 64)):
            hidden, mask = states.gather(part)
            found[part] = branch_logits(hidden.to(device), mask.to(device), weights).cpu().numpy()
    return found[rows]


def _groups(weights: dict[str, Any], recipe: Recipe) -> list[dict[str, Any]]:
    n_layers = count_layers(weights)
    groups = []
    for name, tensor in weights.items():
        place = name.split(".")[0]
        rate = recipe.head_rate
        if place != "head":
            rate = recipe.rate * recipe.decay ** (n_layers - 1 - int(place))
        decay = recipe.weight_decay if tensor.ndim == 2 else 0.0
        groups.append({"params": [tensor], "lr": rate, "top": rate, "weight_decay": decay})
    return groups


def _plan(
    lengths: NDArray[np.int64], chances: NDArray[np.float64], recipe: Recipe
) -> Iterator[NDArray[np.int64]]:
    """Draw rows for all epochs, then batches of rows alike in length, in random order."""
    rng = np.random.default_rng(recipe.seed)
    for epoch in range(math.ceil(recipe.epochs)):
        share = min(1.0, recipe.epochs - epoch)
        times = chances * share
        drawn = np.floor(times + rng.random(len(times))).astype(int)
        rows = rng.permutation(np.repeat(np.arange(len(times)), drawn))
        batches: list[NDArray[np.int64]] = []
        for pool in np.array_split(rows, max(1, len(rows) // 4096)):
            batches += _cut(pool[np.argsort(lengths[pool], kind="stable")], lengths, recipe)
        yield from (batches[place] for place in rng.permutation(len(batches)))


def _cut(
    rows: NDArray[np.int64], lengths: NDArray[np.int64], recipe: Recipe
) -> list[NDArray[np.int64]]:
    batches, first = [], 0
    while first < len(rows):
        last = first
        while last < len(rows) and (last - first + 1) * lengths[rows[last]] <= recipe.batch_tokens:
            last += 1
            if last - first == 96:
                break
        last = max(last, first + 1)
        batches.append(rows[first:last])
        first = last
    return batches


def _loss(logits: Any, labels: Any, recipe: Recipe) -> Any:
    from torch.nn import functional

    return functional.cross_entropy(
        logits, labels, reduction="sum", label_smoothing=recipe.smoothing
    )


def _schedule(done: float, warmup: float) -> float:
    return done / warmup if done < warmup else (1 - done) / (1 - warmup)


def _average(mean: dict[str, Any], weights: dict[str, Any], decay: float) -> None:
    import torch

    names = list(mean)
    with torch.no_grad():
        torch._foreach_lerp_([mean[n] for n in names], [weights[n] for n in names], 1 - decay)


def _save(path: Path, step: int, weights: Any, mean: Any, optimizer: Any) -> None:
    import torch

    part = path.with_suffix(".part")
    weights = {name: tensor.detach() for name, tensor in weights.items()}
    state = {"step": step, "weights": weights, "mean": mean, "optimizer": optimizer.state_dict()}
    torch.save(state, part)
    part.replace(path)


def _restore(path: Path, weights: Any, mean: Any, optimizer: Any) -> int:
    import torch

    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    with torch.no_grad():
        for name, tensor in weights.items():
            tensor.copy_(state["weights"][name])
            mean[name].copy_(state["mean"][name])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])
