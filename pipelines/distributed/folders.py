"""Where in the lake the work of a store is, and how all of it goes; and where its vectors stay."""

import shutil
from contextlib import suppress
from pathlib import Path


def lake_folder(root: Path, store_id: str) -> Path:
    """The folder of what a run of one store is working on."""
    return root.absolute() / store_id / "unfinished"


def kept_folder(root: Path, store_id: str) -> Path:
    """The folder of what stays in the lake, where the configuration says so."""
    return root.absolute() / store_id


def remove_lake(root: Path, store_id: str) -> None:
    """Remove what is in the lake of a store: it is in the store now, or must be nowhere."""
    folder = lake_folder(root, store_id)
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # vectors may be there
        folder.parent.rmdir()
