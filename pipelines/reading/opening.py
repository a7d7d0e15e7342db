"""The one way in: a file becomes its tables, whatever its format."""

from collections.abc import Iterator
from dataclasses import replace

from pipelines.errors import InputError
from pipelines.reading.delimited import open_delimited
from pipelines.reading.excel import open_excel
from pipelines.reading.files import ARCHIVE, list_archive
from pipelines.reading.parquet import open_parquet
from pipelines.reading.shaping import open_known_json, shape_table
from pipelines.reading.streams import InputFile
from pipelines.reading.tables import BadRow, Row, Table, make_bad_row
from pipelines.reading.transcripts import open_transcript

_OLE_MAGIC = b"\xd0\xcf\x11\xe0"


def open_tables(
    file: InputFile, encoding: str | None = None, delimiter: str | None = None
) -> Iterator[Table]:
    """Yield the tables of a file: one, or one a sheet. Take the rows of each before the next.

    The content decides the format before the ending does: an `.xls` that is really tab-separated
    text, or a `.csv` that is really a workbook, is read as what it is.

    :param encoding: codec of a text file, where the detection is wrong.
    :param delimiter: of a delimited file, where the detection is wrong.
    :raises InputError: where nothing can be read. Damage after the first rows does not raise: it
        ends the table with a :class:`BadRow` of reason `damaged_file`.
    """
    n_tables = 0
    for table in _open(file, encoding, delimiter):
        n_tables += 1
        table.rows = _end_at_damage(table.rows)
        yield shape_table(table, file.layout)
    if n_tables == 0:
        raise InputError(f"{file.name} is empty: it holds no header and no rows")


def _open(file: InputFile, encoding: str | None, delimiter: str | None) -> Iterator[Table]:
    if file.format == ARCHIVE:  # one that could not be listed; say again why
        list_archive(file.path, file.name, [])
    file = replace(file, format=_look_inside(file))
    if file.format == "excel":
        yield from open_excel(file)
        return
    if file.format == "parquet":
        yield open_parquet(file)
        return
    if file.format == "json":
        table = open_known_json(file, encoding)
    else:
        is_plain = file.format == "transcript" or (file.ending == "txt" and delimiter is None)
        table = open_transcript(file, encoding) if is_plain else None
        table = table or open_delimited(file, encoding, delimiter)
    if table is not None:
        yield table


def _look_inside(file: InputFile) -> str:
    with file.open() as stream:
        magic = stream.read(1024)
    if not magic:
        raise InputError(f"{file.name} is empty (0 bytes)")
    if magic.startswith((_OLE_MAGIC, b"PK\x03\x04")):
        return "excel"
    if magic.startswith(b"PAR1"):
        return "parquet"
    text = magic.lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t").replace(b"\0", b"").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<table", b"<?xml")):
        raise InputError(f"{file.name} is a web page or XML, not a table; export it as CSV or xlsx")
    if file.format == "excel":
        if file.ending != "xls" or not _is_text(magic):
            return "excel"  # whose reader says that it is damaged
        return "delimited"
    if not magic.strip(b"\0"):
        raise InputError(f"{file.name} holds nothing but zero bytes; fetch or export it again")
    if magic.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8\xff")):
        raise InputError(f"{file.name} is not a table but a document or picture")
    return file.format


def _is_text(magic: bytes) -> bool:
    n_control = sum(byte < 9 or 13 < byte < 32 for byte in magic)
    return n_control == 0 or magic.startswith((b"\xff\xfe", b"\xfe\xff"))


def _end_at_damage(rows: Iterator[Row | BadRow]) -> Iterator[Row | BadRow]:
    number = 0
    try:
        for row in rows:
            number = row.number
            yield row
    except InputError:
        if number == 0:
            raise
        yield make_bad_row(number + 1, "damaged_file", "")
