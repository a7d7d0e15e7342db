"""Files without a name: private, and gone with the program, however it ends."""

import errno
import resource
import tempfile
from contextlib import ExitStack
from itertools import chain, count
from pathlib import Path
from types import TracebackType
from typing import IO, Self

# A run over a bucket holds a file for each object; most systems begin with 1,024.
_MAX_FILES = 65_536


class Spool:
    """Makes the files, keeps them until it is closed, and gives each a name of its own to show."""

    def __init__(self) -> None:
        self._files = ExitStack()
        self._names: set[str] = set()

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
        try:
            file = tempfile.TemporaryFile(prefix="earful-")  # noqa: SIM115 -- closed with the spool
        except OSError as error:
            if error.errno != errno.EMFILE or not _allow_more_files():
                raise
            file = tempfile.TemporaryFile(prefix="earful-")  # noqa: SIM115
        self._files.enter_context(file)
        return file, Path(f"/proc/self/fd/{file.fileno()}")

    def choose_name(self, *names: str) -> str:
        """The first of some names that was not given yet, else the last one with a number."""
        numbered = (f"{names[-1]} ({n})" for n in count(2))
        name = next(each for each in chain(names, numbered) if each not in self._names)
        self._names.add(name)
        return name


def _allow_more_files() -> bool:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_FILES)
    if soft >= wanted:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return True
