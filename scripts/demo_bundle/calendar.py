"""When things happen in the demo: days with a weekly rhythm, local offsets, the planted window."""

import bisect
import itertools
import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone

FIRST_DAY = date(2026, 5, 1)
AS_OF = date(2026, 11, 1)  # the first day that is not in the data
LAST_MOMENT = datetime(2026, 10, 31, 23, 59, 59, 0, UTC)
LATE_START = date(2026, 10, 12)
RELEASES = (  # app versions and the day each came out
    ("5.0.9", date(2026, 4, 14)),
    ("5.1.0", date(2026, 6, 2)),
    ("5.1.2", date(2026, 7, 7)),
    ("5.1.4", date(2026, 8, 25)),
    ("5.2.0", LATE_START),
    ("5.2.1", date(2026, 10, 17)),
    ("5.2.2", date(2026, 10, 24)),
)
_WEEKDAYS = (1.1, 1.15, 1.1, 1.05, 0.95, 0.75, 0.7)
_HOURS = (1, 1, 0, 0, 0, 1, 2, 4, 6, 7, 7, 6, 7, 7, 6, 6, 6, 7, 8, 9, 9, 8, 5, 3)


def weekly(day: date) -> float:
    """How busy a day of the week is."""
    return _WEEKDAYS[day.weekday()]


def growing(day: date) -> float:
    """How busy a day after the update is: more from day to day for a week, then level."""
    return weekly(day) * (1 + min((day - LATE_START).days, 7) / 3)


def spread_moments(
    n: int,
    rng: random.Random,
    start: date = FIRST_DAY,
    end: date = AS_OF,
    weight: Callable[[date], float] = weekly,
) -> list[datetime]:
    """Moments in UTC, evenly spread over the days by their weight, in shuffled order.

    Even and not free: so a theme that is not planted as new has no accidental rise.

    :param end: the first day after the last.
    """
    days = [start + timedelta(i) for i in range((end - start).days)]
    sums = list(itertools.accumulate(weight(day) for day in days))
    moments = [
        moment_on(days[bisect.bisect(sums, sums[-1] * (i + rng.random()) / n)], rng)
        for i in range(n)
    ]
    rng.shuffle(moments)
    return moments


def moment_on(day: date, rng: random.Random) -> datetime:
    """A moment of a day, at an hour when people are awake."""
    hour = rng.choices(range(24), _HOURS)[0]
    return datetime(
        day.year, day.month, day.day, hour, rng.randrange(60), rng.randrange(60), 0, UTC
    )


def local_time(moment: datetime, offsets: Sequence[str]) -> datetime:
    """The same moment with the offset of a country.

    :param offsets: the day when the clock changes, the offset before it, and from it on.
    """
    change, before, after = offsets
    text = before if moment.date().isoformat() < change else after
    hours, minutes = text[1:].split(":")
    shift = timedelta(hours=int(hours), minutes=int(minutes))
    return moment.astimezone(timezone(shift if text[0] == "+" else -shift))


def release_on(day: date, lag: int = 0) -> str:
    """The app version of a day.

    :param lag: how many releases behind the user is.
    """
    out = [version for version, released in RELEASES if released <= day]
    return out[max(0, len(out) - 1 - lag)]


def released_on(version: str) -> date:
    """When an app version came out; the first day of the window for an unknown one."""
    return dict(RELEASES).get(version, LATE_START)
