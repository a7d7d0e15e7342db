"""Whoever does the tasks of a run, and what is common to all of them."""

import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Protocol

from pipelines.distributed.tasks import Broken
from pipelines.errors import EarfulError, StoreError


class WorkersError(EarfulError):
    """The workers of a run cannot be used, or were lost."""


class Workers(Protocol):
    """Whoever does tasks."""

    def share(self, **values: Any) -> None:
        """Have values at hand where later tasks are done."""

    def map(self, task: str, arguments: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        """The number of each argument and its result, as they are done; errors are results."""

    def end_reading(self) -> bool:
        """All files are read: whether anybody is there for the steps to come."""


@dataclass
class Task:
    """Something to do, and how often that was tried.

    :param number: by which the run knows it.
    """

    number: int
    name: str
    argument: Any = field(repr=False)
    n_tries: int = 0


def find_fault(result: Any) -> str | None:
    """Why a task is to be tried again, by its result; None where that is what was asked for."""
    if isinstance(result, Broken):
        return f"{result.kind} at {result.place}"
    return str(result) if isinstance(result, StoreError) else None


def limit_waits(connection: Connection, timeout_s: float) -> None:
    """Have a message that is not taken, or not sent to its end, raise an OSError."""
    with socket.fromfd(connection.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as own:
        limit = struct.pack("ll", int(timeout_s) + 1, 0)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
