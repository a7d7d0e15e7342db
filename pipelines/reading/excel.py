"""Workbooks (.xlsx .xlsm .xls .xlsb .ods): every sheet with rows is a table of text."""

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.errors import InputError
from pipelines.reading.recognising import locate_header
from pipelines.reading.streams import InputFile
from pipelines.reading.tables import (
    MAX_CELL_CHARS,
    BadRow,
    Row,
    Table,
    check_width,
    make_bad_row,
    name_columns,
)

MAX_CELLS = 60_000_000
"""calamine holds a sheet as a dense grid of 24-byte cells: 60 million take about 1.5 GB."""
MAX_UNPACKED_BYTES = 4 * 2**30
MAX_RATIO = 400
_RATIO_FREE_BYTES = 64 * 2**20
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEADER_ROWS = 20
_BATCH_ROWS = 2_000
_CELL_PLACE = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})(\d{1,7})"')
_REPEATED = re.compile(rb'number-(rows|columns)-repeated="(\d{1,9})"')


def open_excel(file: InputFile) -> Iterator[Table]:
    """Yield the sheets that hold rows, each with its rows in sheet order.

    Text is what the cell means: whole numbers without ".0", dates as `2024-03-01` or
    `2024-03-01 12:30:00`, booleans as true and false, formulas by their stored value,
    errors (`#N/A`) as empty. A sheet is held in memory while its rows are taken.

    :raises InputError: for workbooks that are damaged, protected by a password or too large.
    """
    with file.on_disk() as path:
        _check_workbook(path, file.name)
        reader = _open_workbook(path, file.name)
        for sheet in _call(file.name, lambda: list(reader.sheet_names)):
            table = _open_sheet(reader, file, sheet)
            if table is not None:
                yield table


def _open_sheet(reader: Any, file: InputFile, sheet: str) -> Table | None:
    # skip_rows=0 keeps empty rows at the top, without which row numbers would be wrong.
    loaded = _call(
        file.name,
        lambda: reader.load_sheet(sheet, header_row=None, skip_rows=0, dtypes="string").to_arrow(),
    )
    if loaded.num_rows == 0 or loaded.num_columns == 0:
        return None
    check_width(f"sheet {sheet!r} of {file.name}", loaded.num_columns)
    head = list(_grid(loaded.slice(0, _HEADER_ROWS + 5_000)))
    first = next((at for at, cells in enumerate(head) if any(cells)), None)
    if first is None:
        return None
    position = first + locate_header(head[first : first + _HEADER_ROWS], file.layout)
    header = head[position]
    columns = name_columns(header)
    while columns and not head[position][len(columns) - 1] and _is_empty(loaded, len(columns) - 1):
        columns.pop()
    rows = _read_rows(loaded, columns, position + 1)
    table = Table(file.name, columns, rows, file.ending, sheet=sheet, header=header[: len(columns)])
    if position > first:
        table.notes.append(f"{position - first} rows above the header were passed over")
    return table


def _is_empty(loaded: Any, position: int) -> bool:
    column = loaded.column(position)
    return bool(column.null_count == len(column))


def _read_rows(loaded: Any, columns: list[str], n_before: int) -> Iterator[Row | BadRow]:
    for number, cells in enumerate(_grid(loaded), 1):
        if number <= n_before or not any(cells):
            continue
        if sum(map(len, cells)) > MAX_CELL_CHARS and max(map(len, cells)) > MAX_CELL_CHARS:
            yield make_bad_row(number, "cell_too_long", "\t".join(cell[:100] for cell in cells))
        else:
            yield Row(number, dict(zip(columns, cells, strict=False)))


def _grid(loaded: Any) -> Iterator[list[str]]:
    for start in range(0, loaded.num_rows, _BATCH_ROWS):
        batch = loaded.slice(start, _BATCH_ROWS)
        columns = [[_plain(cell) for cell in column.to_pylist()] for column in batch.columns]
        for cells in zip(*columns, strict=True):
            yield list(cells)


def _plain(cell: str | None) -> str:
    if cell is None:
        return ""
    if len(cell) == 19:
        if cell.endswith(" 00:00:00") and cell[4] == cell[7] == "-":
            return cell[:10]
        if cell.startswith("1899-12-31 "):  # a time of day without a date
            return cell[11:]
    return cell.replace("_x000D_", "").replace("\r\n", "\n") if "\r" in cell else cell


