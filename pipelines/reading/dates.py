"""Dates as exports write them, read into UTC."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache, lru_cache

from pipelines.resources import load_config

_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
_INVISIBLE = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_TIME = re.compile(
    r"(?<![\d.:])(\d{1,2})([:h])(\d{2})(?:[:m](\d{2})(?:[.,](\d{1,9}))?)?s?(?![\d:])"
    r"|(?<=[\s,T])(\d{1,2})\.(\d{2})(?:\.(\d{2}))?$"
)
# What browsers add: "GMT+0300 (Israel Daylight Time)".
_ZONE_NAME = re.compile(r"(?<=\d) \([^\W\d_][^()\d]{2,50}\)$")
# What may stand between the letters of a half of the day: "p. m.", "אחה״צ", "بعد\u200cازظهر".
_GAPS = r"[.״\"'’\u200c\u00a0\u202f ]"
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_TOKEN = re.compile(r"\d+|[^\W\d_]+(?:[.\u200c][^\W\d_]+)*")
_EXCEL_EPOCH = datetime(1899, 12, 30)
_LONGEST = 80
_YEARS = range(1970, 2101)


@dataclass(frozen=True, slots=True)
class DateOrder:
    """How the column writes days and months where both are numbers.

    :param order: `dmy` or `mdy`.
    :param is_ambiguous: True where no value settles it and the default was taken.
    """

    order: str = "dmy"
    is_ambiguous: bool = False


def detect_date_order(values: Iterable[str]) -> DateOrder:
    """Decide the order from the values whose day is over 12.

    Without any: month first where times have AM or PM (American exports), else day first.
    """
    n_dmy = n_mdy = n_open = 0
    is_american = False
    for value in values:
        numbers = _small_numbers(value)
        if numbers is None:
            continue
        first, second = numbers
        n_dmy += first > 12 >= second
        n_mdy += second > 12 >= first
        n_open += first <= 12 and second <= 12 and first != second
        is_american = is_american or re.search(r"\d\s*[AaPp]\.?[Mm]", value) is not None
    if n_dmy != n_mdy:
        return DateOrder("dmy" if n_dmy > n_mdy else "mdy")
    return DateOrder("mdy" if is_american else "dmy", is_ambiguous=n_open > 0)


@lru_cache(maxsize=4_096)
def parse_date(text: str, order: str = "dmy", zone: tzinfo = UTC) -> datetime | None:
    """Read one date into UTC.

    ISO 8601 with or without offset, seconds, milli-, micro- and nanoseconds since 1970, days
    since 1900 (Excel), `20240301`, `3/15/2024 2:30 PM`, `24-02-2015 11.35`, names of months in
    many languages, Persian and Arabic digits, and dates of the Iranian calendar (years 1300-1420).

    :param order: `dmy` or `mdy`, for dates like 3/4/2024; a day over 12 decides for itself.
    :param zone: of dates that name none.
    :returns: None where the text is no date between 1970 and 2100.
    """
    plain = _INVISIBLE.sub("", text.translate(_DIGITS)).strip()
    if not plain or len(plain) > _LONGEST:
        return None
    plain = _ZONE_NAME.sub("", plain)
    try:
        found = _parse_iso(plain) or _parse_number(plain) or _parse_free(plain, order)
        if found is None or found.year not in _YEARS:
            return None
        aware = found if found.tzinfo else found.replace(tzinfo=zone)
        return aware.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _small_numbers(value: str) -> tuple[int, int] | None:
    match = re.match(
        r"\D*(\d{1,2})\s*[/.\- ]\s*(\d{1,2})\s*[/.,\- ]\s*\d{2,4}", value.translate(_DIGITS)
    )
    return (int(match[1]), int(match[2])) if match else None


def _parse_iso(plain: str) -> datetime | None:
    if len(plain) < 10 or plain[4] != "-" or plain[:2] not in ("19", "20", "21"):
        return None
    try:
        return datetime.fromisoformat(plain)
    except ValueError:
        return None


def _parse_number(plain: str) -> datetime | None:
    if not _NUMBER.fullmatch(plain):
        return None
    if plain.isdigit() and len(plain) in (8, 12, 14) and plain[:2] in ("19", "20"):
        return datetime.strptime(plain, "%Y%m%d%H%M%S"[: {8: 6, 12: 10, 14: 12}[len(plain)]])
    number = float(plain)
    if 20_000 <= number < 80_000:  # 1954 to 2119 in Excel's days
        return _EXCEL_EPOCH + timedelta(seconds=round(number * 86_400))
    for limit, per_second in ((1e11, 1), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9)):
        if 1e8 <= number < limit:
            return datetime.fromtimestamp(number / per_second, UTC)
    return None


def _parse_free(plain: str, order: str) -> datetime | None:
    rest, clock = _take_time(plain)
    rest, zone = _take_zone(rest)
    day = _parse_day(rest, order)
    if day is None or clock is None:
        return None
    return datetime(*day, tzinfo=zone) + clock


def _take_time(plain: str) -> tuple[str, timedelta | None]:
    spaced = re.sub(r"(?<=\d)T(?=\d)", " ", plain)
    match = _TIME.search(spaced)
    if match is None:
        return spaced, timedelta()
    if match[1] is not None:
        hour, minute, second = int(match[1]), int(match[3]), int(match[4] or 0)
        micro = int((match[5] or "0")[:6].ljust(6, "0"))
    else:
        hour, minute, second, micro = int(match[6]), int(match[7]), int(match[8] or 0), 0
    before, after = spaced[: match.start()], spaced[match.end() :]
    before, after, is_late = _take_half(before, after)
    if is_late is not None:
        hour = hour % 12 + 12 * is_late
    if hour > 24 or minute > 59 or second > 60:
        return spaced, None
    return f"{before} {after}", timedelta(
        hours=hour, minutes=minute, seconds=second, microseconds=micro
    )


def _take_half(before: str, after: str) -> tuple[str, str, bool | None]:
    """What stands before and after a time without AM or PM, and which it is; None for none."""
    words = _load_words()
    if found := words.after.match(after):
        return before, after[found.end() :], _is_late(found[1])
    if found := words.before.search(before):
        return before[: found.start()], after, _is_late(found[1])
    return before, after, None


def _is_late(half: str) -> bool:
    return re.sub(_GAPS, "", half).lower() in _load_words().pm


def _take_zone(rest: str) -> tuple[str, tzinfo | None]:
    words = _load_words()
    if match := words.offset.search(rest):
        minutes = int(match["hours"] or match["bare"]) * 60 + int(match["minutes"] or 0)
        minutes = minutes if "+" in match[0] else -minutes
    elif match := words.zone_names.search(rest):
        minutes = words.zones[match[1]]
    else:
        return rest, None
    return f"{rest[: match.start()]} {rest[match.end() :]}", timezone(timedelta(minutes=minutes))


def _parse_day(rest: str, order: str) -> tuple[int, int, int] | None:
    words = _load_words()
    numbers: list[str] = []
    month = 0
    is_jalali = False
    month_at = -1
    for token in _TOKEN.findall(rest):
        lower = token.lower().rstrip(".")
        if lower not in words.months:
            lower = lower.removeprefix("ב")  # Hebrew writes "in March" as one word
        if token.isdigit():
            numbers.append(token)
        elif lower in words.months and not month:
            month, month_at = words.months[lower], len(numbers)
        elif lower in words.jalali_months and not month:
            month, month_at, is_jalali = words.jalali_months[lower], len(numbers), True
        elif lower not in words.ignored:
            return None
    if month and len(numbers) == 2:
        numbers.insert(month_at if len(numbers[0]) == 4 else 1, str(month))
        return _order_numbers(numbers, "dmy", is_jalali=is_jalali)
    if month or len(numbers) != 3:
        return None
    return _order_numbers(numbers, order, is_jalali=False)


def _order_numbers(
    numbers: list[str], order: str, *, is_jalali: bool
) -> tuple[int, int, int] | None:
    if any(len(number) > 4 for number in numbers):
        return None
    if len(numbers[0]) >= 3:
        year, month, day = map(int, numbers)
    else:
        first, second, year = map(int, numbers)
        day, month = (first, second) if order == "dmy" else (second, first)
        if month > 12 >= day:
            day, month = month, day
        if len(numbers[2]) <= 2:
            year += 1900 if year >= 70 else 2000
    if is_jalali or 1300 <= year <= 1420:
        return _from_jalali(year, month, day)
    return year, month, day


def _from_jalali(year: int, month: int, day: int) -> tuple[int, int, int]:
    # The 33-year cycle of leap years, exact for 1300-1420 (K. M. Borkowski, 1996).
    if not (1 <= month <= 12 and 1 <= day <= 31):
        raise ValueError
    cycle_year = year - 979
    days = 365 * cycle_year + cycle_year // 33 * 8 + (cycle_year % 33 + 3) // 4
    days += 31 * (month - 1) if month <= 7 else 186 + 30 * (month - 7)
    found = datetime(1600, 3, 20) + timedelta(days=days + day - 1)
    return found.year, found.month, found.day


@dataclass(frozen=True, slots=True)
class _Words:
    months: dict[str, int]
    jalali_months: dict[str, int]
    ignored: frozenset[str]
    pm: frozenset[str]
    before: re.Pattern[str]
    after: re.Pattern[str]
    offset: re.Pattern[str]
    zones: dict[str, int]
    zone_names: re.Pattern[str]


@cache
def _load_words() -> _Words:
    data = load_config("values.toml")
    dates = data["dates"]
    halves = "|".join(f"{_GAPS}{{0,2}}".join(word) for word in (*dates["am"], *dates["pm"]))
    greenwich = "|".join(dates["offsets"])
    return _Words(
        months={name: int(key) for key, names in data["months"].items() for name in names},
        jalali_months={
            name: int(key) for key, names in data["jalali_months"].items() for name in names
        },
        ignored=frozenset(dates["ignored"]),
        pm=frozenset(dates["pm"]),
        before=re.compile(rf"(?<!\w)({halves}){_GAPS}*$", re.IGNORECASE),
        after=re.compile(rf"{_GAPS}*({halves})\.?(?!\w)", re.IGNORECASE),
        # Without the word the hours are two digits: the day of a date may follow a dash.
        offset=re.compile(
            rf"(?:(?<=\s)|^)(?:(?:{greenwich})\s?[+\-−](?P<hours>\d{{1,2}})|[+-](?P<bare>\d{{2}}))"
            r":?(?P<minutes>\d{2})?(?=\s|$)"
        ),
        zones=data["time_zones"],
        zone_names=re.compile(rf"(?<=[\s\d])({'|'.join(data['time_zones'])})(?!\w)"),
    )
