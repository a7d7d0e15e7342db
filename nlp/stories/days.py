"""Days as a language writes them, in the calendar that CLDR gives it first."""

from typing import Final

# Between these years of the Persian calendar leap years follow a cycle of 33 years; outside days
# are written as they are stored. Borkowski, "The Persian calendar for 3000 years", 1996.
_CYCLES_BEGIN, _CYCLES_END = 1210, 1635
_NOWRUZ_OF_BEGIN: Final = 2389898  # the Julian day of 1 Farvardin 1210
_LEAP_PLACES: Final = frozenset(range(0, 29, 4))
_LONG_MONTHS, _LONG_DAYS, _SHORT_DAYS = 6, 31, 30


def read_day(moment: str) -> tuple[int, int, int]:
    """Year, month and day of a moment in ISO 8601.

    :raises ValueError: where it does not begin with a day.
    """
    year, month, day = (int(part) for part in moment[:10].split("-"))
    return year, month, day


def to_persian(year: int, month: int, day: int) -> tuple[int, int, int] | None:
    """A Gregorian day in the Persian calendar; None where its leap years are not known."""
    left = _julian_day(year, month, day) - _NOWRUZ_OF_BEGIN
    persian = _CYCLES_BEGIN
    while left >= (length := _days_of(persian)) and persian < _CYCLES_END:
        left -= length
        persian += 1
    if left < 0 or persian >= _CYCLES_END:
        return None
    long_days = _LONG_MONTHS * _LONG_DAYS
    if left < long_days:
        return persian, left // _LONG_DAYS + 1, left % _LONG_DAYS + 1
    left -= long_days
    return persian, _LONG_MONTHS + left // _SHORT_DAYS + 1, left % _SHORT_DAYS + 1


def _days_of(persian: int) -> int:
    return 366 if (persian - _CYCLES_BEGIN) % 33 in _LEAP_PLACES else 365


def _julian_day(year: int, month: int, day: int) -> int:
    """Day number of a Gregorian day (Fliegel and Van Flandern, CACM 11, 1968)."""
    early = (14 - month) // 12
    years, months = year + 4800 - early, month + 12 * early - 3
    leaps = years // 4 - years // 100 + years // 400
    return day + (153 * months + 2) // 5 + 365 * years + leaps - 32045
