"""Files written whole or not at all: beside the old one, then moved over it in one step."""

import os
from pathlib import Path


def replace_file(path: Path, content: bytes, *, is_private: bool = False) -> None:
    """Write a file.

    :param is_private: only its owner can read it, from the first byte on.
    :raises OSError: when it cannot be written; the old one stays then.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if is_private:
            beside.touch(mode=0o600)
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
