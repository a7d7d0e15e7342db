"""From texts to embeddings."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nlp.branch import Branch, branch_logits
from nlp.errors import ModelError
from nlp.forward import MAX_TOKENS, Placement, run_model


class Encoder(Protocol):
    """What the pipeline needs of an embedding model."""

    @property
    def name(self) -> str:
        """Model and revision: vectors of one name may be compared with each other."""

    @property
    def dim(self) -> int:
        """Columns of a vector."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float16]:
        """Return unit rows, `(n, dim)`, the same bits for a text whatever the other texts are."""


class BranchingEncoder(Encoder, Protocol):
    """An encoder that other layers can fork from."""

    @property
    def n_layers(self) -> int:
        """Layers of the transformer."""

    def encode_with(
        self, texts: Sequence[str], branch: Branch
    ) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
        """Return what `encode` returns, bit for bit, and the branch's scores, in one pass.

        :returns: `(n, dim)` and `(n, branch.width)`.
        """

    def run_branch(self, texts: Sequence[str], branch: Branch) -> NDArray[np.float32]:
        """Return the scores that `encode_with` returns, bit for bit, in less time."""


class SentenceEncoder:
    """Any sentence-transformers model that starts with a transformer, run in fixed shapes."""

    def __init__(self, model: Any, name: str, placement: Placement) -> None:
        """Take over a loaded model.

        :param model: a `SentenceTransformer`; its first module is moved to the placement.
        :raises ModelError: if it has no transformer with a tokenizer in front.
        """
        if not hasattr(model[0], "auto_model") or model.tokenizer is None:
            raise ModelError(
                f"{name} starts with {type(model[0]).__name__}; name a model that starts with a "
                f"text transformer"
            )
        self.name = name
        self.placement = placement
        self.prompt: str = model.prompts.get(model.default_prompt_name) or ""
        self.dim = int(model.get_embedding_dimension())
        model.eval()
        model.to(placement.device)
        model[0].to(placement.dtype)
        self._modules = list(model)
        self.tokenizer = model.tokenizer
        self._limit = min(model.max_seq_length or MAX_TOKENS, MAX_TOKENS)
        self._n_prompt_tokens = self._count_prompt_tokens()
        self._taps: dict[int, _Tap] = {}
        self._placed: dict[Branch, Any] = {}

    def encode(self, texts: Sequence[str]) -> NDArray[np.float16]:
        """Return unit rows rounded to float16, `(n, dim)`.

        At most 511 tokens of a text are read. An empty text has the vector of the prompt alone.
        """
        return round_unit_rows(self._run(texts, self._embed, self.dim))

    def encode_with(
        self, texts: Sequence[str], branch: Branch
    ) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
        """See `BranchingEncoder`."""
        import torch

        tap, weights = self._tap(branch.after), self._place(branch)

        def embed_and_fork(features: dict[str, Any]) -> Any:
            mask = features["attention_mask"]
            rows = self._embed(features)
            return torch.cat([rows.float(), branch_logits(tap.take(), mask, weights)], 1)

        rows = self._run(texts, embed_and_fork, self.dim + branch.width)
        return round_unit_rows(rows[:, : self.dim]), rows[:, self.dim :].copy()

    def run_branch(self, texts: Sequence[str], branch: Branch) -> NDArray[np.float32]:
        """See `BranchingEncoder`."""
        weights = self._place(branch)

        def fork(features: dict[str, Any]) -> Any:
            hidden = self.read_layer(features, branch.after)
            return branch_logits(hidden, features["attention_mask"], weights)

        return self._run(texts, fork, branch.width)

    def read_layer(self, features: dict[str, Any], layer: int) -> Any:
        """Return the hidden states after the first `layer` layers and run no more of them."""
        tap = self._tap(layer)
        tap.is_last = True
        try:
            self._modules[0](features)
        except _Enough:
            return tap.take()
        finally:
            tap.is_last = False
        raise ModelError(f"{self.name} did not run its layer {layer}")

    @property
    def n_layers(self) -> int:
        """Layers of the transformer."""
        return len(self.layers)

    @property
    def layers(self) -> Any:
        """The transformer's layers."""
        return self._modules[0].auto_model.encoder.layer

    def _place(self, branch: Branch) -> Any:
        """Put a branch's weights where the encoder computes."""
        import torch

        if branch not in self._placed:
            device, dtype = self.placement.device, self.placement.dtype
            self._placed[branch] = {
                name: torch.from_numpy(values).to(device, dtype)
                for name, values in branch.weights.items()
            }
        return self._placed[branch]

    def _tap(self, layer: int) -> "_Tap":
        if layer not in self._taps:
            self._taps[layer] = tap = _Tap()
            self.layers[layer - 1].register_forward_hook(tap.keep)
        return self._taps[layer]

    def _run(
        self, texts: Sequence[str], compute: Callable[[dict[str, Any]], Any], width: int
    ) -> NDArray[np.float32]:
        return run_model(
            texts,
            self.tokenizer,
            compute,
            self.placement,
            prompt=self.prompt,
            limit=self._limit,
            width=width,
        )

    def _embed(self, features: dict[str, Any]) -> Any:
        first, *rest = self._modules
        if self._n_prompt_tokens:
            features["prompt_length"] = self._n_prompt_tokens
        features = first(features)
        # Pool in fp32: the mean of many bf16 rows, rounded to bf16 again, would lose two digits.
        features["token_embeddings"] = features["token_embeddings"].float()
        for module in rest:
            features = module(features)
        return features["sentence_embedding"]

    def _count_prompt_tokens(self) -> int:
        """Count the tokens that pooling leaves out: 0 for most models, which pool over them."""
        if all(getattr(module, "include_prompt", True) for module in self._modules):
            return 0
        ids = self.tokenizer(self.prompt)["input_ids"]
        return len(ids) - (ids[-1] in self.tokenizer.all_special_ids)


class _Enough(Exception):  # noqa: N818 - no error: what ends a loop is no error either
    """Ends a forward pass at the layer whose output is all that is wanted."""


class _Tap(threading.local):
    """What a layer gave to this thread last: batches run side by side through one model."""

    hidden: Any = None
    is_last = False

    def keep(self, module: Any, inputs: Any, output: Any) -> None:
        self.hidden = output[0] if isinstance(output, tuple) else output
        if self.is_last:
            raise _Enough

    def take(self) -> Any:
        hidden, self.hidden = self.hidden, None
        return hidden


def round_unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float16]:
    """Scale each row to length one and round it to float16."""
    rows = rows / np.maximum(np.sqrt(np.square(rows).sum(axis=1, keepdims=True)), 1e-12)
    return rows.astype("<f2")
