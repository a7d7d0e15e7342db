"""Input files and their bytes: unpacked while read, with every size checked on the way."""

import gzip
import io
import lzma
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pipelines.errors import InputError

FORMATS = {
    **dict.fromkeys(("csv", "tsv", "tab", "psv", "txt"), "delimited"),
    **dict.fromkeys(("json", "jsonl", "ndjson"), "json"),
    **dict.fromkeys(("xlsx", "xlsm", "xls", "xlsb", "ods"), "excel"),
    **dict.fromkeys(("parquet", "pq"), "parquet"),
    **dict.fromkeys(("vtt", "srt"), "transcript"),
}
SUPPORTED = ", ".join(f".{ending}" for ending in FORMATS) + "; each plain, .gz or in a .zip"
NO_LAYOUT = "none"
"""In the place of a layout's id: read the file as a plain table."""
# deflate cannot exceed 1,032:1; the most repetitive real exports we met reach about 60:1.
MAX_RATIO = 200
RATIO_FREE_BYTES = 64 * 2**20
MAX_UNPACKED_BYTES = 64 * 2**30
_BLOCK_BYTES = 2**18


# What unpacking raises; NotImplementedError is a RuntimeError.
_DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError)


@dataclass(frozen=True, slots=True)
class InputFile:
    """One readable file, or one member of a zip archive.

    :param name: what people and tables see: relative to the argument given, so the same
        from any working directory; members are `archive.zip!/folder/member.csv`.
    :param path: the file on disk (the archive, for a member).
    :param format: delimited, json, excel, parquet or transcript, by the ending; the content has
        the last word.
    :param ending: the ending without `.gz`, in lower case, such as `csv`.
    :param member: the entry's name inside the zip archive.
    :param layout: id of the known layout that it is read as, or NO_LAYOUT for none; None means
        the one that is recognised.
    """

    name: str
    path: Path
    format: str
    ending: str
    member: str | None = None
    layout: str | None = None

    @contextmanager
    def open(self) -> Iterator[io.BufferedReader]:
        """Stream the unpacked bytes.

        :raises InputError: at opening or at reading, where the file is damaged, encrypted,
            not allowed, or unpacks to far more than it should.
        """
        with ExitStack() as stack:
            try:
                raw, packed_bytes = self._open_raw(stack)
            except (*_DAMAGE, KeyError) as error:
                raise explain_failure(self.name, error) from error
            checked = cast("io.RawIOBase", _CheckedStream(raw, self.name, packed_bytes))
            yield stack.enter_context(io.BufferedReader(checked, _BLOCK_BYTES))

    def _open_raw(self, stack: ExitStack) -> tuple[io.BufferedIOBase, int]:
        raw: io.BufferedIOBase
        if self.member is None:
            packed_bytes = self.path.stat().st_size
            raw = stack.enter_context(self.path.open("rb"))
        else:
            archive = stack.enter_context(zipfile.ZipFile(self.path))
            info = archive.getinfo(self.member)
            check_declared(self.name, info.file_size, info.compress_size)
            packed_bytes = info.compress_size
            raw = cast("io.BufferedIOBase", stack.enter_context(archive.open(info)))
        if _is_gzip(raw, self.member or self.path.name):
            raw = stack.enter_context(gzip.GzipFile(fileobj=raw))
        return raw, packed_bytes

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        """Give a path to the unpacked bytes, for the formats that need to seek.

        :raises InputError: as :meth:`open`.
        """
        if self.member is None and not _starts_as_gzip(self.path):
            yield self.path
            return
        with tempfile.NamedTemporaryFile(prefix="earful-", suffix="." + self.ending) as spool:
            with self.open() as stream:
                shutil.copyfileobj(stream, spool, _BLOCK_BYTES)
            spool.flush()
            yield Path(spool.name)


def ending_of(name: str) -> str:
    """Return the ending that tells the format: `csv` for `Reviews.CSV.gz`."""
    parts = name.lower().rsplit("/", 1)[-1].split(".")
    if len(parts) > 2 and parts[-1] in ("gz", "gzip"):
        parts.pop()
    return parts[-1] if len(parts) > 1 else ""


def _is_gzip(raw: io.BufferedIOBase, name: str) -> bool:
    if raw.seekable():
        magic = raw.read(2)
        raw.seek(0)
        return magic == b"\x1f\x8b"
    return name.lower().endswith((".gz", ".gzip"))


def _starts_as_gzip(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(2) == b"\x1f\x8b"
    except OSError as error:
        raise explain_failure(path.name, error) from error


def check_declared(name: str, unpacked: int, packed: int) -> None:
    """Refuse a member that says it unpacks to far more than its size.

    :raises InputError: for more than 64 GiB, or more than 200 times its size and 64 MiB.
    """
    if unpacked > MAX_UNPACKED_BYTES or (
        unpacked > RATIO_FREE_BYTES and unpacked > MAX_RATIO * max(packed, 1)
    ):
        raise InputError(
            f"{name} would unpack from {packed:,} to {unpacked:,} bytes, which looks like a zip "
            "bomb; nothing was unpacked. If the file is good, unpack it yourself and name it"
        )


def explain_failure(name: str, error: Exception) -> InputError:
    """Turn what opening or unpacking raised into a message that says what to do."""
    match error:
        case PermissionError():
            return InputError(f"{name} cannot be read: permission denied; check its rights")
        case RuntimeError() if "password" in str(error) or "encrypted" in str(error):
            return InputError(f"{name} is protected by a password; save it without one")
        case NotImplementedError():
            return InputError(f"{name} is packed by a method that earful cannot read: {error}")
        case OSError() if error.errno is not None:
            return InputError(f"{name} cannot be read: {error.strerror}")
        case _:
            return InputError(
                f"{name} is damaged and cannot be unpacked ({type(error).__name__}); "
                "fetch or export it again"
            )


class _CheckedStream(io.RawIOBase):
    """Bytes of a possibly packed stream; faults and bombs surface as InputError."""

    def __init__(self, inner: io.BufferedIOBase, name: str, packed_bytes: int) -> None:
        self._inner = inner
        self._name = name
        self._limit = max(RATIO_FREE_BYTES, MAX_RATIO * packed_bytes)
        self._n_bytes = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        # Only of a file as it is: to go back in a packed one is to unpack it again.
        return isinstance(self._inner, io.BufferedReader) and self._inner.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            data = self._inner.read1(len(buffer))  # read() would lose what precedes a damage
        except _DAMAGE as error:
            raise explain_failure(self._name, error) from error
        self._n_bytes += len(data)
        if self._n_bytes > self._limit:
            raise InputError(
                f"{self._name} unpacks to more than {self._limit:,} bytes, over {MAX_RATIO} times "
                "its size, which looks like a zip bomb. If it is good, unpack it yourself"
            )
        buffer[: len(data)] = data
        return len(data)
