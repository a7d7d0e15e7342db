"""Spans of days that words name, counted from one day: weeks begin on Monday."""

from dataclasses import dataclass
from datetime import date, timedelta

MIN_YEAR, MAX_YEAR = 1970, 2100


@dataclass(frozen=True)
class Days:
    """A span of days.

    :param first: None for no beginning.
    :param after: the first day that is too late; None for no end.
    """

    first: date | None = None
    after: date | None = None

    def meet(self, other: "Days") -> "Days":
        """Give the days of both; none are left where ``first`` is not before ``after``."""
        firsts = [day for day in (self.first, other.first) if day]
        afters = [day for day in (self.after, other.after) if day]
        return Days(max(firsts, default=None), min(afters, default=None))

    @property
    def is_empty(self) -> bool:
        """Whether no day is left."""
        return bool(self.first and self.after and self.first >= self.after)


def name_span(name: str, today: date) -> Days:
    """Give today, yesterday, or this or last week, month, quarter or year."""
    if name in ("today", "yesterday"):
        first = today - timedelta(days=name == "yesterday")
        return Days(first, first + timedelta(days=1))
    which, _, unit = name.partition("_")
    back = which == "last"
    if unit == "week":
        monday = today - timedelta(days=today.weekday() + 7 * back)
        return Days(monday, monday + timedelta(days=7))
    if unit == "year":
        return give_year(today.year - back)
    size = {"month": 1, "quarter": 3}[unit]
    begins = date(today.year, (today.month - 1) // size * size + 1, 1)
    first = add_months(begins, -size * back)
    return Days(first, add_months(first, size))


def count_back(n: int, unit: str, today: date) -> Days:
    """Give the last so many days, weeks, months or years, today included.

    :raises OverflowError: when they reach back too far.
    """
    if unit in ("days", "weeks"):
        first = today - timedelta(days=n * (7 if unit == "weeks" else 1) - 1)
    else:
        first = add_months(today, -n * (12 if unit == "years" else 1)) + timedelta(days=1)
    return Days(first, today + timedelta(days=1))


def give_month(month: int, year: int | None, today: date) -> Days:
    """Give a month of a year; without one the latest that has begun."""
    of = year or today.year - (month > today.month)
    first = date(of, month, 1)
    return Days(first, add_months(first, 1))


def give_quarter(quarter: int, year: int | None, today: date) -> Days:
    """Give a quarter of a year; without one the latest that has begun."""
    month = 3 * quarter - 2
    of = year or today.year - (month > today.month)
    return Days(date(of, month, 1), add_months(date(of, month, 1), 3))


def give_year(year: int) -> Days:
    """Give a year."""
    return Days(date(year, 1, 1), date(year + 1, 1, 1))


def add_months(day: date, n: int) -> date:
    """Give the same day of another month, or its last.

    :raises OverflowError: for a year that there is not.
    """
    months = day.year * 12 + day.month - 1 + n
    year, month = divmod(months, 12)
    if not 1 <= year <= 9998:
        raise OverflowError(f"there is no year {year}")
    after = date(year + month // 11, (month + 1) % 12 + 1, 1)
    last = (after - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last))
