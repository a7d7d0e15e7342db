"""Trying again what may work a moment later, as long as the other side can bear it."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

T = TypeVar("T")
# 429 and what a server, or one before it, says when it is overloaded or being restarted.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class PassingError(Exception):
    """It did not work this time, and may the next.

    :param said: in words, without values and secrets.
    :param wait_s: how long the other side asks to wait; None where it does not say.
    """

    def __init__(self, said: str, wait_s: float | None = None) -> None:
        super().__init__(said)
        self.said, self.wait_s = said, wait_s


@dataclass(frozen=True)
class Patience:
    """How often, and how long.

    Waits grow twofold and are drawn from the whole interval ("full jitter", Brooker 2015), so that
    several programs do not come back at the same moment.

    :param longest_s: nobody waits longer; who is asked to gives up, and tries in the next sync.
    """

    n_tries: int = 5
    first_s: float = 1.0
    longest_s: float = 120.0
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[float, float], float] = random.uniform

    def call(self, attempt: Callable[[], T]) -> T:
        """What an attempt gives, the first time that it works.

        :raises PassingError: the last one, when none works or the wait would be too long.
        """
        for number in range(1, self.n_tries):
            try:
                return attempt()
            except PassingError as error:
                wait_s = self._choose_wait(number, error)
                if wait_s > self.longest_s:
                    raise
                self.sleep(wait_s)
        return attempt()

    def _choose_wait(self, number: int, error: PassingError) -> float:
        if error.wait_s is not None:
            return error.wait_s
        most = min(self.first_s * 2 ** (number - 1), self.longest_s)
        return self.draw(0, most)


def read_retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """The seconds of a ``Retry-After`` header, which may be a date (RFC 9110, 10.2.3)."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())
