"""Where in the lake the work of a store is, and how all of it goes."""

import shutil
from pathlib import Path


def lake_folder(root: Path, store_id: str) -> Path:
    """The folder of one store."""
    return root.absolute() / store_id


def remove_lake(root: Path, store_id: str) -> None:
    """Remove what is in the lake of a store: it is in the store now, or must be nowhere."""
    shutil.rmtree(lake_folder(root, store_id), ignore_errors=True)
