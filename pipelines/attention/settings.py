"""What of the configuration attention depends on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from pipelines.attention.defaults import DEFAULT_COLUMNS, DEFAULT_WEIGHTS
from pipelines.kept_settings import keep_values

if TYPE_CHECKING:
    from pipelines.config import Config

PRODUCT = "ranked"
_SETTINGS = "attention_settings"


@dataclass(frozen=True)
class AttentionSettings:
    """What of the configuration attention depends on.

    :param weights: of the parts of the signal score; they add up to 1.
    :param days: of the newest feedback that count as now; 0 for all.
    :param n_priorities: of all, and of each segment.
    :param k: a group of fewer customers is not shown.
    :param columns: that name what is compared: attributes, or source, channel or lang.
    :param max_values: of a column, the largest, that are compared.
    :param min_voices: of a value that is compared.
    :param weight_by: of segment, country and lang: what voices are weighted by; none for not at
        all.
    :param max_weight: no voice weighs more than so many times the mean, or less than 1 / so many.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    days: int = 90
    n_priorities: int = 10
    k: int = 5
    columns: tuple[str, ...] = DEFAULT_COLUMNS
    max_values: int = 20
    min_voices: int = 10
    weight_by: tuple[str, ...] = ()
    max_weight: float = 5.0


def read_attention_settings(config: "Config") -> AttentionSettings:
    """Take from the configuration what attention depends on."""
    return AttentionSettings(
        weights=config.signal.weights,
        days=config.signal.days,
        n_priorities=config.priorities.limit,
        k=config.anonymity.min_customers,
        columns=config.comparison.columns,
        max_values=config.comparison.max_values,
        min_voices=config.comparison.min_voices,
        weight_by=config.coverage.weight_by,
        max_weight=config.coverage.max_weight,
    )


def keep_attention_settings(
    connection: Connection, settings: AttentionSettings | None
) -> AttentionSettings:
    """The settings to go by, kept for edits and erasures, which are not told them.

    :param settings: as configured; None for those of the last time. Others than then have
        everything ranked anew.
    """
    given = None if settings is None else asdict(settings)
    stored = keep_values(connection, _SETTINGS, given, PRODUCT)
    return settings or (_read_stored(stored) if stored else AttentionSettings())


def _read_stored(stored: dict[str, object]) -> AttentionSettings:
    lists = {name: tuple(each) for name, each in stored.items() if isinstance(each, list)}
    return AttentionSettings(**{**stored, **lists})  # type: ignore[arg-type]
