"""The configuration file: TOML, one model per section, every mistake reported at once."""

import hashlib
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError, ValidationInfo, field_validator

from pipelines.actions.rules import Rules, check_rules
from pipelines.config_sections import (
    AnonymityConfig,
    ComparisonConfig,
    ConsentConfig,
    CoverageConfig,
    EngineConfig,
    ErasureConfig,
    LimitsConfig,
    LinkingConfig,
    MaskingConfig,
    ModelsConfig,
    MonitorConfig,
    NextActionConfig,
    NoiseConfig,
    OutcomesConfig,
    PrioritiesConfig,
    RecordsConfig,
    ReportConfig,
    Section,
    SignalConfig,
    SourceConfig,
    StoreConfig,
    TextConfig,
    ThemesConfig,
    check_names,
)
from pipelines.delivery.kinds import DestinationEntry
from pipelines.errors import ConfigError
from pipelines.stories.settings import StoriesConfig
from pipelines.syncs.settings import SyncConfig

if TYPE_CHECKING:
    from nlp.masking import Masking

CONFIG_VARIABLE = "EARFUL_CONFIG"
CACHE_VARIABLE = "EARFUL_CACHE"
LOCAL_CONFIG = Path("earful.toml")


class Config(Section):
    """Everything that a run can be told."""

    store: StoreConfig = StoreConfig()
    limits: LimitsConfig = LimitsConfig()
    models: ModelsConfig = ModelsConfig()
    engine: EngineConfig = EngineConfig()
    text: TextConfig = TextConfig()
    masking: MaskingConfig = MaskingConfig()
    noise: NoiseConfig = NoiseConfig()
    themes: ThemesConfig = ThemesConfig()
    linking: LinkingConfig = LinkingConfig()
    outcomes: OutcomesConfig = OutcomesConfig()
    signal: SignalConfig = SignalConfig()
    priorities: PrioritiesConfig = PrioritiesConfig()
    comparison: ComparisonConfig = ComparisonConfig()
    coverage: CoverageConfig = CoverageConfig()
    anonymity: AnonymityConfig = AnonymityConfig()
    next_actions: tuple[NextActionConfig, ...] | None = None
    consent: ConsentConfig = ConsentConfig()
    erasure: ErasureConfig = ErasureConfig()
    report: ReportConfig = ReportConfig()
    monitor: MonitorConfig = MonitorConfig()
    stories: StoriesConfig = StoriesConfig()
    sources: tuple[SourceConfig, ...] = ()
    customers: tuple[RecordsConfig, ...] = ()
    events: tuple[RecordsConfig, ...] = ()
    syncs: tuple[SyncConfig, ...] = ()
    # Before the rules, which name them.
    destinations: tuple[DestinationEntry, ...] = ()
    rules: Rules = ()

    @field_validator("syncs", "destinations")
    @classmethod
    def _are_named(cls, given: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
        check_names(str(info.field_name), given)
        return given

    @field_validator("rules")
    @classmethod
    def _are_sound(cls, rules: Rules, info: ValidationInfo) -> Rules:
        if "destinations" in info.data:  # else these have mistakes of their own
            check_rules(rules, [each.name for each in info.data["destinations"]])
        return rules


def load_config(path: Path | None) -> tuple[Config, Path]:
    """Read the configuration.

    :param path: the file; None means $EARFUL_CONFIG, else ./earful.toml if there is one, else the
        defaults.
    :returns: the configuration, and the folder that its paths are relative to.
    :raises ConfigError: naming every mistake with its place.
    """
    if path is None:
        named = os.environ.get(CONFIG_VARIABLE)
        path = Path(named) if named else (LOCAL_CONFIG if LOCAL_CONFIG.exists() else None)
    if path is None:
        return Config(), Path()
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise ConfigError(f"there is no configuration file {path}") from error
    except OSError as error:
        raise ConfigError(f"the configuration {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the configuration {path} is not UTF-8; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the configuration {path} is not TOML: {error}") from error
    return check_config(values, str(path)), path.parent


def check_config(values: dict[str, Any], name: str) -> Config:
    """Validate a parsed configuration.

    :param name: the file's name, for the message.
    :raises ConfigError: naming every mistake with its place.
    """
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        mistakes = [_describe_mistake(item) for item in error.errors()]
        n = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}"
        raise ConfigError(f"{n} in {name}:\n  " + "\n  ".join(mistakes)) from error


def read_masking(config: Config) -> "Masking":
    """Say what is masked, as `nlp.masking` takes it."""
    from nlp.masking import Masking

    own = config.masking
    return Masking(
        region=config.text.region,
        names=own.names,
        handles=own.handles,
        keep=frozenset(name.casefold() for name in own.keep),
        templates=tuple((kind, form) for kind, forms in own.templates.items() for form in forms),
    )


def hash_config(config: Config) -> str:
    """Short hash of a configuration, for the run's row."""
    return hashlib.sha256(config.model_dump_json().encode()).hexdigest()[:16]


def user_cache_dir() -> Path:
    """Where converted models and unfinished work are kept: $EARFUL_CACHE, else the user's cache."""
    from platformdirs import user_cache_path

    given = os.environ.get(CACHE_VARIABLE)
    return Path(given) if given else user_cache_path("earful")


def user_secret_path() -> Path:
    """Where the secret behind keyed hashes is kept when the environment holds none."""
    from platformdirs import user_config_path

    return user_config_path("earful") / "secret"


def _describe_mistake(item: Any) -> str:
    place = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        parent = item["loc"][:-1]
        return f"unknown key @ {place} (known here: {', '.join(_known_keys(parent))})"
    return f"{item['msg'].removeprefix('Value error, ')} @ {place}"


def _known_keys(place: tuple[str | int, ...]) -> list[str]:
    """The keys of the section at a place; of a union, those of the member that the place names."""
    annotation: Any = Config
    for part in place:
        models = _find_models(annotation)
        if isinstance(part, int):
            continue
        named = [model for model in models if part in model.model_fields]
        if named:
            annotation = named[0].model_fields[part].annotation
        else:  # the tag of a union's member
            annotation = tuple(model for model in models if _tag(model) == part)
    names = {
        field.alias or name
        for model in _find_models(annotation)
        for name, field in model.model_fields.items()
    }
    return sorted(names)


def _find_models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    parts = annotation if isinstance(annotation, tuple) else get_args(annotation)
    return [model for part in parts for model in _find_models(part)]


def _tag(model: type[BaseModel]) -> Any:
    """What a member of a tagged union has as its kind."""
    field = model.model_fields.get("kind")
    return next(iter(get_args(field.annotation)), None) if field else None
