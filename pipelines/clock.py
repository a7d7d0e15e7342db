"""Time, waiting and chance; and the wish to stop, which ends every wait."""

import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType

from pipelines.errors import StoppedError

# A wait looks so often whether it is to end.
_SLICE_S = 0.2


class Clock:
    """The real one; tests have theirs."""

    def __init__(self) -> None:
        self.is_stopping = False
        self.chance = random.Random()

    def now(self) -> datetime:
        """This moment, UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait, or until somebody wants to stop."""
        end = time.monotonic() + seconds
        while not self.is_stopping and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _SLICE_S))


@contextmanager
def tell_stopped(state: str) -> Iterator[None]:
    """Say what is done already, where somebody stops what follows.

    :raises StoppedError: in the place of KeyboardInterrupt.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise StoppedError(state) from None


@contextmanager
def defer_interrupts(clock: Clock) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM only ask to stop; the second ends it as usual."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(_number: int, _frame: FrameType | None) -> None:
        if clock.is_stopping:
            raise KeyboardInterrupt
        clock.is_stopping = True

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
