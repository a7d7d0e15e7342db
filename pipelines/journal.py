"""What the models have read in an unfinished run, kept so that a crash does not cost it.

A run is one transaction; the encoder pass is most of its time. What it has computed is written here
batch by batch, found again by the next run, and removed when a run has committed. Hashes of texts
and numbers only: no text.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zlib import crc32

from pipelines.commits import note_readings
from pipelines.database import create_private_file, sqlite_driver
from pipelines.errors import StoreError
from pipelines.id_batches import batch_ids

MAX_AGE_DAYS = 30
"""A run that nobody has taken up for so long is not taken up again: its store may be gone."""
_FOLDER = "unfinished"


@dataclass(frozen=True)
class Reading:
    """What the models made of a text, as bytes.

    :param vector: float16.
    :param probabilities: three float32: negative, neutral, positive.
    :param lang: the language by which these are calibrated.
    """

    vector: bytes
    probabilities: bytes
    lang: str


def journal_path(cache_dir: Path, store_id: str | None) -> Path:
    """Where the unfinished work of a store is kept."""
    return cache_dir / _FOLDER / f"{store_id}.sqlite"


def list_journals(cache_dir: Path) -> list[Path]:
    """All journals, of whatever store."""
    return sorted((cache_dir / _FOLDER).glob("*.sqlite"))


def remove_old_journals(cache_dir: Path, now: float, keep: Path) -> int:
    """Remove the journals that nobody has written to for MAX_AGE_DAYS; best effort.

    :param now: seconds since the epoch.
    :param keep: the journal of this run's store, which stays whatever its age.
    :returns: how many were removed.
    """
    removed = 0
    for path in list_journals(cache_dir):
        with suppress(OSError):
            if path != keep and now - _last_written(path) > MAX_AGE_DAYS * 86_400:
                _remove(path)
                removed += 1
    return removed


def _parts(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")]


def _last_written(path: Path) -> float:
    return max(part.stat().st_mtime for part in _parts(path) if part.exists())


def _remove(path: Path) -> None:
    for part in _parts(path):
        part.unlink(missing_ok=True)


def _fields(reading: Reading) -> tuple[bytes, bytes, str]:
    return reading.vector, reading.probabilities, reading.lang


def _checksum(text_hash: str, models: str, reading: Reading) -> int:
    """Tells a reading from one that a loss of power has torn: SQLite's pages have no checksum."""
    vector, probabilities, lang = _fields(reading)
    names = (text_hash.encode(), models.encode(), lang.encode())
    return crc32(b"\0".join((*names, vector, probabilities)))


class Journal:
    """Readings by text hash, for one store.

    :param path: the file; made when it is missing, and anew when it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = self._open()
        note_readings()

    def find(self, models: str, text_hashes: Sequence[str]) -> dict[str, Reading]:
        """Readings that an earlier, unfinished run has left.

        :param models: names and revisions of the models that read.
        """
        try:
            return self._find(models, text_hashes)
        except sqlite_driver().DatabaseError:
            self._remake()
            return {}

    def add(self, models: str, readings: Mapping[str, Reading]) -> None:
        """Keep readings, durably.

        :raises StoreError: when the file cannot be written.
        """
        rows = [
            (text_hash, models, *_fields(reading), _checksum(text_hash, models, reading))
            for text_hash, reading in readings.items()
        ]
        driver = sqlite_driver()
        try:
            try:
                self._insert(rows)
            except driver.OperationalError:  # a full disk; anew it would be no better
                raise
            except driver.DatabaseError:
                self._remake()
                self._insert(rows)
        except driver.DatabaseError as error:
            raise self._explain(error) from error

    def count(self) -> int:
        """Number of readings kept."""
        try:
            return self._count()
        except sqlite_driver().DatabaseError:
            self._remake()
            return 0

    def discard(self) -> None:
        """Remove the file: what it held is in the store."""
        self._connection.close()
        _remove(self._path)

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

    def _find(self, models: str, text_hashes: Sequence[str]) -> dict[str, Reading]:
        found: dict[str, Reading] = {}
        for batch in batch_ids(text_hashes):
            marks = ",".join("?" * len(batch))
            query = (
                "SELECT text_hash, crc, vector, probabilities, lang FROM own_reading "  # noqa: S608 -- marks only
                f"WHERE models = ? AND text_hash IN ({marks})"
            )
            for text_hash, crc, *fields in self._connection.execute(query, (models, *batch)):
                reading = Reading(*fields)
                if crc == _checksum(text_hash, models, reading):
                    found[text_hash] = reading
        return found

    def _insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        with self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO own_reading VALUES (?, ?, ?, ?, ?, ?)", rows
            )

    def _count(self) -> int:
        n: int = self._connection.execute("SELECT count(*) FROM own_reading").fetchone()[0]
        return n

    def _remake(self) -> None:
        """Begin anew: the file is damaged, as a loss of power may leave it."""
        self._connection.close()
        try:
            _remove(self._path)
            self._connection = self._connect()
        except (OSError, sqlite_driver().DatabaseError) as error:
            raise self._explain(error) from error

    def _open(self) -> Any:
        try:
            return self._connect()
        except OSError as error:
            raise self._explain(error) from error
        except sqlite_driver().DatabaseError:
            _remove(self._path)
        try:
            return self._connect()
        except (OSError, sqlite_driver().DatabaseError) as error:
            raise self._explain(error) from error

    def _explain(self, error: Exception) -> StoreError:
        said = error.strerror if isinstance(error, OSError) else str(error)
        return StoreError(
            f"unfinished work cannot be kept in {self._path.parent} ({said}); free some space "
            "there or choose another folder with EARFUL_CACHE, then run the same command again"
        )

    def _connect(self) -> Any:
        create_private_file(self._path)
        connection = sqlite_driver().connect(self._path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS own_reading (text_hash TEXT, models TEXT, vector BLOB, "
            "probabilities BLOB, lang TEXT, crc INTEGER, PRIMARY KEY (text_hash, models)) "
            "WITHOUT ROWID"
        )
        return connection
