"""Workbooks (.xlsx .xlsm .xls .xlsb .ods): every sheet with rows is a table of text."""

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
from pipelines.reading.workbook_checks import check_workbook

_HEADER_ROWS = 20
_BATCH_ROWS = 2_000


def open_excel(file: InputFile) -> Iterator[Table]:
    """Yield the sheets that hold rows, each with its rows in sheet order.

    Text is what the cell means: whole numbers without ".0", dates as `2024-03-01` or
    `2024-03-01 12:30:00`, booleans as true and false, formulas by their stored value,
    errors (`#N/A`) as empty. A sheet is held in memory while its rows are taken.

    :raises InputError: for workbooks that are damaged, protected by a password or too large.
    """
    with file.on_disk() as path:
        check_workbook(path, file.name)
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
