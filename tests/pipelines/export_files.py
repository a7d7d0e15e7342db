"""Files of customers and of feedback, read one night after another."""

from collections.abc import Sequence
from pathlib import Path

from pipelines.customers import load_customers
from pipelines.events import load_events
from pipelines.ingest import ingest_feedback
from pipelines.link import link_feedback
from pipelines.loading import FileInput, ReadSettings
from pipelines.progress import SilentProgress
from pipelines.reading.files import find_files
from pipelines.rights.refusals import lay_down_refusals
from pipelines.rights.stated import Stated, record_stated
from pipelines.runs import begin_run
from pipelines.store import Store

SETTINGS = ReadSettings(b"a secret that is long enough", "US", "UTC")


class HeardProgress(SilentProgress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def write_csv(folder: Path, name: str, *lines: str) -> Path:
    path = folder / f"{name}.csv"
    path.write_text("\n".join((*lines, "")))
    return path


def read_night(
    store: Store,
    customers: Sequence[Path] = (),
    feedback: Sequence[Path] = (),
    progress: HeardProgress | None = None,
    events: Sequence[Path] = (),
) -> Stated:
    """A run that reads files, links, and lays down what is refused; without any model."""
    progress = progress or HeardProgress()
    with begin_run(store, "night", config_hash="", lock_timeout_s=5) as run:
        if customers:
            load_customers(run, [_give(path) for path in customers], SETTINGS, progress)
        if events:
            load_events(run, [_give(path) for path in events], SETTINGS, progress)
        if feedback:
            ingest_feedback(run, [_give(path) for path in feedback], SETTINGS, progress)
        link_feedback(run)
        stated = record_stated(run)
        lay_down_refusals(run)
    return stated


def _give(path: Path) -> FileInput:
    (file,) = find_files([str(path)])
    return FileInput(file, path.stem)
