"""The sections of the configuration: one model each."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from nlp.cores import count_cores
from nlp.themes.granularity import Granularity
from pipelines.attention.defaults import DEFAULT_COLUMNS, DEFAULT_WEIGHTS
from pipelines.errors import ConfigError

# Weights are written with two or three decimals.
WEIGHT_TOLERANCE = 1e-6
Party = Literal["zero", "first", "second", "third"]
Stated = Literal["declared", "inferred"]
Stage = Literal["awareness", "purchase", "delivery", "use", "support", "leaving", "unknown"]
Engine = Literal["local", "processes", "ray"]
Allowed = Literal["allowed", "consent", "never"]
ColumnMap = dict[str, str | list[str]]
# Of what other systems are known by; of what is raised and advised.
EntryName = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,39}$")]
RuleName = Annotated[str, Field(pattern="^[a-z0-9_]{1,40}$")]


AGE: Final = re.compile("([1-9][0-9]{0,5})([smhdw])")


def _check_age(text: str) -> str:
    if not AGE.fullmatch(text):
        raise ValueError(f"{text!r} is no age; write it as 90m, 26h, 8d or 2w")
    return text


Age = Annotated[str, AfterValidator(_check_age)]


class Section(BaseModel):
    """One part of the file: unknown keys are refused, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def check_names(what: str, entries: Iterable[Any]) -> None:
    """See that the name of each entry is its own.

    :param what: what they are, in the plural.
    :raises ValueError: naming those that stand twice.
    """
    counts = Counter(each.name for each in entries)
    if twice := sorted(name for name, n in counts.items() if n > 1):
        raise ValueError(f"two {what} are called {', '.join(twice)}; name each differently")


class StoreConfig(Section):
    """Where the tables are.

    :param vectors: lake, for Parquet files in the lake of ``[engine]``; a store that has them there
        keeps them there.
    """

    url: str = "sqlite:///earful.db"
    vectors: Literal["database", "lake"] = "database"
    network_files: bool = False


class LimitsConfig(Section):
    """What a run may use, checked before it begins.

    :param memory_gb: 10^9 bytes; 0 for what the machine, or its container, has.
    :param disk_gb: for the store and for the cache, each; 0 for what is free there.
    """

    memory_gb: Annotated[float, Field(ge=0)] = 0
    disk_gb: Annotated[float, Field(ge=0)] = 0


class ModelsConfig(Section):
    """Which models read the texts."""

    encoder: str = "default"
    sentiment_model: str = "default"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    sentiment_labels: dict[str, Literal["negative", "neutral", "positive"]] = {}


class EngineConfig(Section):
    """Who reads the texts, where, and how long they are waited for."""

    name: Engine = "local"
    workers: Annotated[int, Field(ge=0)] = 0
    address: str = ""
    lake: str = "earful-lake"
    models: Annotated[int, Field(ge=0)] = 0
    cpus: Annotated[float, Field(gt=0)] = 1.0
    gpus: Annotated[float, Field(ge=0)] = 0.0
    shard_rows: Annotated[int, Field(ge=1)] = 20_000
    tries: Annotated[int, Field(ge=1)] = 4
    start_s: Annotated[float, Field(gt=0)] = 120.0
    shard_s: Annotated[float, Field(gt=0)] = 3600.0
    silence_s: Annotated[float, Field(gt=0)] = 180.0

    @property
    def n_processes(self) -> int:
        """Workers on this machine: as configured, else one a core."""
        return self.workers or count_cores()


class TextConfig(Section):
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


class MaskingConfig(Section):
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


class NoiseConfig(Section):
    """What is noise beyond what earful knows by itself."""

    own_accounts: tuple[str, ...] = ()

    @field_validator("own_accounts")
    @classmethod
    def _are_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from pipelines.own_accounts import fold_account

        if empty := sum(not fold_account(name) for name in names):
            raise ValueError(f"{empty} of {len(names)} have no letters; write them as '@acme'")
        return names


