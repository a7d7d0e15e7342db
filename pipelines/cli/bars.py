"""Progress on standard error: bars on a terminal, plain lines elsewhere."""

import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from pipelines.progress import count_units

# Seconds between two lines of one stage where there is no terminal.
LINE_INTERVAL_S = 10.0


class _RateColumn(TextColumn):
    """Units a second so far."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        """Show the speed, once it is known."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} {task.fields['unit']}/s" if speed else "", style="dim")


class _CountColumn(MofNCompleteColumn):
    """How many of how many, where something is counted."""

    def render(self, task: Task) -> Text:
        """Show the count."""
        return super().render(task) if task.fields["unit"] else Text()


class _TimeColumn(TimeRemainingColumn):
    """The time left; the time passed, where nothing is counted."""

    def render(self, task: Task) -> Text:
        """Show the time."""
        if task.fields["unit"]:
            return super().render(task)
        return Text(f"{task.elapsed or 0:.0f} s", style="progress.elapsed")


class TerminalProgress:
    """Bars with rates and time left."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            _CountColumn(),
            _RateColumn(),
            _TimeColumn(compact=True),
            console=self.console,
        )
        self._task: TaskID | None = None

    def start(self, stage: str, total: int | None = None, unit: str = "rows") -> None:
        """Begin a stage."""
        self._task = self._bars.add_task(escape(stage), total=total, unit=unit)

    def advance(self, n: int = 1) -> None:
        """Count n more units."""
        if self._task is not None:
            self._bars.advance(self._task, n)

    def refresh(self) -> None:
        """Draw the bars now; they draw themselves ten times a second."""
        self._bars.refresh()

    def finish(self, summary: str = "") -> None:
        """End the stage: its bar becomes a line."""
        if self._task is None:
            return
        task = self._bars.tasks[0]
        done, spent = int(task.completed), task.elapsed or 0.0
        self._bars.remove_task(self._task)
        self._task = None
        said = summary or (
            count_units(done, task.fields["unit"]) if task.fields["unit"] else "done"
        )
        speed = f", {done / spent:,.0f} {task.fields['unit']}/s" if done and spent >= 1 else ""
        line = f"[green]✓[/] {task.description}: {escape(said)}[dim]{speed}[/]"
        self._bars.console.print(line, highlight=False)

    def warn(self, message: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(f"[yellow]warning:[/] {escape(message)}", highlight=False)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()


class LineProgress:
    """A line when a stage lasts or ends, and when one begins that counts nothing."""

    def __init__(self) -> None:
        self._stage = ""
        self._unit = ""
        self._total: int | None = None
        self._done = 0
        self._started = self._printed = 0.0

    def start(self, stage: str, total: int | None = None, unit: str = "rows") -> None:
        """Begin a stage."""
        self._stage, self._unit, self._total, self._done = stage, unit, total, 0
        self._started = self._printed = time.monotonic()
        if not unit:
            self._print(stage)

    def advance(self, n: int = 1) -> None:
        """Count n more units; say so now and then."""
        self._done += n
        now = time.monotonic()
        # The last of them is told by `finish`.
        if now - self._printed >= LINE_INTERVAL_S and self._done != self._total:
            self._printed = now
            self._print(f"{self._stage}: {self._describe(now)}")

    def finish(self, summary: str = "") -> None:
        """End the stage."""
        self._print(f"{self._stage}: {summary or self._describe(time.monotonic())}")

    def warn(self, message: str) -> None:
        """Print a line."""
        self._print(f"warning: {message}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return

    def _describe(self, now: float) -> str:
        if not self._unit:
            return "done"
        of = f" of {self._total:,}" if self._total else ""
        rate = self._done / max(now - self._started, 1e-3)
        n_named = self._total or self._done
        unit = count_units(n_named, self._unit).rpartition(" ")[2]
        return f"{self._done:,}{of} {unit}, {rate:,.0f} a second"

    def _print(self, line: str) -> None:
        # A log that nobody reads any more, or whose disk is full, does not fail a run.
        with suppress(OSError):
            print(line, file=sys.stderr, flush=True)  # noqa: T201 -- this is the command line


def choose_progress() -> TerminalProgress | LineProgress:
    """Bars where a person watches, lines where a file or another program does."""
    return TerminalProgress() if sys.stderr.isatty() else LineProgress()
