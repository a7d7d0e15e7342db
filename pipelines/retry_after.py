"""How long the other side asks us to wait: the header ``Retry-After``."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def read_retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """The seconds of the header, a number or a date (RFC 9110, 10.2.3).

    :returns: None where it is not there, or cannot be read.
    """
    given = (value or "").strip()
    if given.isdecimal() and given.isascii():
        return float(given[:9])
    try:
        at = parsedate_to_datetime(given) if given else None
    except ValueError:
        at = None
    return None if at is None else count_seconds(at, now)


def count_seconds(at: datetime, now: datetime | None = None) -> float:
    """Seconds until a moment, which is UTC where it says nothing; 0 where it is past."""
    moment = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
