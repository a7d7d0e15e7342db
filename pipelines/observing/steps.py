"""Observing a run and its steps: how long each took and what it counted."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.observing.log import bind_log, log_event
from pipelines.observing.telemetry import open_span, record_counts, record_duration


@contextmanager
def observe_run(run_id: str, command: str, engine: str, counts: Counter[str]) -> Iterator[None]:
    """Observe a run.

    :param counts: what it has counted, once it is over.
    """
    with bind_log(run_id=run_id), open_span("run", run_id=run_id, command=command, engine=engine):
        log_event("run_started", engine=engine)
        with _observe("run", counts):
            yield


@contextmanager
def observe_step(step: str, counts: Counter[str]) -> Iterator[None]:
    """Observe a step of a run.

    :param counts: those of the run: what is logged is by how much they grew.
    """
    with bind_log(step=step), open_span(f"step {step}", step=step), _observe("step", counts, step):
        yield


@contextmanager
def _observe(what: str, counts: Counter[str], step: str | None = None) -> Iterator[None]:
    before, started = Counter(counts), time.monotonic()
    try:
        yield
    except BaseException as error:
        # Only its kind: what it says may hold customers' words.
        log_event(
            f"{what}_failed",
            "error",
            error=type(error).__name__,
            seconds=round(time.monotonic() - started, 3),
        )
        raise
    seconds = round(time.monotonic() - started, 3)
    grown = {name: n - before[name] for name, n in counts.items() if n != before[name]}
    log_event(f"{what}_finished", "info", seconds=seconds, **grown)
    record_duration(what, seconds, step)
    if step is None:
        record_counts(grown)
