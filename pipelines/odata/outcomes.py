"""Outcomes: what followed a feedback, measured only where enough time has passed to know."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipelines.odata.facts import Happened, find_churn, sum_spend


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
    rating: float | None,
    rating_max: float | None,
    events: Sequence[Happened],
    known_until: datetime,
    settings: OutcomeSettings,
) -> dict[str, float]:
    """Outcomes of one feedback by name; those that cannot be known yet are left out.

    :param at: when it was given.
    :param events: all events of its customer.
    :param known_until: up to when the store knows events: a window beyond it is not over.
    """
    found: dict[str, float] = {}
    if settings.rating and rating is not None and rating_max:
        found["rating"] = rating / rating_max
    if settings.nps and rating is not None and rating_max == 10:
        found["nps_group"] = name_nps_group(rating)
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
    """1 for promoters (9, 10), 0 for passives (7, 8), -1 for detractors."""
    return 1.0 if rating >= 9 else 0.0 if rating >= 7 else -1.0


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
