"""Which feedback of the files is wanted: of some days, or the newest so many.

What is not wanted is counted as left out: it is neither stored nor rejected.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from hashlib import blake2b

from pipelines.errors import ConfigError
from pipelines.reading.items import FeedbackItem
from pipelines.reading.tables import BadRow

_UNDATED = datetime.min.replace(tzinfo=UTC)
_Rank = tuple[datetime, bytes]


class LeftOut:
    """Stands for feedback that is not wanted."""


LEFT_OUT = LeftOut()


@dataclass(frozen=True)
class Cut:
    """Where the newest end.

    :param rank: of the oldest that is wanted.
    :param n_equal: how many of exactly this rank are; they are equal in all.
    """

    rank: _Rank
    n_equal: int


@dataclass(frozen=True)
class Selection:
    """What is wanted; all of it where nothing is said.

    :param since: the first moment.
    :param until: the first moment that is too late.
    :param limit: at most so many feedback, the newest.
    """

    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None

    @property
    def is_dated(self) -> bool:
        """Whether dates decide, so that feedback without a date is not wanted."""
        return self.since is not None or self.until is not None

    def holds(self, item: FeedbackItem) -> bool:
        """Whether the days are right; without a date they are not."""
        if not self.is_dated:
            return True
        if item.at is None:
            return False
        is_early = self.since is not None and item.at < self.since
        return not is_early and (self.until is None or item.at < self.until)


def parse_selection(
    since: str | None, until: str | None, limit: int | None, zone: tzinfo
) -> Selection:
    """Read what the command line says.

    A day counts whole, as the first and as the last one; a moment is the first, or the first too
    late.

    :param zone: of days, and of moments that name none.
    :raises ConfigError: for what is no date, and where nothing can lie between the two.
    """
    first = _parse_moment("--since", since, zone, is_end=False)
    last = _parse_moment("--until", until, zone, is_end=True)
    if first is not None and last is not None and first >= last:
        raise ConfigError(f"--since {since} is after --until {until}; nothing lies between them")
    return Selection(first, last, limit)


def parse_first_moment(option: str, given: str, zone: tzinfo) -> datetime:
    """The moment that the command line says, in UTC; of a day, its first.

    :raises ConfigError: for what is no date.
    """
    moment = _parse_moment(option, given, zone, is_end=False)
    assert moment is not None
    return moment.astimezone(UTC)


def parse_last_moment(option: str, given: str, zone: tzinfo) -> datetime:
    """The moment that the command line says, in UTC; of a day, its last.

    :raises ConfigError: for what is no date.
    """
    end = _parse_moment(option, given, zone, is_end=True)
    assert end is not None
    is_day = _parse_moment(option, given, zone, is_end=False) != end
    return (end - timedelta(microseconds=is_day)).astimezone(UTC)


def find_cut(items: Iterable[FeedbackItem | BadRow], selection: Selection) -> Cut | None:
    """Find where the newest end; None where there is no limit, or all are within it.

    Ties in time are broken by content, so that the order of rows decides nothing.
    """
    if (limit := selection.limit) is None:
        return None
    newest: list[_Rank] = []
    n_wanted = 0
    for item in items:
        if isinstance(item, BadRow) or not selection.holds(item):
            continue
        n_wanted += 1
        if len(newest) < limit:
            heapq.heappush(newest, _rank(item))
        else:
            heapq.heappushpop(newest, _rank(item))
    if n_wanted <= limit:
        return None
    return Cut(newest[0], newest.count(newest[0]))


class Chooser:
    """Passes on what is wanted, and LEFT_OUT for the rest.

    :ivar n_undated: feedback left out for want of a date.
    """

    def __init__(self, selection: Selection, cut: Cut | None = None) -> None:
        self._selection = selection
        self._cut = cut
        self._n_equal = cut.n_equal if cut else 0
        self.n_undated = 0

    def choose(
        self, items: Iterable[FeedbackItem | BadRow]
    ) -> Iterator[FeedbackItem | BadRow | LeftOut]:
        """Go through feedback; rows that cannot be used are passed on, to be rejected."""
        for item in items:
            yield item if isinstance(item, BadRow) or self._is_wanted(item) else LEFT_OUT

    def _is_wanted(self, item: FeedbackItem) -> bool:
        if not self._selection.holds(item):
            self.n_undated += item.at is None
            return False
        if self._cut is None:
            return True
        rank = _rank(item)
        if rank == self._cut.rank:
            self._n_equal -= 1
            return self._n_equal >= 0
        return rank > self._cut.rank


def _rank(item: FeedbackItem) -> _Rank:
    content = repr(replace(item, file="", row_number=0)).encode("utf-8", "surrogatepass")
    return (item.at or _UNDATED, blake2b(content, digest_size=16).digest())


def _parse_moment(option: str, given: str | None, zone: tzinfo, *, is_end: bool) -> datetime | None:
    if given is None:
        return None
    try:
        day = date.fromisoformat(given.strip())
    except ValueError:
        day = None
    try:
        if day is not None:
            return datetime.combine(day + timedelta(days=is_end), time(), zone)
        moment = datetime.fromisoformat(given.strip())
    except (ValueError, OverflowError) as error:
        raise ConfigError(
            f"{option} {given!r} is no date; write it as 2026-03-31 or 2026-03-31T18:00+02:00"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