class ThemesConfig(Section):
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


class LinkingConfig(Section):
    """How feedback and events find their customer."""

    max_key_customers: Annotated[int, Field(ge=1)] = 5
    traits: bool = False
    review_from: Annotated[float, Field(gt=0, lt=1)] = 0.2


class OutcomesConfig(Section):
    """Which outcomes are measured after a feedback."""

    rating: bool = True
    nps: bool = True
    churn_days: Annotated[int, Field(ge=0)] = 90
    spend_days: Annotated[int, Field(ge=0)] = 90


class SignalConfig(Section):
    """What the signal score is made of."""

    days: Annotated[int, Field(ge=0)] = 90
    weights: dict[str, Annotated[float, Field(ge=0)]] = dict(DEFAULT_WEIGHTS)

    @field_validator("weights")
    @classmethod
    def _add_up(cls, weights: dict[str, float]) -> dict[str, float]:
        if weights.keys() != DEFAULT_WEIGHTS.keys():
            raise ValueError(f"must name each of {', '.join(DEFAULT_WEIGHTS)}, and nothing else")
        if abs(sum(weights.values()) - 1) > WEIGHT_TOLERANCE:
            raise ValueError(f"must add up to 1; these add up to {sum(weights.values()):g}")
        return {part: weights[part] for part in DEFAULT_WEIGHTS}


class PrioritiesConfig(Section):
    """How many themes are ranked to be fixed first."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 10


class AnonymityConfig(Section):
    """From how many people on a group is shown."""

    min_customers: Annotated[int, Field(ge=2)] = 5


class ComparisonConfig(Section):
    """Which columns name what is compared."""

    columns: tuple[str, ...] = DEFAULT_COLUMNS
    max_values: Annotated[int, Field(ge=2, le=200)] = 20
    min_voices: Annotated[int, Field(ge=1)] = 10


class CoverageConfig(Section):
    """Whether voices are weighted to look like all customers."""

    weight_by: tuple[Literal["segment", "country", "lang"], ...] = ()
    max_weight: Annotated[float, Field(gt=1)] = 5.0

    @field_validator("weight_by")
    @classmethod
    def _are_distinct(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("names one of them twice")
        return names


class NextActionConfig(Section):
    """A rule: what to do for a customer of whom all of this holds."""

    name: RuleName
    action: Annotated[str, Field(min_length=1, max_length=200)]
    open_theme: bool | None = None
    churned: bool | None = None
    min_risk: Annotated[float | None, Field(ge=0, le=1)] = None
    min_value: float | None = None
    min_sentiment: Annotated[float | None, Field(ge=-1, le=1)] = None
    max_sentiment: Annotated[float | None, Field(ge=-1, le=1)] = None
    stages: tuple[Stage, ...] = ()


class ConsentConfig(Section):
    """What is allowed without a row in ``consent``; see :mod:`pipelines.rights.purposes`."""

    analysis: Allowed = "allowed"
    quoting: Allowed = "allowed"
    contact: Allowed = "consent"
    profiling: Allowed = "allowed"


class ErasureConfig(Section):
    """What ``earful forget`` does with what a person said.

    :param ledger: the file that remembers erasures for backups; None for one beside the secret.
    """

    feedback: Literal["delete", "deidentify"] = "delete"
    ledger: str | None = None


class ReportConfig(Section):
    """How the page begins."""

    language: Literal["en", "he", "ar", "fa"] = "en"


class _InputConfig(Section):
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


class MonitorConfig(Section):
    """What ``earful status --check`` calls healthy.

    :param max_age: of the last good run, such as 26h or 8d.
    :param max_rejected: share of rows.
    :param drift_error_rate: chance of a false alarm a run, over all measures.
    """

    max_age: Age = "26h"
    max_rejected: Annotated[float, Field(ge=0, le=1)] = 0.05
    drift_error_rate: Annotated[float, Field(gt=0, lt=1)] = 0.01


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
