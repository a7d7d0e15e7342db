"""From texts to embeddings."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

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

    def encode(self, texts: Sequence[str]) -> NDArray[np.float16]:
        """Return unit rows rounded to float16, `(n, dim)`.

        At most 511 tokens of a text are read. An empty text has the vector of the prompt alone.
        """
        rows = run_model(
            texts,
            self.tokenizer,
            self._embed,
            self.placement,
            prompt=self.prompt,
            limit=self._limit,
            width=self.dim,
        )
        return round_unit_rows(rows)

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


def round_unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float16]:
    """Scale each row to length one and round it to float16."""
    rows = rows / np.maximum(np.sqrt(np.square(rows).sum(axis=1, keepdims=True)), 1e-12)
    return rows.astype("<f2")
