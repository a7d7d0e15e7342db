"""The folder of a model: where it lies, and what its files tell before weights are loaded."""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from nlp.cache import file_sha256
from nlp.errors import MissingModelError, ModelError, UnfitModelError

_LAYER: Final = re.compile(r"(?:^|\.)(?:layers?|h|blocks?)\.(\d+)\.")
_LAYER_COUNTS: Final = ("num_hidden_layers", "n_layers", "num_layers", "n_layer")
_HUB_NAME: Final = re.compile(r"[\w.-]+(/[\w.-]+)?")
_WRITERS: Final = ("LMHeadModel", "ForCausalLM")
_DECODERS: Final = {
    *("gpt2", "gptj", "gpt_neo", "gpt_neox", "gpt_bigcode", "openai-gpt", "opt", "bloom", "ctrl"),
    *("llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "gemma", "gemma2"),
    *("phi", "phi3", "falcon", "codegen", "stablelm", "starcoder2", "olmo", "olmo2", "xglm", "mpt"),
    *("cohere", "granite", "smollm3", "mamba", "rwkv"),
}
_PICKLES: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5")
_HUB_FILES: Final = ("*.safetensors", "*.json", "*.txt", "*.model")


def find_folder(model: str, *, may_fetch: bool = True) -> Path:
    """Return a local folder with the model's files, from disk or from the hub's own cache.

    :param may_fetch: fetch a model that is in neither from the hub.
    :raises MissingModelError: if there is none.
    :raises ModelError: if the folder holds no model, or its weights only as pickle.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        _check_files(path, model)
        return path
    if path.exists():
        raise UnfitModelError(f"{model} is a file; name the model's folder instead")
    if not _HUB_NAME.fullmatch(model):
        raise MissingModelError(f"there is no model folder {model}; check the path")
    folder = _find_hub_folder(model, may_fetch=may_fetch)
    _check_files(folder, model)
    return folder


def check_modules(folder: Path, model: str) -> None:
    """Refuse modules that are not the library's own: their names would be imported, so run."""
    path = folder / "modules.json"
    if not path.is_file():
        return
    with refusing(model, folder):
        kinds = [str(module["type"]) for module in json.loads(path.read_text("utf-8"))]
    foreign = [kind for kind in kinds if not kind.startswith("sentence_transformers.")]
    if foreign:
        raise UnfitModelError(
            f"{model} wants to run code of its own ({foreign[0]}), which is never done; "
            f"name a model made of sentence-transformers' own modules"
        )


def check_is_encoder(folder: Path, model: str) -> None:
    """Refuse a bare language model that writes text: the mean of its states says little.

    Each of its states knows only the words before it. Folders of sentence-transformers say how a
    vector is made of such states (the last one), and are taken.

    :raises ModelError: naming what the model is.
    """
    if (folder / "modules.json").is_file():
        return
    with refusing(model, folder):
        config = _read_json(transformer_folder(folder) / "config.json")
    kinds = [str(kind) for kind in config.get("architectures") or ()]
    is_writer = any(kind.endswith(_WRITERS) for kind in kinds)
    if is_writer or config.get("is_decoder") or config.get("model_type") in _DECODERS:
        named = ", ".join(kinds) or config.get("model_type")
        raise UnfitModelError(
            f"{model} is a decoder ({named}): it writes text and is not trained to compare texts; "
            f"name an encoder, or a sentence-transformers folder (with modules.json) made of it"
        )


def transformer_folder(folder: Path) -> Path:
    """Return where the transformer lies: in a subfolder in old sentence-transformers folders."""
    return next(
        (path for path in (folder, folder / "0_Transformer") if (path / "config.json").is_file()),
        folder,
    )


def name_folder(model: str, folder: Path) -> str:
    """Name a model by its hub commit, or by the content of all files that shape its output."""
    if folder.parent.name == "snapshots":
        return f"{model}@{folder.name[:12]}"
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".json", ".safetensors", ".txt", ".model") and path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(file_sha256(path).encode())
    return f"{folder.resolve().name}@{digest.hexdigest()[:12]}"


@contextmanager
def refusing(model: str, folder: Path) -> Iterator[None]:
    """Turn whatever a library says about an unreadable model into one refusal."""
    try:
        yield
    except ModelError:
        raise
    except Exception as error:  # damaged files fail in as many ways as there are parsers
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        if "above report" in reason:  # transformers prints it, and we keep the screen clear
            reason = "its weights do not fit its configuration"
        raise ModelError(
            f"{model} cannot be loaded from {folder}: {reason[:300]}; the folder is damaged or of "
            f"an unknown architecture: fetch it again or name another model"
        ) from error


