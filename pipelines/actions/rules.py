"""The rules of the configuration, one model for each kind: what is watched, and what is raised."""

from collections.abc import Collection, Sequence
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, TypeAdapter, field_validator, model_validator

from pipelines.config_sections import RuleName, Section, Stage, check_names

GroupBy = Literal["none", "theme", "customer", "day"]
Topic = Literal["safety", "legal", "cancellation", "callback"]
Measure = Literal[
    "language_mix", "noise_rate", "unassigned_rate", "sentiment_mean", "embedding_mean"
]
NpsGroup = Literal["detractor", "passive", "promoter"]
Share = Annotated[float | None, Field(ge=0, le=1)]
Feeling = Annotated[float | None, Field(ge=-1, le=1)]


class _Rule(Section):
    """What every rule says.

    ``max_age_days`` counts back from the newest moment that the store knows; 0 is no limit for
    ``max_a_day`` and ``customer_days``.
    """

    name: RuleName
    title: Annotated[str | None, Field(min_length=1, max_length=120)] = None
    deliver_to: Annotated[tuple[str, ...], Field(min_length=1)]
    group_by: GroupBy = "none"
    max_age_days: Annotated[int, Field(ge=1)] = 30
    max_a_day: Annotated[int, Field(ge=0)] = 50
    customer_days: Annotated[int, Field(ge=0)] = 7

    @field_validator("deliver_to")
    @classmethod
    def _are_different(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len({*names}) < len(names):
            raise ValueError("names a destination twice")
        return names


class _PersonRule(_Rule):
    """A rule about one customer, who may be approached because of it."""

    contacts_customer: bool = False
    channel: str | None = None

    @model_validator(mode="after")
    def _needs_contact(self) -> Self:
        if self.channel is not None and not self.contacts_customer:
            raise ValueError("channel is that of contacts_customer = true, which is not said")
        return self


class CustomerRule(_PersonRule):
    """Raised by a customer of whom all conditions hold."""

    kind: Literal["customer"]
    max_rating: Share = None
    nps: NpsGroup | None = None
    max_sentiment: Feeling = None
    min_sentiment: Feeling = None
    min_risk: Share = None
    min_value: float | None = None
    currency: Annotated[str | None, Field(pattern="^[A-Z]{3}$")] = None
    open_theme: bool | None = None
    churned: bool | None = None
    stages: tuple[Stage, ...] = ()
    segments: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_conditions(self) -> Self:
        if not any(getattr(self, name) not in (None, ()) for name in CONDITIONS):
            raise ValueError(f"has no condition; give one of {', '.join(CONDITIONS)}")
        if self.currency is not None and self.min_value is None:
            raise ValueError("currency is that of min_value, which is not given")
        return self


CONDITIONS = (
    *("max_rating", "nps", "max_sentiment", "min_sentiment", "min_risk", "min_value"),
    *("open_theme", "churned", "stages", "segments"),
)


class ThemeRule(_Rule):
    """Raised by a theme whose verdict turned, in the latest week that is over."""

    kind: Literal["theme"]
    verdicts: Annotated[
        tuple[Literal["emerging", "growing", "fading"], ...], Field(min_length=1)
    ] = ("emerging", "growing")
    min_voices: Annotated[int, Field(ge=1)] = 1
    max_q: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_sentiment: Feeling = None
    group_by: Literal["none", "theme", "day"] = "none"


class WordsRule(_PersonRule):
    """Raised by what somebody says, see :mod:`nlp.alerts`."""

    kind: Literal["words"]
    topics: Annotated[tuple[Topic, ...], Field(min_length=1)]


class DriftRule(_Rule):
    """Raised by a run that brought something other than the runs before it."""

    kind: Literal["drift"]
    measures: Annotated[tuple[Measure, ...], Field(min_length=1)] = get_args(Measure)
    group_by: Literal["none", "day"] = "none"


Rule = Annotated[CustomerRule | ThemeRule | WordsRule | DriftRule, Field(discriminator="kind")]
Rules = tuple[Rule, ...]
_RULES: TypeAdapter[Rules] = TypeAdapter(Rules)


def check_rules(rules: Sequence[Any], destinations: Collection[str]) -> None:
    """Check what rules say of each other and of destinations.

    :param destinations: the names of those that are configured.
    :raises ValueError: for a name that two rules have, and a destination that is not there.
    """
    check_names("rules", rules)
    there = ", ".join(sorted(destinations)) or "none; write one under [[destinations]]"
    for rule in rules:
        for name in rule.deliver_to:
            if name not in destinations:
                raise ValueError(
                    f"the rule {rule.name!r} delivers to {name!r}, which is no destination "
                    f"(there are: {there})"
                )


def dump_rules(rules: Rules) -> str:
    """Rules as they are kept in a store."""
    return _RULES.dump_json(rules, exclude_defaults=True).decode()


def load_rules(stored: str) -> Rules:
    """Rules that were kept; those of another version that say what is unknown are not there."""
    from pydantic import ValidationError

    try:
        return _RULES.validate_json(stored)
    except ValidationError:
        return ()
