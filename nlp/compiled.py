"""The default encoder's pass, compiled by OpenVINO: one and a half times as fast as torch on a CPU.

The graph is built from the model folder's own weights, which stay mapped from disk. Each batch is
computed on one thread, and a text's bits follow from the length that it is padded to; where they
follow from the size of its batch too, batches are filled up (see `batches`).
"""

import json
import struct
from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlp.batches import Batch, fill_batch, plan_batches
from nlp.bert_graph import Weights, build_bert, import_openvino
from nlp.branch import Branch, score_states
from nlp.cache import stamp_files
from nlp.cores import count_cores
from nlp.encoder import round_unit_rows
from nlp.errors import ModelError
from nlp.forward import MAX_TOKENS, TEXTS_PER_STEP, compute_batches, cut_texts

# Tokens per batch: 128 reach .39 of the machine's rate of matrix products, 256 .41, 512 .50 and
# 1024 .52 (tweets, AMX, paired); the fewer, the more evenly few texts are spread over the cores.
_BUDGET: Final = 512
# Shapes by which a model is tried: lengths below and above the width of the processor's lanes.
_TRIED_LENGTHS: Final = (10, 40)
_TRIED_SIZES: Final = (1, 2, 5)
# Padding is 3 % of the tokens of 28,000 mentions, 15 % in the steps that torch is given.
_LENGTHS: Final = (
    *range(6, 33, 2),
    *range(36, 65, 4),
    *range(72, 129, 8),
    *(160, 192, 224, 256, 320, 384, 448),
)
_PAD_ID: Final = 1
_TYPES: Final = {"F32": "<f4", "F16": "<f2"}


