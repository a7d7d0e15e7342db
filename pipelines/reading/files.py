"""Files to read: found in folders, globs and archives, opened with every size checked."""

import glob
import gzip
import io
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import cast

from pipelines.errors import InputError

FORMATS = {
    **dict.fromkeys(("csv", "tsv", "tab", "psv", "txt"), "delimited"),
    **dict.fromkeys(("json", "jsonl", "ndjson"), "json"),
    **dict.fromkeys(("xlsx", "xlsm", "xls", "xlsb", "ods"), "excel"),
    **dict.fromkeys(("parquet", "pq"), "parquet"),
}
SUPPORTED = ", ".join(f".{ending}" for ending in FORMATS) + "; each plain, .gz or in a .zip"
# deflate cannot exceed 1,032:1; the most repetitive real exports we met reach about 60:1.
MAX_RATIO = 200
RATIO_FREE_BYTES = 64 * 2**20
MAX_UNPACKED_BYTES = 64 * 2**30
MAX_MEMBERS = 10_000
_BLOCK_BYTES = 2**18


@dataclass(frozen=True, slots=True)
class InputFile:
    """One readable file, or one member of a zip archive.

    :param name: what people and tables see: relative to the argument given, so the same
        from any working directory; members are `archive.zip!/folder/member.csv`.
    :param path: the file on disk (the archive, for a member).
    :param format: delimited, json, excel or parquet, by the ending; the content has the last word.
    :param ending: the ending without `.gz`, in lower case, such as `csv`.
    :param member: the entry's name inside the zip archive.
    """

    name: str
    path: Path
    format: str
    ending: str
    member: str | None = None

    @contextmanager
    def open(self) -> Iterator[io.BufferedReader]:
        """Stream the unpacked bytes.

        :raises InputError: at opening or at reading, where the file is damaged, encrypted,
            not allowed, or unpacks to far more than it should.
        """
        with ExitStack() as stack:
            try:
                raw, packed_bytes = self._open_raw(stack)
            except (OSError, EOFError, zipfile.BadZipFile, KeyError) as error:
                raise _explain(self.name, error) from error
            except (RuntimeError, NotImplementedError) as error:
                raise _explain(self.name, error) from error
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
            _check_declared(self.name, info.file_size, info.compress_size)
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


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was seen and left out, with the reason."""

    name: str
    reason: str


@dataclass(slots=True)
class Inputs:
    """What the arguments name: the files to read, in a fixed order, and those left out."""

    files: list[InputFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def find_files(paths: Sequence[str]) -> list[InputFile]:
    """List the readable files; see :func:`find_inputs`, which also tells what was left out."""
    return find_inputs(paths).files


def find_inputs(paths: Sequence[str]) -> Inputs:
    """List the files that paths, folders (with their subfolders) and globs name.

    A file that is named twice is read once. Hidden files are left out unless named themselves.
    Names are relative to the argument (the file, the folder, the fixed part of the glob); where
    two files would share a name, their folders' names are put before it.

    :raises InputError: for a path that does not exist, a folder or archive without a readable
        file, a file of an unknown kind that was named itself, or a damaged archive.
    """
    inputs = Inputs()
    found: dict[Path, str] = {}
    for argument in paths:
        for path, name in _resolve(argument, inputs.skipped):
            found.setdefault(path.resolve(), name)
    for path, name in sorted(_distinguish(found).items(), key=lambda item: (item[1], item[0])):
        inputs.files += _expand(path, name, inputs.skipped)
    return inputs


def _resolve(argument: str, skipped: list[Skipped]) -> list[tuple[Path, str]]:
    path = Path(argument).expanduser()
    try:
        if path.is_dir():
            return _list_folder(path, argument, skipped)
        if path.exists():
            return [_named_file(path)]
    except OSError as error:
        raise InputError(f"{argument} cannot be read: {error.strerror or error}") from error
    if glob.has_magic(argument):
        return _list_glob(str(path), argument, skipped)
    raise InputError(_missing_message(path, argument))


def _named_file(path: Path) -> tuple[Path, str]:
    if not path.is_file():
        raise InputError(f"{path} is not a regular file (a device, pipe or socket)")
    if ending_of(path.name) not in FORMATS and path.suffix.lower() != ".zip":
        raise InputError(
            f"{path.name} is of a kind that earful does not read; it reads {SUPPORTED}"
        )
    return path, path.name


def _list_folder(folder: Path, argument: str, skipped: list[Skipped]) -> list[tuple[Path, str]]:
    readable: list[tuple[Path, str]] = []
    others: list[str] = []

    def refuse(error: OSError) -> None:
        raise InputError(
            f"folder {argument} cannot be listed: {error.strerror or error}"
        ) from error

    for root, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file_name in sorted(name for name in names if not name.startswith(".")):
            path = Path(root) / file_name
            name = path.relative_to(folder).as_posix()
            if _is_readable_kind(file_name) and path.is_file():
                readable.append((path, name))
            else:
                others.append(name)
                skipped.append(Skipped(name, "unknown kind of file"))
    if not readable:
        there = f"{len(others)} other files: {_some(others)}" if others else "it is empty"
        raise InputError(
            f"folder {argument} holds no file that earful reads ({there}); it reads {SUPPORTED}"
        )
    return readable


def _list_glob(pattern: str, argument: str, skipped: list[Skipped]) -> list[tuple[Path, str]]:
    base = Path(*_fixed_parts(Path(pattern)))
    readable = []
    for match in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 - may be absolute
        path = Path(match)
        if not path.is_file():
            continue
        name = path.relative_to(base).as_posix()
        if _is_readable_kind(path.name):
            readable.append((path, name))
        else:
            skipped.append(Skipped(name, "unknown kind of file"))
    if not readable:
        raise InputError(
            f"no readable file matches {argument}; quote the pattern if your shell changes it. "
            f"earful reads {SUPPORTED}"
        )
    return readable


def _fixed_parts(pattern: Path) -> list[str]:
    parts: list[str] = []
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            break
        parts.append(part)
    return parts


def _missing_message(path: Path, argument: str) -> str:
    from rapidfuzz import process

    parent = path.parent
    if not parent.is_dir():
        return f"{argument} does not exist, nor does its folder {parent}"
    try:
        names = [entry.name for entry in parent.iterdir() if not entry.name.startswith(".")]
    except OSError:
        names = []
    nearest = process.extractOne(path.name, names, score_cutoff=60)
    hint = f"; did you mean {parent / nearest[0]}?" if nearest else f" in {parent.resolve()}"
    return f"{argument} does not exist{hint}"


def _distinguish(found: dict[Path, str]) -> dict[Path, str]:
    names = dict(found)
    for depth in range(1, 20):
        shared: dict[str, list[Path]] = {}
        for path, name in names.items():
            shared.setdefault(name, []).append(path)
        clashes = [path for group in shared.values() if len(group) > 1 for path in group]
        if not clashes:
            break
        for path in clashes:
            n_parts = len(PurePosixPath(found[path]).parts) + depth
            names[path] = "/".join(path.parts[-n_parts:]).replace("//", "/")
    return names


def _expand(path: Path, name: str, skipped: list[Skipped]) -> list[InputFile]:
    if path.suffix.lower() == ".zip":
        return _list_archive(path, name, skipped)
    ending = ending_of(path.name)
    return [InputFile(name, path, FORMATS[ending], ending)]


def _list_archive(path: Path, name: str, skipped: list[Skipped]) -> list[InputFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise _explain(name, error) from error
    if len(members) > MAX_MEMBERS:
        raise InputError(f"{name} holds {len(members):,} files; earful reads up to {MAX_MEMBERS:,}")
    files: list[InputFile] = []
    others: list[str] = []
    for info in sorted(members, key=lambda info: info.filename):
        shown = f"{name}!/{_plain_name(info.filename)}"
        reason = _reason_to_skip(info.filename)
        if reason is None:
            _check_declared(shown, info.file_size, info.compress_size)
            ending = ending_of(info.filename)
            files.append(InputFile(shown, path, FORMATS[ending], ending, info.filename))
        else:
            others.append(_plain_name(info.filename))
            skipped.append(Skipped(shown, reason))
    if not files:
        there = f"it holds {_some(others)}" if others else "it is empty"
        raise InputError(
            f"archive {name} holds no file that earful reads ({there}); it reads {SUPPORTED}"
        )
    return files


def _reason_to_skip(member: str) -> str | None:
    parts = PurePosixPath(member.replace("\\", "/")).parts
    if any(part.startswith(("__MACOSX", ".")) and part != ".." for part in parts):
        return "hidden file"
    if member.lower().endswith(".zip"):
        return "an archive inside an archive; unpack it first"
    return None if ending_of(member) in FORMATS else "unknown kind of file"


def ending_of(name: str) -> str:
    """Return the ending that tells the format: `csv` for `Reviews.CSV.gz`."""
    parts = name.lower().rsplit("/", 1)[-1].split(".")
    if len(parts) > 2 and parts[-1] in ("gz", "gzip"):
        parts.pop()
    return parts[-1] if len(parts) > 1 else ""


def _is_readable_kind(name: str) -> bool:
    return ending_of(name) in FORMATS or name.lower().endswith(".zip")


def _plain_name(member: str) -> str:
    # Only ever shown, never a path: control and bidi characters would let a name lie.
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in member)


def _some(names: list[str], limit: int = 5) -> str:
    shown = ", ".join(names[:limit])
    return shown + (f" and {len(names) - limit:,} more" if len(names) > limit else "")


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
        raise _explain(path.name, error) from error


def _check_declared(name: str, unpacked: int, packed: int) -> None:
    if unpacked > MAX_UNPACKED_BYTES or (
        unpacked > RATIO_FREE_BYTES and unpacked > MAX_RATIO * max(packed, 1)
    ):
        raise InputError(
            f"{name} would unpack from {packed:,} to {unpacked:,} bytes, which looks like a zip "
            "bomb; nothing was unpacked. If the file is good, unpack it yourself and name it"
        )


def _explain(name: str, error: Exception) -> InputError:
    match error:
        case PermissionError():
            return InputError(f"{name} cannot be read: permission denied")
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

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            data = self._inner.read1(len(buffer))  # read() would lose what precedes a damage
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
            raise _explain(self._name, error) from error
        self._n_bytes += len(data)
        if self._n_bytes > self._limit:
            raise InputError(
                f"{self._name} unpacks to more than {self._limit:,} bytes, over {MAX_RATIO} times "
                "its size, which looks like a zip bomb. If it is good, unpack it yourself"
            )
        buffer[: len(data)] = data
        return len(data)
