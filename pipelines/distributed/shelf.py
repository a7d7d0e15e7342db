"""What shards say of texts, to be found by text: a database without a name, gone with the run."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipelines.database import sqlite_driver
from pipelines.id_batches import batch_ids

Place = tuple[int, int, str | None]


class Shelf:
    """Parts and sketches of texts."""

    def __init__(self) -> None:
        self._connection: Any = sqlite_driver().connect("")
        self._connection.execute("PRAGMA journal_mode=OFF")
        for table in ("part", "sketch"):
            self._connection.execute(
                f"CREATE TABLE {table} (key TEXT PRIMARY KEY, data) WITHOUT ROWID"
            )

    def add_parts(self, parts: Iterable[tuple[str, Sequence[Place]]]) -> None:
        """Keep where the parts of texts begin and end and what they are said of."""
        rows = ((key, json.dumps(places)) for key, places in parts)
        self._connection.executemany("INSERT OR IGNORE INTO part VALUES (?, ?)", rows)

    def add_sketches(self, sketches: Iterable[tuple[str, bytes]]) -> None:
        """Keep sketches by the hash of their text."""
        self._connection.executemany("INSERT OR IGNORE INTO sketch VALUES (?, ?)", sketches)

    def find_parts(self, keys: Sequence[str]) -> Mapping[str, list[Place]]:
        """What is kept of some texts; without those that nothing is known of."""
        return {
            key: [(*place,) for place in json.loads(data)] for key, data in self._find("part", keys)
        }

    def find_sketches(self, text_hashes: Sequence[str]) -> Mapping[str, bytes]:
        """What is kept of some texts; without those that nothing is known of."""
        return dict(self._find("sketch", text_hashes))

    def close(self) -> None:
        """Let all of it go."""
        self._connection.close()

    def _find(self, table: str, keys: Sequence[str]) -> Iterable[tuple[str, Any]]:
        for batch in batch_ids(keys):
            marks = ",".join("?" * len(batch))
            query = f"SELECT key, data FROM {table} WHERE key IN ({marks})"  # noqa: S608 -- marks
            yield from self._connection.execute(query, batch)
