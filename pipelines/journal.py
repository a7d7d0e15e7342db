"""Vectors of an unfinished run, kept outside the store so that a crash does not cost them.

A run is one transaction; the encoder pass is most of its time. What it has computed is written here
batch by batch, found again by the next run, and removed when a run has committed. Hashes of texts
and vectors only: no text.
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipelines.database import create_private_file, sqlite_driver

_IDS_A_STATEMENT = 500


class VectorJournal:
    """Vectors by text hash, for one store.

    :param path: the file; made when it is missing, and when it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = self._open()

    def find(self, model: str, text_hashes: Sequence[str]) -> dict[str, bytes]:
        """Vectors that an earlier, unfinished run has left."""
        found: dict[str, bytes] = {}
        for start in range(0, len(text_hashes), _IDS_A_STATEMENT):
            batch = text_hashes[start : start + _IDS_A_STATEMENT]
            marks = ",".join("?" * len(batch))
            query = f"SELECT text_hash, data FROM vector WHERE model = ? AND text_hash IN ({marks})"  # noqa: S608 -- marks only
            found.update(self._connection.execute(query, (model, *batch)).fetchall())
        return found

    def add(self, model: str, vectors: dict[str, bytes]) -> None:
        """Keep vectors, durably."""
        rows = [(text_hash, model, data) for text_hash, data in vectors.items()]
        with self._connection:
            self._connection.executemany("INSERT OR IGNORE INTO vector VALUES (?, ?, ?)", rows)

    def count(self) -> int:
        """Number of vectors kept."""
        n: int = self._connection.execute("SELECT count(*) FROM vector").fetchone()[0]
        return n

    def discard(self) -> None:
        """Remove the file: what it held is in the store."""
        self._connection.close()
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file and keep it."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self) -> Any:
        try:
            return self._connect()
        except sqlite_driver().DatabaseError:
            self._path.unlink(missing_ok=True)
            return self._connect()

    def _connect(self) -> Any:
        create_private_file(self._path)
        connection = sqlite_driver().connect(self._path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS vector (text_hash TEXT, model TEXT, data BLOB, "
            "PRIMARY KEY (text_hash, model)) WITHOUT ROWID"
        )
        return connection
