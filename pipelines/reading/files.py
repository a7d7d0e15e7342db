"""Files to read: found by path, in folders, by globs and in archives."""

import glob
import os
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pipelines.errors import InputError
from pipelines.reading.streams import (
    FORMATS,
    SUPPORTED,
    InputFile,
    check_declared,
    ending_of,
    explain_failure,
)

MAX_MEMBERS = 10_000
ARCHIVE = "archive"
"""Format of an archive that could not be listed, among other files: its reading says why."""

_DESCRIPTIONS = re.compile(
    r"(readme|licen[cs]e|changelog|notice|copying|requirements)\b.*\.txt", re.I
)


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

    A file that is named twice is read once. A damaged archive among others is given as one file of
    format ARCHIVE, so that it is accounted for. Hidden files are left out unless named themselves.
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
        try:
            inputs.files += _expand(path, name, inputs.skipped)
        except InputError:
            if len(found) == 1:
                raise
            inputs.files.append(InputFile(name, path, ARCHIVE, "zip"))
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
            f"folder {error.filename or argument} cannot be listed: {error.strerror or error}"
        ) from error

    for root, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file_name in sorted(name for name in names if not name.startswith(".")):
            path = Path(root) / file_name
            name = path.relative_to(folder).as_posix()
            reason = None if path.is_file() else "unknown kind of file"
            if (reason := reason or reason_to_pass(file_name)) is None:
                readable.append((path, name))
            else:
                others.append(name)
                skipped.append(Skipped(name, reason))
    if not readable:
        files = "file" if len(others) == 1 else "files"
        there = f"{len(others)} other {files}: {_some(others)}" if others else "it is empty"
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
        if (reason := reason_to_pass(path.name)) is None:
            readable.append((path, name))
        else:
            skipped.append(Skipped(name, reason))
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
    from rapidfuzz import fuzz, process

    parent = path.parent
    if path.is_symlink():
        return f"{argument} is a link to something that does not exist; mend or remove it"
    if not parent.is_dir():
        return f"{argument} does not exist, nor does its folder {parent}"
    try:
        names = [entry.name for entry in parent.iterdir() if not entry.name.startswith(".")]
    except OSError:
        names = []
    nearest = process.extractOne(path.name, names, scorer=fuzz.ratio, score_cutoff=70)
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
        return list_archive(path, name, skipped)
    ending = ending_of(path.name)
    return [InputFile(name, path, FORMATS[ending], ending)]


def list_archive(path: Path, name: str, skipped: list[Skipped]) -> list[InputFile]:
    """List the readable members of a zip archive.

    :raises InputError: where it is damaged or holds no readable file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise explain_failure(name, error) from error
    if len(members) > MAX_MEMBERS:
        raise InputError(f"{name} holds {len(members):,} files; earful reads up to {MAX_MEMBERS:,}")
    files: list[InputFile] = []
    others: list[str] = []
    for info in sorted(members, key=lambda info: info.filename):
        shown = f"{name}!/{_plain_name(info.filename)}"
        reason = _reason_to_skip(info.filename)
        if reason is None:
            check_declared(shown, info.file_size, info.compress_size)
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
    return reason_to_pass(parts[-1]) if parts else "unknown kind of file"


def reason_to_pass(name: str) -> str | None:
    """Why a file that was not named itself is left out."""
    if _DESCRIPTIONS.fullmatch(name):
        return "it describes the data"
    is_readable = ending_of(name) in FORMATS or name.lower().endswith(".zip")
    return None if is_readable else "unknown kind of file"


def _plain_name(member: str) -> str:
    # Only ever shown, never a path: control and bidi characters would let a name lie.
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in member)


def _some(names: list[str], limit: int = 5) -> str:
    shown = ", ".join(names[:limit])
    return shown + (f" and {len(names) - limit:,} more" if len(names) > limit else "")
