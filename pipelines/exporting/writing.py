"""A folder with one file for each table and a manifest: there whole, or as it was before."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

from sqlalchemy import select

from nlp.cache import file_sha256
from pipelines import tables
from pipelines.csv_tables import stream_csv_rows
from pipelines.errors import ConfigError, InputError
from pipelines.exporting.selecting import (
    LEFT_OUT,
    LEFT_OUT_COLUMNS,
    Exportable,
    list_columns,
    list_exported,
)
from pipelines.parquet_tables import Kind, find_kind, stream_parquet_rows
from pipelines.replacing import sync_folder
from pipelines.store import Store, read_info

FileFormat = Literal["parquet", "csv"]
FORMATS: Final[tuple[FileFormat, ...]] = ("parquet", "csv")
MANIFEST: Final = "manifest.json"
_KIND: Final = "earful export"


@dataclass(frozen=True)
class TableFile:
    """A table as it was written."""

    table: str
    file: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Exported:
    """What was written: the tables' files, and the manifest that describes them."""

    folder: str
    run_id: str | None
    files: tuple[TableFile, ...]

    def list_paths(self) -> list[Path]:
        """All files, the manifest last."""
        return [Path(self.folder) / name for name in (*(f.file for f in self.files), MANIFEST)]


def choose_tables(given: Sequence[str]) -> list[str]:
    """The tables of these names; all that are exported where none is given.

    :raises ConfigError: for a table that there is not, or that stays in the store.
    """
    known = list_exported()
    for name in given:
        if name in LEFT_OUT:
            raise ConfigError(f"--tables {name}: it stays in the store: {LEFT_OUT[name]}")
        if name not in known:
            raise ConfigError(f"--tables {name}: there is none; there are: {', '.join(known)}")
    return [name for name in known if not given or name in given]


def write_export(
    store: Store, folder: Path, names: Sequence[str], file_format: FileFormat, k: int
) -> Exported:
    """Write tables, all as one moment has them.

    A folder that an export wrote before is replaced; any other must be empty.

    :param k: a segment of fewer customers is not shown.
    :raises InputError: when the folder is something else's, or cannot be written.
    """
    target = folder.absolute()
    _check_folder(target)
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        _remove_leftovers(target)
        beside.mkdir(mode=0o700)
        try:
            exported = _write_files(store, beside, target, names, file_format, k)
            _put_in_place(beside, target)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise InputError(
            f"the tables could not be written to {folder}: {error.strerror}; what was there "
            "before stays"
        ) from error
    return exported


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of an export; None where there is none."""
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) and told.get("written_by") == _KIND else None


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder")
    if folder.is_dir() and any(folder.iterdir()) and read_manifest(folder) is None:
        raise InputError(f"{folder} holds other files; name a new folder, or that of an export")
    if not folder.parent.is_dir():
        raise InputError(f"there is no folder {folder.parent}; make it first")


def _remove_leftovers(target: Path) -> None:
    """What an export left that was killed: words that no erasure would reach."""
    for left in target.parent.glob(f".{target.name}.*.part"):
        shutil.rmtree(left, ignore_errors=True)


def _put_in_place(beside: Path, target: Path) -> None:
    """Two renames: between them there is no export, and never half of one."""
    before = target.with_name(f".{target.name}.{os.getpid()}.old.part")
    if target.exists():
        target.rename(before)
    beside.rename(target)
    sync_folder(target.parent)
    shutil.rmtree(before, ignore_errors=True)


def _write_files(
    store: Store,
    beside: Path,
    target: Path,
    names: Sequence[str],
    file_format: FileFormat,
    k: int,
) -> Exported:
    from pipelines.migrations import SCHEMA_VERSION

    with store.read() as connection:
        exportable = Exportable(connection, k)
        files = tuple(_write_table(exportable, beside, name, file_format) for name in names)
        column = tables.run.c
        query = select(column.run_id).where(column.status == "done").order_by(column.run_id.desc())
        run_id = connection.execute(query.limit(1)).scalar()
        facts = {
            "written_by": _KIND,
            "schema_version": SCHEMA_VERSION,
            "store_id": read_info(connection, "store_id"),
            "run_id": run_id,
            "format": file_format,
            "min_customers": k,
            "tables": [_describe_file(file) for file in files],
            "left_out": dict(LEFT_OUT),
        }
    told = json.dumps(facts, ensure_ascii=False, indent=2) + "\n"
    _write_private(beside / MANIFEST, lambda file: file.write(told.encode()))
    return Exported(str(target), run_id, files)


def _write_table(
    exportable: Exportable, folder: Path, name: str, file_format: FileFormat
) -> TableFile:
    kinds = {column.name: find_kind(column.type) for column in list_columns(name)}
    rows = _Counted(_read_cells(exportable, name, list(kinds.values()), file_format))
    path = folder / f"{name}.{file_format}"

    def write(file: BinaryIO) -> None:
        if file_format == "parquet":
            stream_parquet_rows(file, kinds, rows)
        else:
            # With the mark by which Excel knows UTF-8; DuckDB and pandas read over it.
            stream_csv_rows(file, _with_head(list(kinds), rows), "utf-8-sig")

    _write_private(path, write)
    return TableFile(name, path.name, rows.n, path.stat().st_size, file_sha256(path))


def _write_private(path: Path, write: Callable[[BinaryIO], object]) -> None:
    path.touch(mode=0o600)
    with path.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())


class _Counted:
    """Rows that are counted as they pass."""

    def __init__(self, rows: Iterator[Sequence[Any]]) -> None:
        self._rows = rows
        self.n = 0

    def __iter__(self) -> Iterator[Sequence[Any]]:
        for row in self._rows:
            self.n += 1
            yield row


def _with_head(names: Sequence[str], rows: _Counted) -> Iterator[Sequence[Any]]:
    yield names
    yield from rows


def _read_cells(
    exportable: Exportable, name: str, kinds: Sequence[Kind], file_format: FileFormat
) -> Iterator[Sequence[Any]]:
    for row in exportable.read(name):
        yield [_show(value, kind, file_format) for value, kind in zip(row, kinds, strict=True)]


def _show(value: Any, kind: Kind, file_format: FileFormat) -> Any:
    if value is None:
        return None
    if kind == "json":
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    if kind == "moment" and file_format == "csv":
        return value.isoformat().replace("+00:00", "Z")
    return value


def _describe_file(file: TableFile) -> dict[str, Any]:
    """A table for the manifest, with what its columns mean."""
    table = tables.metadata.tables[file.table]
    columns = [
        {
            "name": column.name,
            "type": find_kind(column.type),
            "key": column.primary_key,
            "meaning": column.comment,
        }
        for column in list_columns(file.table)
    ]
    hidden: Mapping[str, str] = LEFT_OUT_COLUMNS.get(file.table, {})
    described = {**asdict(file), "meaning": table.comment, "columns": columns}
    return {**described, "columns_left_out": dict(hidden)} if hidden else described
