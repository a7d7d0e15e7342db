"""How often a message is tried and after which waits, in a command and from one to the next."""

from collections.abc import Callable
from typing import Final, TypeVar

from pipelines.delivery.clock import Clock
from pipelines.delivery.failures import DeliveryError
from pipelines.delivery.settings import WhenUnknown

Taken = TypeVar("Taken")

FIRST_WAIT_S: Final = 1.0
# Who asks for more is asked again by a later command.
MAX_WAIT_S: Final = 60.0
# From 5 minutes to a day: eight attempts take about two days and a half, as the example of
# Standard Webhooks does.
FIRST_PAUSE_S: Final = 300.0
MAX_PAUSE_S: Final = 86_400.0
_GROWTH: Final = 3.0
# A receiver that asks for more is mistaken.
_MAX_ASKED_S: Final = 7 * 86_400.0


def try_often(
    attempt: Callable[[bool], Taken], n_tries: int, when_unknown: WhenUnknown, clock: Clock
) -> Taken:
    """Do something until it works, it is hopeless, or the tries are used up.

    Between two tries is a wait of exponential growth with full jitter (Brooker, "Exponential
    Backoff And Jitter", AWS Architecture Blog 2015), and never less than the receiver asks for.

    :param attempt: is told whether it is tried for the first time.
    :raises DeliveryError: of the last try.
    """
    n = 0
    while True:
        try:
            return attempt(n == 0)
        except DeliveryError as error:
            n += 1
            failed = error
        backoff = clock.chance.uniform(0, min(MAX_WAIT_S, FIRST_WAIT_S * 2 ** (n - 1)))
        wait_s = max(backoff, failed.retry_after_s or 0.0)
        is_blind = failed.is_unknown and when_unknown != "again"
        if n >= n_tries or failed.fault != "passing" or is_blind or wait_s > MAX_WAIT_S:
            raise failed
        clock.sleep(wait_s)
        if clock.is_stopping:
            raise failed


def choose_pause(n_attempts: int, retry_after_s: float | None, clock: Clock) -> float:
    """Seconds until the next attempt; half of it is chance.

    :param n_attempts: how many there were.
    """
    longest = min(MAX_PAUSE_S, FIRST_PAUSE_S * _GROWTH ** (n_attempts - 1))
    asked_s = min(retry_after_s or 0.0, _MAX_ASKED_S)
    return max(longest / 2 + clock.chance.uniform(0, longest / 2), asked_s)
