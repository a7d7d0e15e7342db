"""Files without a name: private, and gone with the program, however it ends."""

import errno
import fcntl
import resource
import tempfile
from contextlib import ExitStack, suppress
from itertools import chain, count
from pathlib import Path
from types import TracebackType
from typing import IO, Self

# A run over a bucket holds a file for each object; most systems begin with 1,024.
_MAX_FILES = 65_536
_PREFIX = "earful-spool-"


class Spool:
    """Makes the files, keeps them until it is closed, and gives each a name of its own to show.

    :param folder: where they have names, for other machines to read; what a killed program left
        there goes with the next one.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._files = ExitStack()
        self._names: set[str] = set()
        if folder:
            _remove_left_over(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._files.close()

    def add_file(self) -> tuple[IO[bytes], Path]:
        """Make an empty file to write to, and the path by which it can be opened and read.

        Flush what was written before the path is used.
        """
        if self._folder:
            return self._add_named(self._folder)
        try:
            file = tempfile.TemporaryFile(prefix="earful-")  # noqa: SIM115 -- closed with the spool
        except OSError as error:
            if error.errno != errno.EMFILE or not _allow_more_files():
                raise
            file = tempfile.TemporaryFile(prefix="earful-")  # noqa: SIM115
        self._files.enter_context(file)
        return file, Path(f"/proc/self/fd/{file.fileno()}")

    def _add_named(self, folder: Path) -> tuple[IO[bytes], Path]:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._files.enter_context(
            tempfile.NamedTemporaryFile(prefix=_PREFIX, dir=folder)  # noqa: SIM115
        )
        fcntl.flock(file, fcntl.LOCK_EX)
        return file, Path(file.name)

    def choose_name(self, *names: str) -> str:
        """The first of some names that was not given yet, else the last one with a number."""
        numbered = (f"{names[-1]} ({n})" for n in count(2))
        name = next(each for each in chain(names, numbered) if each not in self._names)
        self._names.add(name)
        return name


def _remove_left_over(folder: Path) -> None:
    """Remove the files whose program is gone: nobody holds them."""
    for path in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _allow_more_files() -> bool:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_FILES)
    if soft >= wanted:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return True