def _check_workbook(path: Path, name: str) -> None:
    with path.open("rb") as stream:
        magic = stream.read(8)
    if magic == _OLE_MAGIC:
        if _is_encrypted(path):
            raise InputError(f"{name} is protected by a password; save it without one")
        return
    if magic[:4] != b"PK\x03\x04":
        raise InputError(f"{name} is not a workbook, or is damaged; open it and save it again")
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            _check_sizes(infos, name)
            for info in infos:
                if re.fullmatch(r"xl/worksheets/[^/]+\.xml", info.filename):
                    _check_sheet_area(archive, info, name)
                elif info.filename == "content.xml":
                    _check_repeats(archive, info, name)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError) as error:
        raise InputError(f"{name} is damaged and cannot be opened; save it again") from error
    except (RuntimeError, NotImplementedError) as error:  # an encrypted or oddly packed entry
        raise InputError(f"{name} is protected or packed in a way earful cannot read") from error


def _is_encrypted(path: Path) -> bool:
    # Office stores an encrypted .xlsx as an OLE container with this stream.
    marker = "EncryptedPackage".encode("utf-16-le")
    with path.open("rb") as stream:
        tail = b""
        while block := stream.read(2**20):
            if marker in tail + block:
                return True
            tail = block[-len(marker) :]
    return False


def _check_sizes(infos: list[zipfile.ZipInfo], name: str) -> None:
    unpacked = sum(info.file_size for info in infos)
    packed = sum(info.compress_size for info in infos)
    if unpacked > MAX_UNPACKED_BYTES or (
        unpacked > _RATIO_FREE_BYTES and unpacked > MAX_RATIO * max(packed, 1)
    ):
        raise InputError(
            f"{name} would unpack from {packed:,} to {unpacked:,} bytes, which looks like a bomb; "
            "nothing was read. If it is good, save it as CSV"
        )


def _check_sheet_area(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> None:
    # One cell at A1 and one at XFD1048576 make a tiny file and a grid of 400 GB.
    last_row = last_column = 0
    tail = b""
    with archive.open(info) as stream:
        while block := stream.read(2**20):
            for letters, row in _CELL_PLACE.findall(tail + block):
                last_row = max(last_row, int(row))
                last_column = max(last_column, _column_number(letters))
            tail = block[-100:]
    _check_area(last_row, last_column, name)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _check_repeats(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> None:
    largest = {b"rows": 1, b"columns": 1}
    tail = b""
    with archive.open(info) as stream:
        while block := stream.read(2**20):
            for match in _ODS_CELL.finditer(tail + block):
                for kind, times in _REPEATED.findall(match.group()):
                    largest[kind] = max(largest[kind], int(times))
            tail = block[-300:]
    _check_area(largest[b"rows"], largest[b"columns"], name)


# A repeated cell that has a value; empty ones fill the sheet to its edge in every file.
_ODS_CELL = re.compile(
    rb'<table:table-cell\b[^>]*number-columns-repeated="\d+"[^>]*office:value[^>]*>'
    rb'|<table:table-cell\b[^>]*office:value[^>]*number-columns-repeated="\d+"[^>]*>'
    rb'|<table:table-row\b[^>]*number-rows-repeated="\d+"[^>]*>\s*<table:table-cell\b[^>]*office:'
)


def _check_area(n_rows: int, n_columns: int, name: str) -> None:
    if n_rows * n_columns > MAX_CELLS:
        raise InputError(
            f"a sheet of {name} spans {n_rows:,} rows by {n_columns:,} columns, more than "
            f"{MAX_CELLS:,} cells; delete the stray cells at its edges or save it as CSV"
        )


def _open_workbook(path: Path, name: str) -> Any:
    import fastexcel

    return _call(name, lambda: fastexcel.read_excel(path))


def _call(name: str, work: Any) -> Any:
    # fastexcel raises many kinds of error, and for a damaged file any of them.
    try:
        return work()
    except Exception as error:
        if "password" in str(error).lower() or "encrypt" in str(error).lower():
            raise InputError(f"{name} is protected by a password; save it without one") from error
        raise InputError(
            f"{name} is damaged and cannot be read as a workbook ({type(error).__name__}); "
            "open it and save it again"
        ) from error
