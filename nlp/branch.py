"""Layers that fork from an encoder's pass and give scores of their own.

Plain functions over a dictionary of tensors, so that training and serving run the same code. The
layers are those of BERT (normalisation after each half).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

N_HEADS: Final = 12
EPSILON: Final = 1e-12  # of the normalisation in BERT's layers
_PARTS: Final = {
    "attention.output.dense": "out",
    "attention.output.LayerNorm": "norm1",
    "intermediate.dense": "up",
    "output.dense": "down",
    "output.LayerNorm": "norm2",
}


@dataclass(frozen=True, eq=False)
class Branch:
    """Weights that continue from an encoder's hidden states.

    :param after: number of the encoder's layers that it shares.
    :param weights: by name, see `branch_logits`.
    :param width: scores of a text.
    """

    after: int
    weights: Mapping[str, NDArray[Any]]
    width: int


def branch_logits(
    hidden: "Tensor",
    mask: "Tensor",
    weights: "Mapping[str, Tensor]",
    drop: "Callable[[Tensor], Tensor] | None" = None,
) -> "Tensor":
    """Run the branch's layers, pool and score.

    :param hidden: the encoder's states where the branch forks, `(n, length, dim)`.
    :param mask: 1 for tokens, 0 for padding, `(n, length)`; at least one 0, as in `fill_batch`.
    :param weights: `{i}.qkv|out|up|down.weight|bias`, `{i}.norm1|norm2.weight|bias` for each layer,
        `head.weight` `(width, 2 * dim)` and `head.bias`.
    :param drop: applied in training to what each half of a layer adds.
    :returns: `(n, width)` in fp32.
    """
    import torch

    allowed = mask.bool()[:, None, None, :].expand(-1, 1, mask.shape[1], -1)
    for layer in range(count_layers(weights)):
        hidden = _run_layer(hidden, allowed, weights, str(layer), drop)
    states = hidden.float()
    shares = mask.float() / mask.sum(dim=1, keepdim=True)
    pooled = torch.cat([(states * shares[:, :, None]).sum(dim=1), states[:, 0]], dim=1)
    # Not a matrix product: its order of adding may depend on a row's place in the batch.
    products = pooled[:, None, :] * weights["head.weight"].float()
    return products.sum(dim=2) + weights["head.bias"].float()


def score_states(states: NDArray[np.float32], branch: Branch) -> NDArray[np.float32]:
    """Score the mean of a text's last states and the first of them, as `branch_logits` does.

    :param states: `(n, 2 * dim)`.
    :returns: `(n, branch.width)`.
    """
    weight = branch.weights["head.weight"].astype(np.float32)
    bias = branch.weights["head.bias"].astype(np.float32)
    # Not a matrix product: BLAS adds in an order that depends on the number of rows.
    return np.stack([(states * row).sum(axis=1) for row in weight], axis=1) + bias


def rename_layer(weights: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Give the weights of a transformers BERT layer the names that they have in a branch.

    The three projections of attention become one matrix.
    """
    renamed = {}
    for kind in ("weight", "bias"):
        parts = [weights[f"attention.self.{name}.{kind}"] for name in ("query", "key", "value")]
        renamed[f"qkv.{kind}"] = np.concatenate(parts)
        for theirs, ours in _PARTS.items():
            renamed[f"{ours}.{kind}"] = weights[f"{theirs}.{kind}"]
    return renamed


def copy_layers(layers: "Iterable[Any]") -> "dict[str, Tensor]":
    """Return the weights of a transformers BERT's layers under the names of a branch, in fp32."""
    import torch

    copied = {}
    for number, module in enumerate(layers):
        state = {name: each.float().cpu().numpy() for name, each in module.state_dict().items()}
        for name, values in rename_layer(state).items():
            copied[f"{number}.{name}"] = torch.from_numpy(values.copy())
    return copied


def count_layers(weights: Mapping[str, Any]) -> int:
    """Return how many layers there are weights of."""
    return sum(name.endswith(".qkv.weight") for name in weights)


def _run_layer(
    hidden: "Tensor",
    allowed: "Tensor",
    weights: "Mapping[str, Tensor]",
    layer: str,
    drop: "Callable[[Tensor], Tensor] | None",
) -> "Tensor":
    from torch.nn import functional

    def linear(name: str, rows: "Tensor") -> "Tensor":
        weight, bias = weights[f"{layer}.{name}.weight"], weights[f"{layer}.{name}.bias"]
        return functional.linear(rows, weight.to(rows.dtype), bias.to(rows.dtype))

    def add(name: str, rows: "Tensor", change: "Tensor") -> "Tensor":
        weight, bias = weights[f"{layer}.{name}.weight"], weights[f"{layer}.{name}.bias"]
        rows = rows + (drop(change) if drop else change)
        kind = rows.dtype
        return functional.layer_norm(rows, rows.shape[-1:], weight.to(kind), bias.to(kind), EPSILON)

    n_rows, length, dim = hidden.shape
    split = linear("qkv", hidden).view(n_rows, length, 3, N_HEADS, dim // N_HEADS)
    query, key, value = split.permute(2, 0, 3, 1, 4)
    seen = functional.scaled_dot_product_attention(query, key, value, allowed)
    hidden = add("norm1", hidden, linear("out", seen.transpose(1, 2).reshape(n_rows, length, dim)))
    return add("norm2", hidden, linear("down", functional.gelu(linear("up", hidden))))
