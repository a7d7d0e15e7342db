"""Workbooks that are no tables but bombs, locked or damaged: refused before a sheet is built."""

import re
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.errors import InputError

MAX_CELLS = 60_000_000
"""calamine holds a sheet as a dense grid of 24-byte cells: 60 million take about 1.5 GB."""
MAX_ROWS = 1_048_576
"""Excel's own limit."""
MAX_UNPACKED_BYTES = 2 * 2**30
# Deflate reaches 1,032:1. Sheets number their rows and cells: 200,000 rows of one and the same
# word, as Excel writes them, shrink to a fourteenth.
MAX_RATIO = 100
_RATIO_FREE_BYTES = 16 * 2**20
_BLOCK_BYTES = 2**20
_LONGEST_TAG = 2**16
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# A row or a cell, with its place where it says it.
_PLACE = re.compile(rb"""<(?:\w+:)?(row|c)(?=[\s>/])(?:[^>]*?\sr=["']([A-Z]{0,3})(\d{1,7})["'])?""")
_REPEATED = re.compile(rb'number-(rows|columns)-repeated="(\d{1,9})"')
# A repeated cell that has a value; empty ones fill the sheet to its edge in every file.
_ODS_CELL = re.compile(
    rb'<table:table-cell\b[^>]*number-columns-repeated="\d+"[^>]*office:value[^>]*>'
    rb'|<table:table-cell\b[^>]*office:value[^>]*number-columns-repeated="\d+"[^>]*>'
    rb'|<table:table-row\b[^>]*number-rows-repeated="\d+"[^>]*>\s*<table:table-cell\b[^>]*office:'
)


def check_workbook(path: Path, name: str) -> None:
    """Look at a workbook's declared sizes, then stream its sheets to count rows and cells.

    :param name: what people see.
    :raises InputError: for what is damaged, locked, or larger than a table can be.
    """
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
            _check_members(archive, name)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError) as error:
        raise InputError(f"{name} is damaged and cannot be opened; save it again") from error
    except (RuntimeError, NotImplementedError) as error:  # an encrypted or oddly packed entry
        raise InputError(f"{name} is protected or packed in a way earful cannot read") from error


def _check_members(archive: zipfile.ZipFile, name: str) -> None:
    infos = archive.infolist()
    _check_sizes(infos, name)
    for info in infos:
        if info.filename == "content.xml":
            _check_repeats(archive, info, name)
        elif info.filename.lower().endswith(".xml"):  # a sheet may stand under any name
            _check_sheet(archive, info, name)


def _is_encrypted(path: Path) -> bool:
    # Office stores an encrypted .xlsx as an OLE container with this stream.
    marker = "EncryptedPackage".encode("utf-16-le")
    with path.open("rb") as stream:
        tail = b""
        while block := stream.read(_BLOCK_BYTES):
            if marker in tail + block:
                return True
            tail = block[-len(marker) :]
    return False


def _check_sizes(infos: list[zipfile.ZipInfo], name: str) -> None:
    unpacked = sum(info.file_size for info in infos)
    if unpacked > MAX_UNPACKED_BYTES or any(map(_is_bomb, infos)):
        packed = sum(info.compress_size for info in infos)
        raise InputError(
            f"{name} would unpack from {packed:,} to {unpacked:,} bytes, which looks like a bomb; "
            "nothing was read. If it is good, save it as CSV"
        )


def _is_bomb(info: zipfile.ZipInfo) -> bool:
    # Each by itself: a picture beside a sheet would hide how far the sheet unpacks.
    is_large = info.file_size > _RATIO_FREE_BYTES
    return is_large and info.file_size > MAX_RATIO * max(info.compress_size, 1)


@dataclass(slots=True)
class _Area:
    """The grid that a sheet spans, so far as it has been read.

    One cell at A1 and one at XFD1048576 make a tiny file and a grid of 400 GB; rows and cells
    that do not say where they stand follow one another.
    """

    name: str
    row: int = 0
    column: int = 0
    last_column: int = 0
    numbers: dict[bytes, int] = field(default_factory=dict)

    def add(self, tag: bytes, letters: bytes, place: bytes) -> None:
        """Take in the start of a row or cell."""
        if tag == b"row":
            self.row, self.column = max(self.row, int(place)) if place else self.row + 1, 0
        elif not self.row:
            return  # the chain of calculations lists cells of all sheets, and has no rows
        elif letters:
            if letters not in self.numbers:
                self.numbers[letters] = _column_number(letters)
            self.row = max(self.row, int(place))
            self.column = self.numbers[letters]
        else:
            self.column += 1
        self.last_column = max(self.last_column, self.column)

    def check(self) -> None:
        """Refuse what is larger than a sheet can be."""
        if self.row > MAX_ROWS:
            raise InputError(
                f"a sheet of {self.name} has more than {MAX_ROWS:,} rows, the most that Excel "
                "holds; nothing was read. If it is good, save it as CSV"
            )
        _check_area(self.row, self.last_column, self.name)


def _check_sheet(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> None:
    area = _Area(name)
    tail = b""
    with archive.open(info) as stream:
        while block := stream.read(_BLOCK_BYTES):
            text = tail + block
            cut = max(text.rfind(b"<"), 0)  # a tag may go on in the next block
            for place in _PLACE.findall(text, 0, cut):
                area.add(*place)
            area.check()
            tail = text[cut : cut + _LONGEST_TAG]


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _check_repeats(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> None:
    largest = {b"rows": 1, b"columns": 1}
    tail = b""
    with archive.open(info) as stream:
        while block := stream.read(_BLOCK_BYTES):
            for match in _ODS_CELL.finditer(tail + block):
                for kind, times in _REPEATED.findall(match.group()):
                    largest[kind] = max(largest[kind], int(times))
            tail = block[-300:]
    _check_area(largest[b"rows"], largest[b"columns"], name)


def _check_area(n_rows: int, n_columns: int, name: str) -> None:
    if n_rows * n_columns > MAX_CELLS:
        raise InputError(
            f"a sheet of {name} spans {n_rows:,} rows by {n_columns:,} columns, more than "
            f"{MAX_CELLS:,} cells; delete the stray cells at its edges or save it as CSV"
        )
