"""After which waits a message is tried again, in a command and from one to the next."""

from typing import Final

from pipelines.clock import Clock

# Who asks for more is asked again by a later command.
MAX_WAIT_S: Final = 60.0
# From 5 minutes to a day: eight attempts take about two days and a half, as the example of
# Standard Webhooks does.
FIRST_PAUSE_S: Final = 300.0
MAX_PAUSE_S: Final = 86_400.0
_GROWTH: Final = 3.0
# A receiver that asks for more is mistaken.
_MAX_ASKED_S: Final = 7 * 86_400.0


def choose_pause(n_attempts: int, retry_after_s: float | None, clock: Clock) -> float:
    """Seconds until the next attempt; half of it is chance.

    :param n_attempts: how many there were.
    """
    longest = min(MAX_PAUSE_S, FIRST_PAUSE_S * _GROWTH ** (n_attempts - 1))
    asked_s = min(retry_after_s or 0.0, _MAX_ASKED_S)
    return max(longest / 2 + clock.chance.uniform(0, longest / 2), asked_s)
