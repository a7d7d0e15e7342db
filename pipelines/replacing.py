"""Files written whole or not at all: beside the old one, then moved over it in one step."""

import filecmp
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import BinaryIO


def replace_file(path: Path, content: bytes, *, is_private: bool = False) -> None:
    """Write a file.

    :param is_private: only its owner can read it, from the first byte on.
    :raises OSError: when it cannot be written; the old one stays then.
    """
    with open_replacement(path, is_private=is_private) as file:
        file.write(content)


@contextmanager
def open_replacement(path: Path, *, is_private: bool = False) -> Iterator[BinaryIO]:
    """Write a file bit by bit; it stands in its place when all is written, and not before.

    A file that is already so is left alone, with its time.

    :param is_private: only its owner can read it, from the first byte on.
    :raises OSError: when it cannot be written; the old one stays then.
    """
    _remove_left_behind(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if is_private:
            beside.touch(mode=0o600)
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if not (path.is_file() and filecmp.cmp(beside, path, shallow=False)):
            beside.replace(path)
            sync_folder(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Have a new name in a folder outlast a loss of power; where the system cannot, do nothing."""
    with suppress(OSError):
        sync_path(folder)


def sync_path(path: Path) -> None:
    """Have a file, or the names in a folder, outlast a loss of power.

    :raises OSError: where the system cannot.
    """
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _remove_left_behind(path: Path) -> None:
    """Remove what programs that were killed had begun to write: nobody would ever look for it."""
    for part in path.parent.glob(f".{escape(path.name)}.*.part"):
        number = part.name.removesuffix(".part").rpartition(".")[2]
        if number.isdecimal() and part.is_file() and not _is_running(int(number)):
            part.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        return True
    return True