_VOCABULARIES = (
    *("tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model"),
    *("tokenizer.model", "spm.model"),
)


def find_doubt(folder: Path, *, is_classifier: bool) -> str | None:
    """Say what speaks against a whole and fitting model; None where nothing does.

    Reads names and sizes of the tensors, and those of one axis. A doubt is no verdict: names differ
    from library to library, and only loading the model settles it.

    :param folder: where the transformer's `config.json` lies.
    :raises OSError, ValueError, SafetensorError: for a file that cannot be parsed, or is cut.
    """
    config = _read_json(folder / "config.json")
    if not any((folder / name).is_file() for name in _VOCABULARIES):
        raise FileNotFoundError(f"there is no tokenizer in {folder} (such as tokenizer.json)")
    names, width = _read_headers(folder)
    if width is not None and width != config.get("hidden_size", width):
        return f"vectors of {width} in the weights, {config['hidden_size']} in the configuration"
    n_layers = next((config[key] for key in _LAYER_COUNTS if key in config), None)
    found = {int(match[1]) for name in names if (match := _LAYER.search(name))}
    if n_layers != len(found):
        return f"{len(found)} layers in the weights, {n_layers} in the configuration"
    kinds = [str(kind) for kind in config.get("architectures") or ()]
    if is_classifier and not any(kind.endswith("ForSequenceClassification") for kind in kinds):
        return f"made as {', '.join(kinds) or 'nothing named'}, not as a classifier"
    if not (folder / "tokenizer.json").is_file():
        return "no tokenizer.json"
    _read_json(folder / "tokenizer.json")
    return None


def folder_bytes(folder: Path) -> int:
    """Size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def read_licence(folder: Path) -> str | None:
    """Read the licence that the front matter of a model card states, if it does."""
    try:
        card = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    front = card.split("\n---", 1)[0] if card.startswith("---") else ""
    found = re.search(r"^licen[cs]e:\s*[\"']?([\w.+-]+)", front, re.MULTILINE)
    return found[1] if found else None


def _find_hub_folder(model: str, *, may_fetch: bool) -> Path:
    """Look in the cache first, so that a model once fetched needs no network."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    wanted = list(_HUB_FILES)
    try:
        return Path(snapshot_download(model, local_files_only=True, allow_patterns=wanted))
    except (LocalEntryNotFoundError, ValueError):
        pass
    if not may_fetch:
        raise MissingModelError(
            f"{model} is neither a folder here nor in the hub's cache; fetch it with: "
            f"earful models prepare"
        )
    try:
        return Path(snapshot_download(model, allow_patterns=wanted))
    except Exception as error:
        raise MissingModelError(
            f"{model} is neither a folder here nor in the hub's cache, and could not be fetched "
            f"from the hub ({type(error).__name__}); check the name and the network, or copy the "
            f"model's folder to this machine and give its path"
        ) from error


def _check_files(folder: Path, model: str) -> None:
    if not any((folder / name).is_file() for name in ("modules.json", "config.json")):
        raise UnfitModelError(
            f"{model} holds neither modules.json nor config.json: not a model folder"
        )
    for part in (folder, *(path for path in sorted(folder.iterdir()) if path.is_dir())):
        pickles = [path.name for pattern in _PICKLES for path in part.glob(pattern)]
        if pickles and not any(part.glob("*.safetensors")):
            raise UnfitModelError(
                f"{model} has its weights only as pickle ({pickles[0]}), which could run code; "
                f"convert them to safetensors (save_pretrained does)"
            )
    if not any(folder.rglob("*.safetensors")):
        raise ModelError(f"{model} holds no weights: no *.safetensors file in it")


def _read_headers(folder: Path) -> tuple[set[str], int | None]:
    """Names of the tensors, and the width of a word's vector where one is found.

    Opening a file compares its length with what its header says. Tensors of one axis are read.

    :raises ValueError: where one of these holds what is no number.
    """
    from safetensors import safe_open

    names: set[str] = set()
    width = None
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as opened:
            names.update(opened.keys())
            for name in opened.keys():  # noqa: SIM118
                shape = opened.get_slice(name).get_shape()
                if name.endswith("word_embeddings.weight"):
                    width = shape[1]
                if len(shape) == 1 and not opened.get_tensor(name).isfinite().all():
                    raise ValueError(f"the weights {name} hold values that are no numbers")
    return names, width


def _read_json(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise TypeError(f"{path.name} holds no JSON object")
    return content
