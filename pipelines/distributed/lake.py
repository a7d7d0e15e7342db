"""The lake: the folder, seen by all nodes, that shards are put into, and the ledger of those done.

A shard is written under another name and moved into place whole. The ledger says which are done and
what they hold; what it does not know was left by a driver that died, and is made again. All of a
store is gone once a run has committed: masked words stand in it.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pipelines.distributed.folders import lake_folder
from pipelines.distributed.receipts import ShardReceipt, read_receipt
from pipelines.errors import StoreError
from pipelines.replacing import sync_path

_LEDGER = "ledger.jsonl"
_SHARDS = "shards"
_UNPLACED = ".unplaced-"


@dataclass
class Placed:
    """A folder that is being written.

    :param path: where it is until it is placed.
    :param digest: of what its files hold, once it is placed.
    """

    path: Path
    digest: str = ""


@contextmanager
def place_folder(target: Path) -> Iterator[Placed]:
    """Write a folder that is there whole or not at all.

    Where another attempt was first, what it made stays.

    :raises StoreError: when it cannot be written.
    """
    placed = Placed(target.with_name(f"{_UNPLACED}{secrets.token_hex(8)}"))
    try:
        placed.path.mkdir(mode=0o700, parents=True)
        yield placed
        for path in placed.path.iterdir():
            sync_path(path)
        with suppress(FileExistsError):
            _move(placed.path, target)
        placed.digest = hash_folder(target)
    except OSError as error:
        raise StoreError(
            f"the lake {target.parent} cannot be written ({error.strerror or error}); see that "
            "there is space, and that every node sees this folder under this name"
        ) from error
    finally:
        shutil.rmtree(placed.path, ignore_errors=True)


def _move(path: Path, target: Path) -> None:
    try:
        path.rename(target)
    except OSError as error:
        if not target.exists():
            raise
        raise FileExistsError(target) from error
    sync_path(target.parent)


def hash_folder(folder: Path) -> str:
    """SHA-256 of the files of a folder.

    :raises OSError: when they cannot be read.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.name}\0{content}\0".encode())
    return digest.hexdigest()


class Lake:
    """What is done of a run of one store.

    :param root: the folder of all stores.
    :ivar done: the receipts of the shards that are there, by their names.
    """

    def __init__(self, root: Path, store_id: str) -> None:
        self.folder = lake_folder(root, store_id)
        self.shards = self.folder / _SHARDS
        try:
            self.shards.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.done = {each.name: each for each in self._read_ledger() if self._holds(each)}
            self._remove_unknown()
        except OSError as error:
            raise _explain(self.folder, error) from error

    def note(self, receipt: ShardReceipt) -> None:
        """Remember, durably, that a shard is done.

        :raises StoreError: when the ledger cannot be written.
        """
        try:
            with (self.folder / _LEDGER).open("a", encoding="utf-8") as ledger:
                ledger.write(json.dumps(asdict(receipt)) + "\n")
                ledger.flush()
                os.fsync(ledger.fileno())
        except OSError as error:
            raise _explain(self.folder, error) from error
        self.done[receipt.name] = receipt

    def _read_ledger(self) -> Iterator[ShardReceipt]:
        with suppress(FileNotFoundError):
            for line in (self.folder / _LEDGER).read_text(encoding="utf-8").splitlines():
                with suppress(ValueError, TypeError, KeyError):  # the last one may be cut
                    yield read_receipt(json.loads(line))

    def _holds(self, receipt: ShardReceipt) -> bool:
        with suppress(OSError):
            return hash_folder(self.shards / receipt.name) == receipt.digest
        return False

    def _remove_unknown(self) -> None:
        for path in self.shards.iterdir():
            if path.name not in self.done:
                shutil.rmtree(path, ignore_errors=True)


def _explain(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the lake {folder} cannot be used ({error.strerror or error}); name a folder that this "
        "machine and every node can write to, as lake under [engine]"
    )
