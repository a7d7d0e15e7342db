"""When Python looks for garbage, so that it does not walk over what is kept for long."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

__all__ = ["collecting_seldom", "pausing_collector", "return_memory"]

# New containers that bring the next look. Python's own 700 makes reading 1.6 million mentions take
# 62 CPU seconds, this 43, no look at all 41; memory is the same.
_SELDOM: Final = 50_000


@contextmanager
def pausing_collector() -> Iterator[None]:
    """Do not collect: importing sentence-transformers makes a million objects, hardly any garbage.

    Import and loading take 6.6 instead of 8.5 s of CPU (best of three each).
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Collect seldom: millions of rows are held, and hardly any object refers to itself."""
    first, *later = gc.get_threshold()
    gc.set_threshold(max(first, _SELDOM), *later)
    try:
        yield
    finally:
        gc.set_threshold(first, *later)


def return_memory() -> None:
    """Collect now, and give the system back what is free: the C library keeps it otherwise.

    After models and their batches are gone that is 270 MB; only glibc can.
    """
    gc.collect()
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
