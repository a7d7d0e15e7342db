"""The configuration file: TOML, one model per section, every mistake reported at once."""

import hashlib
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from nlp.themes.granularity import Granularity
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from nlp.masking import Masking

CONFIG_VARIABLE = "EARFUL_CONFIG"
CACHE_VARIABLE = "EARFUL_CACHE"
LOCAL_CONFIG = Path("earful.toml")

Party = Literal["zero", "first", "second", "third"]
Stated = Literal["declared", "inferred"]
Stage = Literal["awareness", "purchase", "delivery", "use", "support", "leaving", "unknown"]
Allowed = Literal["allowed", "consent", "never"]
ColumnMap = dict[str, str | list[str]]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreConfig(_Section):
    """Where the tables are."""

    url: str = "sqlite:///earful.db"


class ModelsConfig(_Section):
    """Which models read the texts."""

    encoder: str = "default"
    sentiment_model: str = "default"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    sentiment_labels: dict[str, Literal["negative", "neutral", "positive"]] = {}


class TextConfig(_Section):
    """How texts, dates and numbers are read."""

    region: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "US"
    timezone: str = "UTC"

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("unknown time zone; write it as Asia/Jerusalem") from error
        return name


class MaskingConfig(_Section):
    """What is masked beyond e-mails, phones, numbers and addresses."""

    names: bool = True
    handles: bool = True
    keep: tuple[str, ...] = ()
    templates: dict[Annotated[str, Field(pattern="^[A-Z]{2,20}$")], tuple[str, ...]] = {}

    @field_validator("templates")
    @classmethod
    def _are_forms(cls, templates: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        from nlp.masking import check_template

        for form in (form for forms in templates.values() for form in forms):
            check_template(form)
        return templates


class ThemesConfig(_Section):
    """How fine themes are, and when they are found anew in all texts."""

    granularity: Granularity = "normal"
    refit_growth: Annotated[float, Field(ge=0)] = 2.0
    refit_every_days: Annotated[int, Field(ge=0)] = 90

    @field_validator("refit_growth")
    @classmethod
    def _is_growth(cls, growth: float) -> float:
        if 0 < growth <= 1:
            raise ValueError("must be above 1, as 2 for twice the texts, or 0 for never")
        return growth


class LinkingConfig(_Section):
    """How feedback and events find their customer."""

    max_key_customers: Annotated[int, Field(ge=1)] = 5
    traits: bool = False
    review_from: Annotated[float, Field(gt=0, lt=1)] = 0.2


class OutcomesConfig(_Section):
    """Which outcomes are measured after a feedback."""

    rating: bool = True
    nps: bool = True
    churn_days: Annotated[int, Field(ge=0)] = 90
    spend_days: Annotated[int, Field(ge=0)] = 90


class NextActionConfig(_Section):
    """A rule: what to do for a customer of whom all of this holds."""

    name: Annotated[str, Field(pattern="^[a-z0-9_]{1,40}$")]
    action: Annotated[str, Field(min_length=1, max_length=200)]
    open_theme: bool | None = None
    churned: bool | None = None
    min_risk: Annotated[float | None, Field(ge=0, le=1)] = None
    min_value: float | None = None
    min_sentiment: Annotated[float | None, Field(ge=-1, le=1)] = None
    max_sentiment: Annotated[float | None, Field(ge=-1, le=1)] = None
    stages: tuple[Stage, ...] = ()


class ConsentConfig(_Section):
    """What is allowed without a row in ``consent``; see :mod:`pipelines.rights.purposes`."""

    analysis: Allowed = "allowed"
    quoting: Allowed = "allowed"
    contact: Allowed = "consent"
    profiling: Allowed = "allowed"


class ErasureConfig(_Section):
    """What ``earful forget`` does with what a person said."""

    feedback: Literal["delete", "deidentify"] = "delete"


class _InputConfig(_Section):
    """What is read: files or objects by their path, or the rows of a query."""

    sql: str | None = None
    from_url: Annotated[str | None, Field(alias="from")] = None
    path: Annotated[str | None, Field(validate_default=True)] = None
    layout: str | None = None

    @field_validator("path")
    @classmethod
    def _is_one(cls, path: str | None, info: ValidationInfo) -> str | None:
        sql, from_url = info.data.get("sql"), info.data.get("from_url")
        is_query = bool(sql and from_url)
        if is_query == bool(path) or (path and (sql or from_url)):
            raise ValueError("needs a path, or else sql and from (the URL of a database)")
        return path

    @field_validator("layout")
    @classmethod
    def _is_layout(cls, layout: str | None) -> str | None:
        from pipelines.reading.layouts import check_layout_id

        try:
            return None if layout is None else check_layout_id(layout)
        except ConfigError as error:
            raise ValueError(str(error)) from error


class SourceConfig(_InputConfig):
    """Feedback to read; without a channel, a party or how it was stated, its layout says them."""

    name: str | None = None
    channel: str | None = None
    party: Party | None = None
    stated: Stated | None = None
    map: ColumnMap = {}


class RecordsConfig(_InputConfig):
    """Customers or events to read."""

    name: str | None = None
    map: ColumnMap = {}


class Config(_Section):
    """Everything that a run can be told."""

    store: StoreConfig = StoreConfig()
    models: ModelsConfig = ModelsConfig()
    text: TextConfig = TextConfig()
    masking: MaskingConfig = MaskingConfig()
    themes: ThemesConfig = ThemesConfig()
    linking: LinkingConfig = LinkingConfig()
    outcomes: OutcomesConfig = OutcomesConfig()
    next_actions: tuple[NextActionConfig, ...] | None = None
    consent: ConsentConfig = ConsentConfig()
    erasure: ErasureConfig = ErasureConfig()
    sources: tuple[SourceConfig, ...] = ()
    customers: tuple[RecordsConfig, ...] = ()
    events: tuple[RecordsConfig, ...] = ()


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
    sections: dict[str, type[BaseModel]] = {
        "store": StoreConfig,
        "models": ModelsConfig,
        "text": TextConfig,
        "masking": MaskingConfig,
        "themes": ThemesConfig,
        "linking": LinkingConfig,
        "outcomes": OutcomesConfig,
        "next_actions": NextActionConfig,
        "consent": ConsentConfig,
        "erasure": ErasureConfig,
        "sources": SourceConfig,
        "customers": RecordsConfig,
        "events": RecordsConfig,
    }
    model = sections.get(str(place[0]), Config) if place else Config
    return sorted(field.alias or name for name, field in model.model_fields.items())
