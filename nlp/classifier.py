"""Any transformers sequence classifier as a sentiment model."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlp.errors import ModelError, UnfitModelError
from nlp.forward import MAX_TOKENS, Placement, run_model
from nlp.label_names import fold_label, sentiment_names
from nlp.sentiment import LABELS, softmax


class SequenceClassifier:
    """A classifier with its own pass over the text."""

    def __init__(
        self,
        network: Any,
        tokenizer: Any,
        name: str,
        placement: Placement,
        labels: Mapping[str, str],
    ) -> None:
        """Take over a loaded model.

        :param network: a transformers `...ForSequenceClassification`.
        :param labels: meaning of the model's labels where their names do not say it.
        :raises ModelError: if a label has no meaning, or negative or positive has no label.
        """
        self.name = name
        self.placement = placement
        self._columns = map_labels(network.config.id2label, labels, name)
        self._network = network.eval().to(placement.device, placement.dtype)
        self._tokenizer = tokenizer
        self._limit = min(_longest_input(network.config, tokenizer), MAX_TOKENS)

    def score(
        self, texts: Sequence[str], langs: Sequence[str] | None = None
    ) -> NDArray[np.float32]:
        """Return probabilities, `(n, 3)`; labels of one meaning are added up."""
        logits = run_model(
            texts,
            self._tokenizer,
            lambda features: self._network(**features).logits,
            self.placement,
            limit=self._limit,
            width=len(self._columns),
        )
        if not np.isfinite(logits).all():
            raise ModelError(f"{self.name} gives values that are no numbers; name another model")
        probabilities = softmax(logits)
        merged = np.zeros((len(texts), len(LABELS)), dtype=np.float32)
        for column, label in enumerate(self._columns):
            merged[:, LABELS.index(label)] += probabilities[:, column]
        return merged


def map_labels(id2label: Mapping[int, str], meanings: Mapping[str, str], model: str) -> list[Any]:
    """Return what each output column of a model means.

    :param id2label: from its config.
    :param meanings: given by the user; they go before the known names.
    :raises ModelError: if a label is unknown, a meaning is given to one that the model does not
        have, or nothing means negative or nothing positive.
    """
    given = {fold_label(label): meaning for label, meaning in meanings.items()}
    known = sentiment_names() | given
    names = [str(id2label[column]) for column in sorted(id2label)]
    _refuse_unused(meanings, names, model)
    columns = [known.get(fold_label(name)) for name in names]
    unknown = [name for name, meaning in zip(names, columns, strict=True) if meaning not in LABELS]
    if unknown:
        raise UnfitModelError(
            f"{model} has {len(unknown)} of {len(names)} labels without a known meaning "
            f"({', '.join(unknown[:5])}); look up what they mean in the model's card and write it "
            f"in the config, each as negative, neutral or positive: {_show_entry(unknown)}"
        )
    if not {"negative", "positive"} <= set(columns):
        raise UnfitModelError(
            f"{model} cannot tell negative from positive: it has {', '.join(names)}"
        )
    return columns


def _refuse_unused(meanings: Mapping[str, str], names: Sequence[str], model: str) -> None:
    """Refuse a meaning for a label that the model does not have: a typing error, or of another."""
    folded = set(map(fold_label, names))
    unused = [label for label in meanings if fold_label(label) not in folded]
    if unused:
        raise UnfitModelError(
            f"{len(unused)} of {len(meanings)} labels in sentiment_labels are none of {model} "
            f"({', '.join(unused[:5])}); it has {', '.join(names[:10])}. Correct or remove them"
        )


def _show_entry(unknown: Sequence[str]) -> str:
    """Write the setting but for its meanings: a guess would be copied."""
    pairs = (f'{json.dumps(name, ensure_ascii=False)} = "..."' for name in unknown)
    return f"sentiment_labels = {{ {', '.join(pairs)} }}"


def _longest_input(config: Any, tokenizer: Any) -> int:
    """Return how many tokens fit; RoBERTa's table of positions starts after the padding id."""
    positions = getattr(config, "max_position_embeddings", None) or MAX_TOKENS
    if config.model_type in ("roberta", "xlm-roberta", "camembert"):
        positions -= (config.pad_token_id or 0) + 1
    return min(int(positions), int(tokenizer.model_max_length))
