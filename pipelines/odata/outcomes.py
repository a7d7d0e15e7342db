"""Outcomes: what followed a feedback, measured only where enough time has passed to know.

What a customer gave with it, a rating or a place among promoters, is known at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pipelines.odata.facts import Happened, find_churn, sum_spend

# Of ten: promoters give so much, passives so much, detractors less (Reichheld, HBR 12/2003).
PROMOTER: Final = 9
PASSIVE: Final = 7


@dataclass(frozen=True)
class OutcomeSettings:
    """Which outcomes are measured.

    :param churn_days: within so many days after the feedback; 0 for not at all.
    :param spend_days: spend in so many days after, less that in as many before; 0 for not at all.
    """

    rating: bool = True
    nps: bool = True
    churn_days: int = 90
    spend_days: int = 90


def measure_outcomes(
    at: datetime | None,
    events: Sequence[Happened],
    known_until: datetime,
    settings: OutcomeSettings,
) -> dict[str, float]:
    """What a customer did after one feedback, by outcome; what cannot be known yet is left out.

    :param at: when it was given.
    :param events: all events of its customer.
    :param known_until: up to when the store knows events: a window beyond it is not over.
    """
    found: dict[str, float] = {}
    if at is None or not events:
        return found
    if settings.churn_days:
        left = measure_churn(at, events, known_until, settings.churn_days)
        if left is not None:
            found[f"churn_{settings.churn_days}"] = float(left)
    if settings.spend_days:
        found |= _measure_spend(at, events, known_until, settings.spend_days)
    return found


def name_nps_group(rating: float) -> float:
    """1 for promoters, 0 for passives, -1 for detractors."""
    return 1.0 if rating >= PROMOTER else 0.0 if rating >= PASSIVE else -1.0


def measure_churn(
    at: datetime, events: Sequence[Happened], known_until: datetime, days: int
) -> bool | None:
    """Whether a customer left within so many days; None when that is not known, or had left."""
    leaving = [each for each in events if each.kind == "churn"]
    end = at + timedelta(days=days)
    if leaving and has_left(at, events):
        return None
    leaves = any(at < each.at <= end for each in leaving)
    return True if leaves else False if end <= known_until else None


def has_left(at: datetime, events: Sequence[Happened]) -> bool:
    """Whether a customer had left by a moment, and had not come back."""
    past = (each for each in events if each.at <= at)
    return find_churn(sorted(past, key=lambda each: (each.at, each.kind))) is not None


def _measure_spend(
    at: datetime, events: Sequence[Happened], known_until: datetime, days: int
) -> dict[str, float]:
    window = timedelta(days=days)
    if at + window > known_until:
        return {}
    after, before = sum_spend(events, at, at + window), sum_spend(events, at - window, at)
    return {
        f"spend_change_{days}_{currency}": round(
            after.get(currency, 0) - before.get(currency, 0), 2
        )
        for currency in sorted(after.keys() | before.keys())
    }
