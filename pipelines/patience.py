"""Trying again what may work a moment later, as long as the other side can bear it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pipelines.clock import Clock

T = TypeVar("T")
_FIRST_S: Final = 1.0


class SetbackError(Exception):
    """Something did not work, this time at least.

    :param retry_after_s: how long the other side asks to wait; None where it does not say.
    """

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.retry_after_s = reason, retry_after_s


@dataclass(frozen=True)
class Patience:
    """How often something is tried in one command, and how long it waits in between.

    Waits grow twofold and are drawn from the whole interval ("full jitter"; Brooker, "Exponential
    Backoff And Jitter", AWS Architecture Blog 2015), so that several programs do not come back at
    the same moment. They are never shorter than the other side asks for.

    :param longest_s: nobody waits longer; who is asked to gives up, and a later command tries.
    """

    n_tries: int = 5
    longest_s: float = 120.0
    clock: Clock = field(default_factory=Clock)

    def call(self, attempt: Callable[[], T], may_help: Callable[[Any], bool] | None = None) -> T:
        """What an attempt gives, the first time that it works.

        :param may_help: whether to try again after a setback; None for always.
        :raises SetbackError: the last one, when none works, the wait would be too long, or somebody
            wants to stop.
        """
        number = 0
        while True:
            number += 1
            try:
                return attempt()
            except SetbackError as error:
                wait_s = self._choose_wait(number, error)
                is_hopeless = may_help is not None and not may_help(error)
                if number >= self.n_tries or wait_s > self.longest_s or is_hopeless:
                    raise
                self.clock.sleep(wait_s)
                if self.clock.is_stopping:
                    raise

    def _choose_wait(self, number: int, error: SetbackError) -> float:
        most = min(_FIRST_S * 2 ** (number - 1), self.longest_s)
        return max(self.clock.chance.uniform(0, most), error.retry_after_s or 0.0)