class CompiledModel:
    """A graph, and as many requests to it as batches may be computed side by side."""

    def __init__(self, graph: Any, *, precision: str, n_threads: int) -> None:
        openvino = import_openvino()
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            "NUM_STREAMS": n_threads,
            "INFERENCE_NUM_THREADS": n_threads,
            "ENABLE_CPU_PINNING": False,  # two jobs on one machine would share one core
        }
        compiled = openvino.Core().compile_model(graph, "CPU", settings)
        self.width = int(compiled.output(0).partial_shape[1].get_length())
        self._n_threads = n_threads
        self._requests: SimpleQueue[Any] = SimpleQueue()
        for _ in range(n_threads):
            self._requests.put(compiled.create_infer_request())
        self._is_filled = not self._is_row_wise()

    def run(self, tokens: Sequence[Sequence[int]], limit: int) -> NDArray[np.float32]:
        """Compute a row for each list of token ids, `(n, width)`."""
        out = np.empty((len(tokens), self.width), dtype=np.float32)

        def fill(batch: Batch) -> None:
            out[list(batch.rows)] = self._compute(tokens, batch)[: len(batch.rows)]

        n_tokens = [len(row) for row in tokens]
        batches = plan_batches(
            n_tokens, limit, _BUDGET, lengths=_LENGTHS, n_spare=0, is_filled=self._is_filled
        )
        compute_batches(fill, list(batches), ThreadPoolExecutor(self._n_threads))
        return out

    def _compute(self, tokens: Sequence[Sequence[int]], batch: Batch) -> NDArray[np.float32]:
        return self._infer(*fill_batch(tokens, batch, _PAD_ID))

    def _is_row_wise(self) -> bool:
        """Try whether a row has the same bits in a batch of any size (0.1 s).

        True for every size of 14 lengths from 6 to 224 on a CPU with AMX, in bf16 and in fp32; but
        a matrix kernel for another processor may add in another order when there are few rows.
        """
        for length in _TRIED_LENGTHS:
            ids = np.arange(100, 100 + length * (max(_TRIED_SIZES) + 2)).reshape(-1, length)
            mask = np.ones_like(ids)
            whole = self._infer(ids, mask)
            for size in _TRIED_SIZES:
                if not np.array_equal(self._infer(ids[:size], mask[:size]), whole[:size]):
                    return False
        return True

    def _infer(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        request = self._requests.get()
        try:
            request.infer([ids.astype(np.int32), mask.astype(np.int32)])
            rows: NDArray[np.float32] = request.get_output_tensor(0).data.copy()
            return rows
        finally:
            self._requests.put(request)


class CompiledEncoder:
    """A BERT with mean pooling, from a model folder that `write_model_folder` made."""

    def __init__(
        self, folder: Path, name: str, *, prompt: str, precision: str, n_threads: int | None = None
    ) -> None:
        """Map the weights; graphs are compiled when they are first needed.

        :param precision: `bf16`, `fp32`, or `auto`: bf16 where the processor has it.
        :param n_threads: batches computed side by side; None for one a core.
        :raises ImportError: if OpenVINO is not installed.
        :raises ModelError: if the folder is damaged.
        """
        openvino = import_openvino()
        try:
            config = json.loads((folder / "config.json").read_text("utf-8"))
            self.n_layers = int(config["num_hidden_layers"])
            self._n_heads = int(config["num_attention_heads"])
            self.tensors = _map_tensors(folder / "model.safetensors")
            path = folder / "tokenizer.json"
            self.tokenizer = _load_tokenizer(path, stamp_files(path))
        except (OSError, KeyError, ValueError, struct.error) as error:
            raise ModelError(f"the model folder {folder} is damaged ({error})") from error
        self.name = name
        self.dim = int(config["hidden_size"])
        if precision == "auto":
            can = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
            precision = "bf16" if "BF16" in can else "fp32"
        self.precision = precision
        self._prompt = prompt
        self._n_threads = n_threads or count_cores()
        self._models: dict[tuple[bool, Branch | None], CompiledModel] = {}

    def encode(self, texts: Sequence[str]) -> NDArray[np.float16]:
        """Return unit rows rounded to float16, `(n, dim)`.

        At most 511 tokens of a text are read. An empty text has the vector of the prompt alone.
        """
        return round_unit_rows(self._run(texts, None, with_mean=True))

    def encode_with(
        self, texts: Sequence[str], branch: Branch
    ) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
        """Return what `encode` returns, bit for bit, and the branch's scores, in one pass.

        :returns: `(n, dim)` and `(n, branch.width)`.
        """
        rows = self._run(texts, branch, with_mean=True)
        return round_unit_rows(rows[:, : self.dim]), score_states(rows[:, self.dim :], branch)

    def run_branch(self, texts: Sequence[str], branch: Branch) -> NDArray[np.float32]:
        """Return the scores that `encode_with` returns, bit for bit, in less time."""
        return score_states(self._run(texts, branch, with_mean=False), branch)

    def _run(
        self, texts: Sequence[str], branch: Branch | None, *, with_mean: bool
    ) -> NDArray[np.float32]:
        model = self._compile(branch, with_mean)
        out = np.empty((len(texts), model.width), dtype=np.float32)
        for first in range(0, len(texts), TEXTS_PER_STEP):
            step = slice(first, first + TEXTS_PER_STEP)
            cut = cut_texts(texts[step], self._prompt)
            tokens = [row.ids for row in self.tokenizer.encode_batch_fast(cut)]
            out[step] = model.run(tokens, MAX_TOKENS)
        return out

    def _compile(self, branch: Branch | None, with_mean: bool) -> CompiledModel:
        key = (with_mean, branch)
        if key not in self._models:
            fork = None if branch is None else (branch.after, branch.weights)
            graph = build_bert(
                self.tensors, self.n_layers, self._n_heads, with_mean=with_mean, fork=fork
            )
            self._models[key] = CompiledModel(
                graph, precision=self.precision, n_threads=self._n_threads
            )
        return self._models[key]


def _map_tensors(path: Path) -> Weights:
    """Map the tensors of a safetensors file, so that they cost no memory until they are read."""
    # Copy on write: OpenVINO shares only memory that could be written to.
    raw = np.memmap(path, dtype=np.uint8, mode="c")
    (n_bytes,) = struct.unpack("<Q", raw[:8].tobytes())
    entries = json.loads(raw[8 : 8 + n_bytes].tobytes())
    entries.pop("__metadata__", None)
    tensors = {}
    for name, entry in entries.items():
        first, last = (8 + n_bytes + place for place in entry["data_offsets"])
        tensors[name] = raw[first:last].view(_TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


@lru_cache(maxsize=1)
def _load_tokenizer(path: Path, _stamps: Hashable) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    # As many as with torch, which leaves one to padding.
    tokenizer.enable_truncation(MAX_TOKENS - 1)
    return tokenizer
