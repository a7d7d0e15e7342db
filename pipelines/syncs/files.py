"""CSV and Parquet files with all rows, in the layout that a CRM imports: whole or not at all.

They are made of what is written down as sent, so that a crash between the two is mended by the
next sync, and a row that was taken back is gone from the file.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from pipelines.csv_tables import stream_csv_rows
from pipelines.parquet_tables import Kind, stream_parquet_rows
from pipelines.replacing import open_replacement
from pipelines.syncs.columns import Plain, find_kinds, read_moment
from pipelines.syncs.settings import CsvSync, Layout, ParquetSync
from pipelines.syncs.target import Answer, Row, Surroundings, SyncError


@dataclass(frozen=True)
class _Dialect:
    """How a CRM wants its CSV.

    :param encoding: Data Loader takes a byte order mark for a part of the first name.
    """

    encoding: str
    write_moment: Callable[[datetime], str]


_DIALECTS: dict[Layout, _Dialect] = {
    "plain": _Dialect("utf-8-sig", lambda at: f"{at:%Y-%m-%dT%H:%M:%SZ}"),
    "salesforce": _Dialect("utf-8", lambda at: f"{at:%Y-%m-%dT%H:%M:%S.000Z}"),
    # The import takes days only in its date properties, the kind that a custom date has.
    "hubspot": _Dialect("utf-8", lambda at: f"{at:%Y-%m-%d}"),
}


def open_target(settings: CsvSync | ParquetSync, around: Surroundings) -> "FileTarget":
    """A file that is to hold all rows."""
    return FileTarget(settings, around.folder / Path(settings.path).expanduser())


class FileTarget:
    """A file; see :class:`~pipelines.syncs.target.Target`."""

    n_at_once = 5_000

    def __init__(self, settings: CsvSync | ParquetSync, path: Path) -> None:
        self.settings, self.path = settings, path

    def check(self) -> None:
        """See that the file can be in its folder.

        :raises SyncError: when there is no such folder.
        """
        if not self.path.parent.is_dir():
            raise SyncError(f"there is no folder {self.path.parent}; make it, or change the path")

    def send(self, rows: Sequence[Row]) -> Iterator[Sequence[Answer]]:
        """Take note of rows; :meth:`finish` writes them."""
        yield [Answer(row.key) for row in rows]

    def remove(self, rows: Sequence[Row]) -> Iterator[Sequence[Answer]]:
        """Take note that rows go; :meth:`finish` leaves them out."""
        yield [Answer(row.key) for row in rows]

    def finish(self, rows: Iterable[Row]) -> Path | None:
        """Write the file anew.

        :raises SyncError: when it cannot be written; the old one stays then.
        """
        write = _write_csv if isinstance(self.settings, CsvSync) else _write_parquet
        try:
            with open_replacement(self.path, is_private=True) as file:
                write(file, self.settings, rows)
        except OSError as error:
            raise SyncError(f"{self.path} cannot be written: {error.strerror}") from None
        return self.path

    def close(self) -> None:
        """Nothing is open."""


def _write_csv(file: BinaryIO, settings: CsvSync | ParquetSync, rows: Iterable[Row]) -> None:
    dialect, kinds = _DIALECTS[settings.layout], find_kinds(settings.fields)

    def read() -> Iterator[Sequence[Plain]]:
        yield (settings.key_field, *kinds)
        for row in rows:
            cells = (_show(row.values.get(name), kind, dialect) for name, kind in kinds.items())
            yield (row.key, *cells)

    stream_csv_rows(file, read(), dialect.encoding)


def _show(value: Plain, kind: Kind, dialect: _Dialect) -> Plain:
    moment = read_moment(value) if kind == "moment" else None
    return dialect.write_moment(moment) if moment else value


def _write_parquet(file: BinaryIO, settings: CsvSync | ParquetSync, rows: Iterable[Row]) -> None:
    kinds = find_kinds(settings.fields)

    def read() -> Iterator[Sequence[Any]]:
        for row in rows:
            cells = ((row.values.get(name), kind) for name, kind in kinds.items())
            yield (row.key, *(read_moment(v) if kind == "moment" else v for v, kind in cells))

    stream_parquet_rows(file, {settings.key_field: "text", **kinds}, read())
