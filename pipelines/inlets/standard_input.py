"""Standard input, read once to its end."""

import shutil
import zipfile
from pathlib import Path
from typing import IO

from pipelines.errors import ConfigError
from pipelines.inlets.spool import Spool
from pipelines.reading.files import list_archive
from pipelines.reading.streams import FORMATS, InputFile

DASH = "-"
NAME = "stdin"
_BLOCK_BYTES = 2**20
_HEAD_BYTES = 4096
# Members that every workbook has: of Office Open XML, and of OpenDocument.
_WORKBOOK_MEMBERS = ("[Content_Types].xml", "mimetype")


def read_standard_input(stream: IO[bytes], ending: str | None, spool: Spool) -> list[InputFile]:
    """Read a stream to its end, and say what it holds; an archive gives each of its files.

    :param ending: what it is, as a file's ending would say; None means look inside.
    :raises ConfigError: when there is no such ending.
    :raises InputError: for an archive without a readable file.
    """
    if ending is not None and ending not in FORMATS:
        raise ConfigError(f"--format {ending!r} is not there; choose one of: {', '.join(FORMATS)}")
    file, path = spool.add_file()
    shutil.copyfileobj(stream, file, _BLOCK_BYTES)
    file.flush()
    name = spool.choose_name(NAME)
    if ending is None and _is_archive(path):
        return list_archive(path, name, [])
    ending = ending or _guess_ending(InputFile(name, path, "delimited", "csv"))
    return [InputFile(name, path, FORMATS[ending], ending)]


def _is_archive(path: Path) -> bool:
    """Tell whether it is a zip archive, and no workbook, which is one too."""
    try:
        with zipfile.ZipFile(path) as archive:
            return not set(_WORKBOOK_MEMBERS) & {*archive.namelist()}
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


def _guess_ending(file: InputFile) -> str:
    """JSON by its first sign; workbooks and Parquet are known by their content anyway."""
    with file.open() as stream:
        head = stream.read(_HEAD_BYTES)
    text = head.lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t\0")
    return "json" if text.startswith((b"{", b"[")) else "csv"
