"""The ledger of erasures: no store that is restored brings back whom it does not know to be erased.

It lies beside the secret. One JSON object a line, appended to and never changed: backups that were
made, persons that were erased (keyed hashes of keyed hashes, as in ``blocked_key``: nobody can be
read from them), days before which was purged.
"""

import json
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipelines.errors import InputError, StoreError

if TYPE_CHECKING:
    from pipelines.job import Job

_NAME: Final = "erasures.jsonl"


def find_ledger(job: "Job") -> "Ledger":
    """The ledger that a job is to write."""
    configured = job.config.erasure.ledger
    if configured is None:
        return Ledger(job.secret_path.with_name(_NAME))
    return Ledger(job.folder / Path(configured).expanduser())


@dataclass(frozen=True)
class Ledger:
    """The file."""

    path: Path

    def note_backup(self, store_id: str, backup_id: str) -> None:
        """Note a backup: a ledger that knows it knows what was erased since."""
        self._append({"kind": "backup", "store_id": store_id, "backup_id": backup_id})

    def note_erasure(
        self, store_id: str, request_id: str, key_hash: str, blocked: Collection[str]
    ) -> None:
        """Note a person, before their rows are gone: one that is asked for twice is erased."""
        row = {"request_id": request_id, "key_hash": key_hash, "blocked": sorted(blocked)}
        self._append({"kind": "forget", "store_id": store_id, **row})

    def note_purge(self, store_id: str, request_id: str, before: datetime) -> None:
        """Note a purge."""
        row = {"request_id": request_id, "before": before.isoformat()}
        self._append({"kind": "purge", "store_id": store_id, **row})

    def list_since(self, store_id: str, backup_id: str) -> list[dict[str, Any]] | None:
        """Erasures of a store after a backup of it; None where the ledger does not know that.

        :raises InputError: when the ledger is damaged.
        """
        found: list[dict[str, Any]] | None = None
        for row in self._read():
            if row.get("store_id") != store_id:
                continue
            if row["kind"] == "backup":
                found = [] if row["backup_id"] == backup_id else found
            elif found is not None:
                found.append(row)
        return found

    def _append(self, row: dict[str, Any]) -> None:
        at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        line = json.dumps({"at": at, **row}, ensure_ascii=False) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                os.write(descriptor, line.encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StoreError(
                f"the ledger of erasures {self.path} cannot be written ({error.strerror}), and "
                "without it a backup would bring back who is erased: nothing was done. Check that "
                "place, or name another with ledger under [erasure]"
            ) from error

    def _read(self) -> Iterator[dict[str, Any]]:
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"the ledger of erasures {self.path} cannot be read") from error
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                row["kind"], row["store_id"]
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(
                    f"the ledger of erasures {self.path} is damaged (line {number}); take its copy"
                ) from error
            yield row
