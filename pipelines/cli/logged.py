"""Progress for programs: an event of the log when a stage ends, and for each warning."""

import time
from types import TracebackType
from typing import Self

from pipelines.cli.bars import LineProgress, TerminalProgress, choose_progress
from pipelines.cli.said import is_left_to_log
from pipelines.observing.log import is_logging, log_event


class LoggedProgress:
    """Logs what a step tells, and shows it to people as well where they are not left to the log."""

    def __init__(self, shown: TerminalProgress | LineProgress | None) -> None:
        self._shown = shown
        self._stage = self._unit = ""
        self._done, self._started = 0, 0.0

    def start(self, stage: str, total: int | None = None, unit: str = "rows") -> None:
        """Begin a stage."""
        self._stage, self._unit, self._done = stage, unit, 0
        self._started = time.monotonic()
        if self._shown:
            self._shown.start(stage, total, unit)

    def advance(self, n: int = 1) -> None:
        """Count n more units."""
        self._done += n
        if self._shown:
            self._shown.advance(n)

    def finish(self, summary: str = "") -> None:
        """End the stage."""
        seconds = round(time.monotonic() - self._started, 3)
        log_event(
            "stage_finished",
            stage=self._stage,
            seconds=seconds,
            summary=summary or None,
            n_done=self._done if self._unit else None,
            unit=self._unit or None,
        )
        if self._shown:
            self._shown.finish(summary)

    def warn(self, message: str) -> None:
        """Log a warning."""
        log_event("message", "warning", message=message)
        if self._shown:
            self._shown.warn(message)

    def __enter__(self) -> Self:
        if self._shown:
            self._shown.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown:
            self._shown.__exit__(kind, error, trace)


def open_progress() -> TerminalProgress | LineProgress | LoggedProgress:
    """What shows people how far a command is, and tells the log where there is one."""
    shown = None if is_left_to_log() else choose_progress()
    return LoggedProgress(shown) if shown is None or is_logging() else shown
