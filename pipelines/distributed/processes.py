"""Workers that are processes of this machine: started when there is something to do, gone with it.

A worker is started anew (spawned), talks with the run over a pipe without a name, and ends when its
other end is closed, whatever became of the run. It takes no signal but SIGKILL: Ctrl-C and SIGTERM
are for the run, which ends its workers.
"""

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection as connections
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Final, Self

from nlp.cores import count_cores
from pipelines.config_sections import EngineConfig, ModelsConfig
from pipelines.distributed.tasks import Worker, make_models
from pipelines.distributed.workers import Task, WorkersError, find_fault, limit_waits
from pipelines.errors import StoreError
from pipelines.progress import Progress

# Where memory is short, a worker is to go rather than the run (0 to 1000, see proc(5)).
_OOM_SCORE: Final = b"500"
_END_S: Final = 10.0


@dataclass(frozen=True)
class ProcessSetup:
    """What workers are started with."""

    engine: EngineConfig
    models: ModelsConfig
    cache_dir: Path


@dataclass
class _Hand:
    """A worker, what it does, and since when.

    :param since: also of its start, which ends when it says that it is ready.
    """

    process: BaseProcess
    connection: Connection
    since: float
    is_ready: bool = False
    task: Task | None = None


class Processes:
    """Workers on the cores of this machine."""

    def __init__(self, setup: ProcessSetup, progress: Progress) -> None:
        self._setup, self._progress = setup, progress
        self._n_workers = setup.engine.n_processes
        self._hands: list[_Hand] = []
        self._tasks: deque[Task] = deque()
        self._shared: dict[str, Any] = {}
        self._n_stillborn = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for hand in self._hands:
            _end(hand)
        self._hands.clear()

    def share(self, **values: Any) -> None:
        """See :class:`~pipelines.distributed.workers.Workers`."""
        self._shared |= values
        for hand in self._hands:
            if hand.is_ready:
                _send(hand, ("share", 0, values))

    def end_reading(self) -> bool:
        """Their memory is wanted: this process has cores enough for what is left to do."""
        self.__exit__(None, None, None)
        return False

    def map(self, task: str, arguments: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        """See :class:`~pipelines.distributed.workers.Workers`.

        :raises WorkersError: when a task fails however often it is tried.
        :raises StoreError: when what it makes cannot be written.
        """
        remaining = (Task(number, task, each) for number, each in enumerate(arguments))
        done: list[tuple[int, Any]] = []
        while True:
            self._take_tasks(remaining)
            self._give_work()
            yield from done  # once there is work again: the run takes its time with what is done
            if not self._tasks and not any(hand.task for hand in self._hands):
                return
            done = self._collect()

    def _take_tasks(self, remaining: Iterator[Task]) -> None:
        """Have a task at hand for each worker that could do one now."""
        n_free = self._n_workers - sum(bool(hand.task) for hand in self._hands)
        while len(self._tasks) < n_free and (found := next(remaining, None)):
            self._tasks.append(found)

    def _give_work(self) -> None:
        n_coming = sum(not hand.is_ready for hand in self._hands)
        n_idle = sum(hand.is_ready and not hand.task for hand in self._hands)
        room = self._n_workers - len(self._hands)
        for _ in range(min(room, len(self._tasks) - n_idle - n_coming)):
            self._hands.append(_hire(self._setup))
        for hand in self._hands:
            if hand.is_ready and not hand.task and self._tasks:
                hand.task = self._tasks.popleft()
                hand.task.n_tries += 1
                hand.since = time.monotonic()
                _send(hand, (hand.task.name, hand.task.number, hand.task.argument))

    def _collect(self) -> list[tuple[int, Any]]:
        """Wait until something happened; what is done, by number."""
        waiting: dict[Any, _Hand] = {hand.connection: hand for hand in self._hands}
        found = connections.wait(list(waiting), timeout=max(0.0, self._find_limit()))
        done = [result for each in found for result in self._receive(waiting[each])]
        for hand in [hand for hand in self._hands if self._left_s(hand) <= 0]:
            self._lose(hand, "it took too long")
        return done

    def _find_limit(self) -> float:
        return min(self._left_s(hand) for hand in self._hands)

    def _left_s(self, hand: _Hand) -> float:
        """What is left to it of the time that it may take; an idle one may take for ever."""
        if hand.is_ready and not hand.task:
            return self._setup.engine.shard_s
        engine = self._setup.engine
        limit = engine.shard_s if hand.is_ready else engine.start_s
        return hand.since + limit - time.monotonic()

    def _receive(self, hand: _Hand) -> list[tuple[int, Any]]:
        try:
            result = hand.connection.recv()
        except (EOFError, OSError):
            hand.process.join(_END_S)
            # For want of memory, most likely, of which fewer workers need less.
            if hand.process.exitcode == -signal.SIGKILL:
                self._n_workers = max(1, self._n_workers - 1)
            self._lose(hand, _name_end(hand.process.exitcode))
            return []
        task, hand.task, self._n_stillborn = hand.task, None, 0
        if task is None:
            hand.is_ready = True  # before that, whoever gave it much would wait for it
            _send(hand, ("share", 0, self._shared))
            return []
        if fault := find_fault(result):
            self._try_again(task, fault, result)
            return []
        return [(task.number, result)]

    def _lose(self, hand: _Hand, reason: str) -> None:
        """Go on without a worker; another one takes its place where there is something to do."""
        self._hands.remove(hand)
        _end(hand)
        self._n_stillborn += not hand.is_ready
        if self._n_stillborn > self._setup.engine.tries:
            raise _explain(f"{self._n_stillborn} ended as they began: {reason}")
        if hand.task:
            self._try_again(hand.task, reason)

    def _try_again(self, task: Task, reason: str, result: Any = None) -> None:
        if task.n_tries >= self._setup.engine.tries:
            if isinstance(result, StoreError):
                raise result
            tries = f"{task.n_tries} tries at a part of the work failed"
            raise _explain(f"{tries}, the last one with: {reason}")
        self._progress.warn(f"a part of the work was lost ({reason}) and is done once more")
        self._tasks.appendleft(task)


def _hire(setup: ProcessSetup) -> _Hand:
    context = multiprocessing.get_context("spawn")
    own, theirs = context.Pipe()
    limit_waits(own, setup.engine.silence_s)
    resource_tracker.ensure_running()  # which would let the signals through
    with theirs, _signals_held():
        process = context.Process(target=serve, args=(theirs, setup), daemon=True)
        process.start()
    return _Hand(process, own, time.monotonic())


@contextmanager
def _signals_held() -> Iterator[None]:
    """What is started here never gets them; this process gets them afterwards."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _send(hand: _Hand, message: tuple[str, int, Any]) -> None:
    with suppress(OSError):  # it is dead, as the next look at it tells
        hand.connection.send(message)


def _end(hand: _Hand) -> None:
    hand.connection.close()
    hand.process.kill()
    hand.process.join(_END_S)


def _name_end(exitcode: int | None) -> str:
    if exitcode is None:
        return "a worker does not answer"
    if exitcode >= 0:
        return f"a worker ended with exit code {exitcode}"
    name = signal.Signals(-exitcode).name
    hint = ", as the system does where memory is short" if name == "SIGKILL" else ""
    return f"a worker was ended by {name}{hint}"


def _explain(said: str) -> WorkersError:
    return WorkersError(
        f"the workers cannot go on: {said}. What is done is kept: run the same command again, with "
        "fewer workers or a smaller shard_rows under [engine] where memory was short, or with "
        "--engine local"
    )


def serve(connection: Connection, setup: ProcessSetup) -> None:
    """Do what the run asks for until it goes away; the program of a worker."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_bytes(_OOM_SCORE)
    orders: SimpleQueue[tuple[str, int, Any]] = SimpleQueue()
    Thread(target=_receive_orders, args=(connection, orders), daemon=True).start()
    models = make_models(setup.models, setup.cache_dir, count_cores() / setup.engine.n_processes)
    worker = Worker(models)
    with suppress(OSError):  # the run is gone, and so are we
        connection.send(None)
        while True:
            name, _, told = orders.get()
            if name == "share":
                worker = Worker(models, {**worker.shared, **told})
            else:
                connection.send(worker.do(name, told))


def _receive_orders(connection: Connection, orders: "SimpleQueue[tuple[str, int, Any]]") -> None:
    """Take orders while one is being done, so that nobody waits to give one; end with the run."""
    try:
        while True:
            orders.put(connection.recv())
    except (EOFError, OSError):
        os._exit(0)
