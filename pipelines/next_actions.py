"""The next best action for a customer: the first rule of the configuration that holds."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ActionRule:
    """What to do, and when; conditions that are None do not matter, all others must hold.

    :param stages: journey stages of the last contact.
    :param min_value: spend of a year, in any one currency.
    """

    name: str
    action: str
    open_theme: bool | None = None
    churned: bool | None = None
    min_risk: float | None = None
    min_value: float | None = None
    max_sentiment: float | None = None
    min_sentiment: float | None = None
    stages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Situation:
    """What rules are held against."""

    has_open_theme: bool
    has_churned: bool
    risk: float | None
    value: float | None
    sentiment: float
    stage: str | None


DEFAULT_RULES = (
    ActionRule("win_back", "ask why they left, and offer a way back", churned=True),
    ActionRule(
        "save_valuable", "call before they leave", min_risk=0.5, min_value=500.0, churned=False
    ),
    ActionRule("leaving", "answer the wish to leave", stages=("leaving",), churned=False),
    ActionRule("open_theme", "answer the open complaint", open_theme=True),
    ActionRule("thank", "thank, and ask for a review", min_sentiment=0.3, open_theme=False),
)


def describe_action(rule: ActionRule) -> str:
    """What is to be done, and by which rule, as `customer_insight.next_action` says it."""
    return f"{rule.action} (rule: {rule.name})"


def choose_action(rules: Sequence[ActionRule], situation: Situation) -> ActionRule | None:
    """The first rule that holds; None when none does."""
    return next((rule for rule in rules if _holds(rule, situation)), None)


def _holds(rule: ActionRule, found: Situation) -> bool:
    return (
        rule.open_theme in (None, found.has_open_theme)
        and rule.churned in (None, found.has_churned)
        and (rule.min_risk is None or (found.risk or 0.0) >= rule.min_risk)
        and (rule.min_value is None or (found.value or 0.0) >= rule.min_value)
        and (rule.max_sentiment is None or found.sentiment <= rule.max_sentiment)
        and (rule.min_sentiment is None or found.sentiment >= rule.min_sentiment)
        and (not rule.stages or found.stage in rule.stages)
    )
