"""BERT as an OpenVINO graph, and layers that fork from it.

The weights of a layer are named as in a branch, see `branch_logits`.
"""

import sys
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlp.branch import EPSILON, count_layers, rename_layer

Weights = Mapping[str, NDArray[Any]]

_HIDDEN_SCORE: Final = -1e9  # of padding, before the softmax


def import_openvino() -> Any:
    """Import OpenVINO without the reporter that it comes with.

    `openvino-telemetry` reports each import over the network unless someone has opted out;
    OpenVINO goes on with a stub of its own where that package is missing.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino  # type: ignore[import-untyped]

    return openvino


def build_bert(
    tensors: Weights,
    n_layers: int,
    n_heads: int,
    *,
    with_mean: bool = True,
    fork: tuple[int, Weights] | None = None,
) -> Any:
    """Build the graph from token ids and mask, both int32 `(n, length)`, to rows `(n, width)`.

    :param tensors: of a transformers BERT, by their names there; they must outlive the graph.
    :param with_mean: the rows begin with the mean of the last layer's states.
    :param fork: after how many layers a branch begins, and its weights; the mean of its last states
        and the first of them end the rows.
    """
    builder = _Builder(tensors["embeddings.word_embeddings.weight"].shape[1], n_heads)
    hidden = builder.embed(tensors)
    last = n_layers if with_mean or fork is None else fork[0]
    branch = None
    for layer in range(last + 1):
        if fork is not None and layer == fork[0]:
            branch = builder.run_branch(hidden, fork[1])
        if layer < last:
            hidden = builder.add_layer(hidden, _take_layer(tensors, layer), "")
    rows = [builder.pool_mean(hidden)] if with_mean else []
    return builder.finish([*rows, *([] if branch is None else [branch])])


def _take_layer(tensors: Weights, layer: int) -> Weights:
    start = f"encoder.layer.{layer}."
    own = {name.removeprefix(start): tensors[name] for name in tensors if name.startswith(start)}
    return rename_layer(own)


class _Builder:
    """Adds to a graph whose inputs are token ids and their mask."""

    def __init__(self, dim: int, n_heads: int) -> None:
        self._openvino = import_openvino()
        from openvino import opset15

        self._op = opset15
        self._dim = dim
        self._n_heads = n_heads
        self._ids = opset15.parameter([-1, -1], np.int32, name="ids")
        self._mask = opset15.parameter([-1, -1], np.int32, name="mask")
        seen = opset15.convert(opset15.unsqueeze(self._mask, self._ints(1, 2)), "f32")
        hidden = opset15.subtract(self._const(np.float32(1)), seen)
        self._bias = opset15.multiply(hidden, self._const(np.float32(_HIDDEN_SCORE)))
        weights = opset15.convert(opset15.unsqueeze(self._mask, self._ints(2)), "f32")
        total = opset15.reduce_sum(weights, self._ints(1), keep_dims=True)
        self._shares = opset15.divide(weights, total)

    def embed(self, tensors: Weights) -> Any:
        op, start = self._op, "embeddings."
        places = tensors[f"{start}position_embeddings.weight"]
        first = places + tensors[f"{start}token_type_embeddings.weight"][0]
        length = op.gather(op.shape_of(self._ids, "i32"), self._ints(1), self._int(0))
        chosen = op.slice(
            self._const(first), self._ints(0), length, self._ints(1), axes=self._ints(0)
        )
        words = self._const(tensors[f"{start}word_embeddings.weight"])
        hidden = op.add(op.gather(words, self._ids, self._int(0)), chosen)
        norm = {f"norm.{kind}": tensors[f"{start}LayerNorm.{kind}"] for kind in ("weight", "bias")}
        return self._norm(hidden, norm, "norm")

    def add_layer(self, hidden: Any, weights: Weights, start: str) -> Any:
        op = self._op
        qkv = op.split(self._linear(hidden, weights, f"{start}qkv"), self._int(2), 3)
        query, key, value = (self._split_heads(part) for part in qkv.outputs())
        seen = op.scaled_dot_product_attention(query, key, value, self._bias)
        joined = op.reshape(
            op.transpose(seen, self._ints(0, 2, 1, 3)), self._ints(0, 0, self._dim), True
        )
        change = self._linear(joined, weights, f"{start}out")
        hidden = self._norm(op.add(change, hidden), weights, f"{start}norm1")
        up = op.gelu(self._linear(hidden, weights, f"{start}up"), "erf")
        change = self._linear(up, weights, f"{start}down")
        return self._norm(op.add(change, hidden), weights, f"{start}norm2")

    def pool_mean(self, hidden: Any) -> Any:
        return self._op.reduce_sum(self._op.multiply(hidden, self._shares), self._ints(1))

    def run_branch(self, hidden: Any, weights: Weights) -> Any:
        for layer in range(count_layers(weights)):
            hidden = self.add_layer(hidden, weights, f"{layer}.")
        first = self._op.gather(hidden, self._int(0), self._int(1))
        return self._op.concat([self.pool_mean(hidden), first], 1)

    def finish(self, rows: list[Any]) -> Any:
        row = rows[0] if len(rows) == 1 else self._op.concat(rows, 1)
        return self._openvino.Model([row], [self._ids, self._mask], "bert")

    def _split_heads(self, rows: Any) -> Any:
        shape = self._ints(0, 0, self._n_heads, self._dim // self._n_heads)
        return self._op.transpose(self._op.reshape(rows, shape, True), self._ints(0, 2, 1, 3))

    def _linear(self, rows: Any, weights: Weights, name: str) -> Any:
        product = self._op.matmul(rows, self._const(weights[f"{name}.weight"]), False, True)
        return self._op.add(product, self._const(weights[f"{name}.bias"]))

    def _norm(self, rows: Any, weights: Weights, name: str) -> Any:
        scaled = self._op.mvn(rows, self._ints(-1), True, EPSILON, "inside_sqrt")
        scaled = self._op.multiply(scaled, self._const(weights[f"{name}.weight"]))
        return self._op.add(scaled, self._const(weights[f"{name}.bias"]))

    def _const(self, values: Any) -> Any:
        # A mapped tensor is not copied: 384 MB of word embeddings stay on disk until they are read.
        if isinstance(values, np.memmap):
            return self._op.constant(values, shared_memory=True)
        return self._op.constant(np.asarray(values, dtype=np.float32))

    def _int(self, value: int) -> Any:
        return self._op.constant(np.int32(value))

    def _ints(self, *values: int) -> Any:
        return self._op.constant(np.array(values, dtype=np.int32))
