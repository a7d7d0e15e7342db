"""How many actions a rule may raise: a pure function over what is new and what was raised."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple


class Channel(NamedTuple):
    """A rule on its way to one destination: limits hold for each."""

    rule: str
    destination: str


@dataclass(frozen=True)
class Wanted:
    """An action that nothing keeps back but, perhaps, a limit.

    :param at: when what raised it happened: of several the newest comes first.
    """

    key: str
    channel: Channel
    at: datetime
    customer_id: str | None
    max_a_day: int
    customer_days: int


@dataclass(frozen=True)
class Raised:
    """What was raised before and not suppressed.

    :param today: actions of this day by channel.
    :param spoken: moments of actions about a customer by channel.
    """

    today: Mapping[Channel, int] = field(default_factory=dict)
    spoken: Mapping[tuple[Channel, str], Collection[datetime]] = field(default_factory=dict)


def apply_limits(wanted: Iterable[Wanted], raised: Raised, now: datetime) -> dict[str, str]:
    """The reason by key of those that are over a limit; in whatever order they are given."""
    ordered = sorted(wanted, key=lambda each: each.key)
    ordered.sort(key=lambda each: each.at, reverse=True)
    counts, spoken = Counter(raised.today), set[tuple[Channel, str]]()
    over: dict[str, str] = {}
    for each in ordered:
        reason = _find_limit(each, counts, spoken, raised, now)
        if reason:
            over[each.key] = reason
            continue
        counts[each.channel] += 1
        if each.customer_id:
            spoken.add((each.channel, each.customer_id))
    return over


def _find_limit(
    wanted: Wanted,
    counts: Counter[Channel],
    spoken: set[tuple[Channel, str]],
    raised: Raised,
    now: datetime,
) -> str | None:
    if wanted.customer_days and wanted.customer_id:
        about = (wanted.channel, wanted.customer_id)
        since = now - timedelta(days=wanted.customer_days)
        if about in spoken or any(at > since for at in raised.spoken.get(about, ())):
            return "customer_limit"
    if wanted.max_a_day and counts[wanted.channel] >= wanted.max_a_day:
        return "day_limit"
    return None
