"""Trying again what may work a moment later, as long as the other side can bear it."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
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
