"""A cluster as a run sees it: tasks go there, results come back, and every wait has an end."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from pipelines.config_sections import EngineConfig, ModelsConfig
from pipelines.distributed.dispatcher import Setup, serve
from pipelines.distributed.workers import WorkersError, limit_waits
from pipelines.errors import ConfigError
from pipelines.progress import Progress

# Tasks given and not done, for each model: the next one is there when one is done.
_AHEAD: Final = 3
_STOP_S: Final = 10.0


class ClusterError(WorkersError):
    """The cluster cannot be used, or was lost."""


class Cluster:
    """Workers on the nodes of a cluster of Ray.

    :param log: where what Ray prints goes.
    """

    def __init__(
        self,
        engine: EngineConfig,
        models: ModelsConfig,
        cache_dir: Path,
        log: Path,
        progress: Progress,
    ) -> None:
        self._engine, self._log, self._progress = engine, log, progress
        context = multiprocessing.get_context("spawn")
        self._connection: Connection
        self._connection, theirs = context.Pipe()
        limit_waits(self._connection, engine.silence_s)
        setup = Setup(engine, models, cache_dir.absolute(), log)
        self._process = context.Process(target=serve, args=(theirs, setup), daemon=True)
        self._n_models = 0
        self._theirs = theirs

    def __enter__(self) -> Self:
        self._process.start()
        self._theirs.close()
        try:
            self._wait_until_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def share(self, **values: Any) -> None:
        """See :class:`~pipelines.distributed.workers.Workers`."""
        self._send(("share", 0, values))

    def end_reading(self) -> bool:
        """See :class:`~pipelines.distributed.workers.Workers`."""
        return True

    def map(self, task: str, arguments: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        """See :class:`~pipelines.distributed.workers.Workers`.

        :raises ClusterError: when the cluster is lost, or a task fails wherever it is tried.
        """
        remaining = enumerate(arguments)
        n_open, is_over = 0, False
        heard_at = time.monotonic()
        while n_open or not is_over:
            while not is_over and n_open < max(1, self._n_models) * _AHEAD:
                number, argument = next(remaining, (-1, None))
                is_over = number < 0
                if not is_over:
                    self._send((task, number, argument))
                    n_open += 1
            if not n_open:
                return
            kind, number, told = self._receive(self._engine.silence_s)
            if kind == "alive":
                self._n_models = told
                self._check_models(told, heard_at)
            if kind != "alive" or told:
                heard_at = time.monotonic()
            if kind == "again":
                self._progress.warn(f"a part of the work was lost ({told}) and is done once more")
            elif kind == "failed":
                raise self._explain(
                    f"{self._engine.tries} tries at a part of the work failed, the last one with: "
                    f"{told}"
                )
            elif kind == "done":
                n_open -= 1
                yield number, told

    def _check_models(self, n_models: int, heard_at: float) -> None:
        if not n_models and time.monotonic() - heard_at > self._engine.silence_s:
            raise self._explain(
                f"no node has had room for a model for {self._engine.silence_s:,.0f} s"
            )

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + self._engine.start_s
        while (left := end - time.monotonic()) > 0:
            kind, _, told = self._receive(left)
            if kind == "no ray":
                raise ConfigError(
                    "--engine ray needs Ray, which is not installed; install it with: "
                    "pip install 'earful[distributed]'"
                )
            if kind == "failed":
                raise self._explain(f"its models cannot be started ({told})")
            self._n_models = told
            if told:
                return
        raise self._explain(
            f"no node had room for a model of {self._engine.cpus:g} CPUs and "
            f"{self._engine.gpus:g} GPUs within {self._engine.start_s:,.0f} s"
        )

    def _send(self, message: tuple[str, int, Any]) -> None:
        try:
            self._connection.send(message)
        except OSError as error:
            raise self._explain("the connection to it was lost") from error

    def _receive(self, timeout_s: float) -> Any:
        try:
            if self._connection.poll(timeout_s):
                return self._connection.recv()
        except (EOFError, OSError) as error:
            raise self._explain("the connection to it was lost") from error
        raise self._explain(f"nothing was heard of it for {timeout_s:,.0f} s")

    def _explain(self, said: str) -> ClusterError:
        where = f"the Ray cluster at {self._engine.address}" if self._engine.address else "Ray"
        return ClusterError(
            f"{where} cannot be used: {said}. What is done is kept: see that its head node and its "
            f"nodes run (ray status; {self._log} has what Ray said) and run the same command again"
        )

    def _stop(self) -> None:
        self._connection.close()  # which it takes for the end
        self._process.join(_STOP_S)
        if self._process.is_alive() and self._process.pid:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
            self._process.join(_STOP_S)
