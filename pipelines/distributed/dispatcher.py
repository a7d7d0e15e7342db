"""The process that talks to Ray: it hands tasks to model actors, and tries again what was lost.

Ray ends the process that has lost its head node; so that a run does not end with it, this is a
process of its own, and the run (:mod:`pipelines.distributed.cluster`) tells that it is gone.
"""

import os
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from pipelines.config_sections import EngineConfig, ModelsConfig
from pipelines.distributed.tasks import Worker, make_models
from pipelines.distributed.workers import Task, find_fault

# How long a task may take to be seen as done, and how often the run hears that we live.
_TICK_S: Final = 0.5
# How often we look for new nodes.
_COUNT_S: Final = 10.0
_OBJECT_STORE_BYTES: Final = 256 * 2**20


@dataclass(frozen=True)
class Setup:
    """What a dispatcher is started with."""

    engine: EngineConfig
    models: ModelsConfig
    cache_dir: Path
    log: Path


def serve(connection: Connection, setup: Setup) -> None:
    """Do what the run asks for until it goes away; the program of the process."""
    _send_output_to(setup.log)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError:
        connection.send(("no ray", 0, None))
        return
    _connect(ray, setup.engine)
    try:
        _Dispatcher(ray, connection, setup).run()
    except (EOFError, BrokenPipeError):
        return  # the run is gone, and so are we
    finally:
        ray.shutdown()


def _send_output_to(log: Path) -> None:
    """What Ray prints is nobody's: it goes to a file, without any words of customers."""
    number = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(number, stream)
    os.close(number)


def _connect(ray: Any, engine: EngineConfig) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if engine.address:
        ray.init(address=engine.address, **options)
    else:
        # Without "local" it is that of $RAY_ADDRESS, or one that somebody started on this machine
        # or that died here: what Ray keeps in /tmp/ray names it still.
        ray.init(
            address="local",
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            _node_ip_address="127.0.0.1",
            **options,
        )


@dataclass
class _Hand:
    """An actor, what it is waited for, and since when."""

    actor: Any
    awaited: Any
    since: float
    task: Task | None = None


class _Dispatcher:
    def __init__(self, ray: Any, connection: Connection, setup: Setup) -> None:
        self._ray, self._connection, self._setup = ray, connection, setup
        self._tasks: deque[Task] = deque()
        self._shared: dict[str, Any] = {}
        self._hands: list[_Hand] = []
        self._idle: list[Any] = []
        self._told_at = 0.0
        self._n_stillborn = 0

    def run(self) -> None:
        """Serve; ends with an EOFError when the run closes its end."""
        counted_at = -_COUNT_S
        while True:
            if time.monotonic() - counted_at > _COUNT_S:
                counted_at = time.monotonic()
                for _ in range(self._count_models() - len(self._hands) - len(self._idle)):
                    self._hire()
            self._take_orders()
            self._give_work()
            self._collect()
            if time.monotonic() - self._told_at >= _TICK_S:
                self._tell("alive", 0, len(self._idle) + sum(bool(h.task) for h in self._hands))

    def _count_models(self) -> int:
        """How many actors there is room for now: nodes come and go."""
        engine = self._setup.engine
        if engine.models:
            return engine.models
        there: Mapping[str, float] = self._ray.cluster_resources()
        room = there.get("CPU", 1.0) / engine.cpus
        if engine.gpus:
            room = min(room, there.get("GPU", 0.0) / engine.gpus)
        return max(1, int(room))

    def _hire(self) -> None:
        setup = self._setup
        options = {"num_cpus": setup.engine.cpus, "num_gpus": setup.engine.gpus}
        made = self._ray.remote(**options, max_restarts=0)(_Actor)
        actor = made.remote(setup.models, setup.cache_dir, setup.engine.cpus)
        self._hands.append(_Hand(actor, actor.is_ready.remote(), time.monotonic()))

    def _take_orders(self) -> None:
        while self._connection.poll(0):
            kind, number, told = self._connection.recv()
            if kind == "share":
                self._shared |= {name: self._ray.put(value) for name, value in told.items()}
            else:
                self._tasks.append(Task(number, kind, told))

    def _give_work(self) -> None:
        while self._tasks and self._idle:
            task, actor = self._tasks.popleft(), self._idle.pop()
            task.n_tries += 1
            awaited = actor.do.remote(task.name, task.argument, **self._shared)
            self._hands.append(_Hand(actor, awaited, time.monotonic(), task))

    def _collect(self) -> None:
        if not self._hands:
            time.sleep(_TICK_S / 10)
            return
        waiting = {hand.awaited: hand for hand in self._hands}
        # Whoever waits for a long task should still see soon that there is another one to give.
        timeout_s = _TICK_S / 10 if self._idle else _TICK_S
        done, _ = self._ray.wait(list(waiting), num_returns=1, timeout=timeout_s)
        for awaited in done:
            self._hands.remove(waiting[awaited])
            self._receive(waiting[awaited])
        for hand in [hand for hand in self._hands if hand.task and self._is_late(hand)]:
            self._hands.remove(hand)
            self._replace(hand, "it took too long")

    def _is_late(self, hand: _Hand) -> bool:
        return time.monotonic() - hand.since > self._setup.engine.shard_s

    def _receive(self, hand: _Hand) -> None:
        ray = self._ray
        try:
            result = ray.get(hand.awaited, timeout=self._setup.engine.start_s)
        except ray.exceptions.RayError as error:
            self._n_stillborn += hand.task is None
            self._replace(hand, type(error).__name__)
            return
        self._n_stillborn = 0
        self._idle.append(hand.actor)
        if hand.task is None:
            return
        if fault := find_fault(result):
            self._try_again(hand.task, fault)
        else:
            self._tell("done", hand.task.number, result)

    def _replace(self, hand: _Hand, reason: str) -> None:
        """Go on without an actor that is lost; another one takes its place where there is room."""
        self._ray.kill(hand.actor)
        if self._n_stillborn > self._setup.engine.tries:
            self._tell("failed", -1, f"{self._n_stillborn} ended as they began: {reason}")
        self._hire()
        if hand.task:
            self._try_again(hand.task, reason)

    def _try_again(self, task: Task, reason: str) -> None:
        if task.n_tries >= self._setup.engine.tries:
            self._tell("failed", task.number, reason)
            return
        self._tell("again", task.number, reason)
        self._tasks.appendleft(task)

    def _tell(self, kind: str, number: int, told: Any) -> None:
        self._connection.send((kind, number, told))
        self._told_at = time.monotonic()


class _Actor:
    """Holds the models on a node and does one task after the other."""

    def __init__(self, models: ModelsConfig, cache_dir: Path, cpus: float) -> None:
        self._models = make_models(models, cache_dir, cpus)

    def is_ready(self) -> bool:
        """Whether the node has room for the actor: the answer comes when it has."""
        return True

    def do(self, task: str, argument: Any, **shared: Any) -> Any:
        """See :class:`~pipelines.distributed.tasks.Worker`."""
        return Worker(self._models, shared).do(task, argument)
