"""An inbox: a folder into which others put files; each is read once, then moved to done or failed.

A file is moved last, when its rows are in the store and all steps are done. Killed before, it is
still there the next time, is known by its content, and is moved without being read again.
"""

import errno
import fcntl
import os
import signal
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from pipelines.errors import ConfigError, InputError, LockedError, MappingError
from pipelines.inputs import Inputs, given_inputs
from pipelines.job import READING_STEPS, Job, RunResult, run_steps
from pipelines.rights.outputs import follow_run

DONE, FAILED = "done", "failed"
LOCK = ".earful.lock"
# How programs name what they have not finished: downloads, copies, office programs, editors.
_UNFINISHED: Final = (
    *(".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".download", ".swp"),
    *(".opdownload", ".!ut", ".writing", ".uploading", ".lock"),
)
_UNFINISHED_STARTS: Final = (".", "~$", "~", "#")


@dataclass(frozen=True)
class Asked:
    """How the files are to be read.

    :param settle_s: how long a file must have been left alone.
    :param layout: that all are read as, or "none"; None means the one that is recognised.
    """

    source: str | None = None
    pairs: tuple[str, ...] = ()
    settle_s: float = 5.0
    layout: str | None = None


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file.

    :param outcome: done, failed or waiting.
    :param moved_to: its new name, relative to the inbox; None where it stayed.
    :param reason: why it failed or stayed, without any customer text.
    """

    file: str
    outcome: str
    moved_to: str | None = None
    reason: str | None = None
    n_read: int = 0
    n_rejected: int = 0


@dataclass
class InboxResult:
    """What one look into an inbox did.

    :param counts: of all its runs, as in the run table.
    :param run: the run of the steps after reading; None where there was nothing to do.
    """

    files: list[FileOutcome] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    run: RunResult | None = None

    def list_files(self, outcome: str) -> list[FileOutcome]:
        """The files with an outcome."""
        return [each for each in self.files if each.outcome == outcome]


@dataclass(frozen=True)
class _State:
    """What shows that a file was written to."""

    inode: int
    n_bytes: int
    modified_ns: int


@dataclass(frozen=True)
class _Ready:
    path: Path
    state: _State
    inputs: Inputs


def empty_inbox(job: Job, folder: Path, asked: Asked, steps: Sequence[str]) -> InboxResult:
    """Read every file that is ready, each in a run of its own, then do the other steps once.

    Files of customers come first, then events, then feedback.

    :param steps: what follows the reading.
    :raises ConfigError: when there is no such folder.
    :raises LockedError: when another look into it is not over.
    :raises EarfulError: for what is no file's fault; the files stay where they are.
    """
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}; make it, or name the one files arrive in")
    result = InboxResult()
    with _hold(folder):
        ready = list(_find_ready(job, folder, asked, result))
        read = [_read_file(job, folder, each, result) for each in sorted(ready, key=_rank)]
        if any(each.outcome == DONE for each in read):
            result.run = run_steps(job, "inbox", steps, Inputs())
            follow_run(job)
            _add_counts(result, result.run)
        states = {each.path.name: each.state for each in ready}
        result.files += [_move_read(folder, each, states[each.file]) for each in read]
    result.files.sort(key=lambda outcome: outcome.file)
    return result


@contextmanager
def _hold(folder: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise LockedError(
            f"another earful is looking into {folder}; it will read what is there"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _find_ready(job: Job, folder: Path, asked: Asked, result: InboxResult) -> Iterator[_Ready]:
    """The files that nobody writes to; the others are noted as waiting, the wrong ones moved."""
    seen: dict[Path, _State] = {}
    for path in sorted(folder.iterdir()):
        if (found := _look_at(path)) is not None:
            seen[path] = found
    if seen and any(_age_s(state) < asked.settle_s for state in seen.values()):
        time.sleep(asked.settle_s)
    for path, before in seen.items():
        if (reason := _reason_to_wait(path, before)) is not None:
            result.files.append(FileOutcome(path.name, "waiting", reason=reason))
            continue
        try:
            inputs = given_inputs(
                [str(path)],
                source=asked.source,
                pairs=asked.pairs,
                progress=job.progress,
                layout=asked.layout,
            )
        except (InputError, MappingError) as error:
            result.files.append(_fail(folder, path, error))
        else:
            yield _Ready(path, before, inputs)


def _look_at(path: Path) -> _State | None:
    """The state of a file that may be read; None for folders, links and unfinished files."""
    name = path.name.lower()
    if name.startswith(_UNFINISHED_STARTS) or name.endswith(_UNFINISHED):
        return None
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return _State(found.st_ino, found.st_size, found.st_mtime_ns)


def _age_s(state: _State) -> float:
    """Seconds since the last write; a clock that is ahead makes it 0."""
    return max(0.0, time.time() - state.modified_ns / 1e9)


def _reason_to_wait(path: Path, before: _State) -> str | None:
    now = _look_at(path)
    if now is None:
        return "it is gone"
    if now != before:
        return "it is still being written: its size or time changed"
    if _is_open_for_writing(path):
        return "it is still being written: a program has it open"
    return None


def _is_open_for_writing(path: Path) -> bool:
    """Ask the system, which grants a read lease only where nobody writes (fcntl(2)).

    Other systems, file systems on a network and files of other users give no lease at all: then
    its size and time are all there is to tell.
    """
    try:
        with path.open("rb") as stream:
            # Who opens it meanwhile breaks the lease: by a signal that is ignored, not by SIGIO,
            # which ends a program.
            fcntl.fcntl(stream, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(stream, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(stream, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    return False


def _rank(ready: _Ready) -> tuple[int, str]:
    order = 0 if ready.inputs.customers else 1 if ready.inputs.events else 2
    return order, ready.path.name


def _read_file(job: Job, folder: Path, ready: _Ready, result: InboxResult) -> FileOutcome:
    try:
        done = run_steps(job, "inbox", READING_STEPS, ready.inputs)
    except (InputError, MappingError) as error:
        return _fail(folder, ready.path, error)
    follow_run(job)
    _add_counts(result, done)
    n_read = sum(done.counts.get(name, 0) for name in ("n_read", "n_customers", "n_events"))
    n_rejected = sum(done.counts.get(name, 0) for name in ("n_rejected", "n_records_rejected"))
    return FileOutcome(ready.path.name, DONE, n_read=n_read, n_rejected=n_rejected)


def _move_read(folder: Path, told: FileOutcome, before: _State) -> FileOutcome:
    """Move a file that was read, unless there is more in it by now."""
    path = folder / told.file
    if told.outcome != DONE:
        return told
    if _look_at(path) != before:
        # What was read is in the store; the rest follows when the file is read again.
        return replace(told, outcome="waiting", reason="it was written to while it was read")
    return replace(told, moved_to=_move(folder, path, DONE))


def _fail(folder: Path, path: Path, error: Exception) -> FileOutcome:
    """Move a file away with the reason beside it, which stands there before the file does."""
    target = _choose_target(folder / FAILED, path.name)
    target.with_name(f"{target.name}.reason.txt").write_text(f"{error}\n", encoding="utf-8")
    path.rename(target)
    return FileOutcome(path.name, FAILED, f"{FAILED}/{target.name}", str(error))


def _move(folder: Path, path: Path, where: str) -> str:
    target = _choose_target(folder / where, path.name)
    path.rename(target)
    return f"{where}/{target.name}"


def _choose_target(folder: Path, name: str) -> Path:
    """A name that is free, with a number before the endings; we hold the inbox: it stays free."""
    folder.mkdir(exist_ok=True)
    stem, dot, endings = name.partition(".")
    number, target = 1, folder / name
    while os.path.lexists(target):
        number += 1
        target = folder / f"{stem} ({number}){dot}{endings}"
    return target


def _add_counts(result: InboxResult, done: RunResult) -> None:
    counts: Mapping[str, int] = done.counts
    for name, n in counts.items():
        result.counts[name] = result.counts.get(name, 0) + n
