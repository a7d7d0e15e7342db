"""The days that are judged: from when on there is feedback, and when "now" is. No clock is asked.

Dates are as good as what was given: one of 1970 or of 2099 must not open decades of empty days.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.intp]

# After so long a silence a few voices are taken for wrong dates, not for the store going on.
STRAY_GAP_DAYS = 180
STRAY_SHARE = 0.01
# What is dated later than it was read, by more than a day's zones, is a slip: a month for a day, a
# century. Where so much of all is, the clock that read it was wrong, or the data are made up.
AHEAD_SHARE = 0.1
_ZONES = timedelta(days=1)
# Older weeks are counted, not judged.
MAX_DAYS = 5 * 365


@dataclass(frozen=True)
class Timeline:
    """Days without a gap, as ordinals of :class:`datetime.date`, both ends in it."""

    first: int
    last: int

    @property
    def n_days(self) -> int:
        """How many days there are."""
        return self.last - self.first + 1

    def list_looks(self) -> Days:
        """Every Sunday, and the last day: the places of the days whose evening is looked from."""
        places = np.arange(self.n_days)
        return np.flatnonzero(((places + self.first) % 7 == 0) | (places == self.n_days - 1))


def find_timeline(volume: Mapping[date, int], read_on: date | None = None) -> Timeline | None:
    """The days from the first with feedback to "now", the last of them.

    A stretch at either end is left out where more than STRAY_GAP_DAYS lie between it and the rest,
    and it holds less than STRAY_SHARE of all voices; so are days of the future, see AHEAD_SHARE.

    :param volume: voices by day; days without any may be missing.
    :param read_on: the last day on which any of it was read; None where that is not known.
    :returns: None where no day has a voice; at most the last MAX_DAYS, from the first with a voice.
    """
    ordinals = {day.toordinal(): n for day, n in _leave_out_slips(volume, read_on).items() if n}
    stretches = _list_stretches(ordinals)
    few = STRAY_SHARE * sum(n for *_, n in stretches)
    while len(stretches) > 1 and stretches[-1][2] < few:
        stretches.pop()
    while len(stretches) > 1 and stretches[0][2] < few:
        stretches.pop(0)
    if not stretches:
        return None
    last = stretches[-1][1]
    start = max(stretches[0][0], last - MAX_DAYS + 1)
    return Timeline(min(day for day in ordinals if start <= day), last)


def _leave_out_slips(volume: Mapping[date, int], read_on: date | None) -> Mapping[date, int]:
    """The days without those that were still to come when all was read, where these are few."""
    if read_on is None:
        return volume
    past = {day: n for day, n in volume.items() if day <= read_on + _ZONES}
    n_all = sum(volume.values())
    return past if n_all - sum(past.values()) < AHEAD_SHARE * n_all else volume


def _list_stretches(volume: Mapping[int, int]) -> list[tuple[int, int, int]]:
    """Runs of days without a long silence: first day, last day and voices of each."""
    stretches: list[tuple[int, int, int]] = []
    for day in sorted(volume):
        if stretches and day - stretches[-1][1] <= STRAY_GAP_DAYS:
            first, _, n = stretches.pop()
            stretches.append((first, day, n + volume[day]))
        else:
            stretches.append((day, day, volume[day]))
    return stretches
