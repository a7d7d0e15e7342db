"""A folder of derived files that is either whole and verified, or not there.

Built beside its place and moved into it in one step, under a lock, with a manifest of every file's
sha256, size and time of writing. A start compares sizes and times only: reading half a gigabyte
again takes .5 s of CPU at each start. A file that was written to, cut, replaced or copied differs
in one of them, and is then judged by its sha256; `find_damage` reads everything.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from typing import Any, Final

from nlp.errors import ModelCacheError

MANIFEST: Final = "manifest.json"
_LOCK_TIMEOUT_S: Final = 600.0  # building takes seconds; ten minutes mean that something hangs


def ensure_folder(
    folder: Path, revision: str, build: Callable[[Path], None], *, is_thorough: bool = False
) -> Path:
    """Return `folder`, building it when it is missing, damaged or of another revision.

    Safe for several processes at once: one builds, the others wait and find the result.

    :param revision: what the content was made from and by; a folder of another one is replaced.
    :param build: writes all files into the empty folder that it is given.
    :param is_thorough: read every file of a folder that is there, whatever its size and time say.
    :raises ModelCacheError: if the folder cannot be written, or another process keeps it locked.
    """
    from filelock import FileLock, Timeout

    def is_good() -> bool:
        return not find_damage(folder, revision) if is_thorough else is_intact(folder, revision)

    if is_good():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(folder.name + ".lock"), timeout=_LOCK_TIMEOUT_S):
            if not is_good():
                _rebuild(folder, revision, build)
    except Timeout as error:
        raise ModelCacheError(
            f"another process has been preparing {folder} for {_LOCK_TIMEOUT_S:.0f} s; "
            f"end it, or choose another cache folder"
        ) from error
    except OSError as error:
        raise ModelCacheError(
            f"cannot write the model to {folder} ({error.strerror or error}); make room for 1 GB "
            f"there and allow writing, or choose another cache folder"
        ) from error
    return folder


def is_intact(folder: Path, revision: str) -> bool:
    """Say whether every file of the manifest is there as it was written.

    Files whose size or time differs are read. If all are sound (the folder was copied), the
    manifest gets their new times, where it can be written.
    """
    try:
        manifest = _read_manifest(folder, revision)
        stamps = {name: _stamp(folder / name) for name in manifest["files"]}
        known = manifest.get("stamps", {})
        doubtful = [name for name, stamp in stamps.items() if known.get(name) != stamp]
        if any(file_sha256(folder / name) != manifest["files"][name] for name in doubtful):
            return False
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    if doubtful:
        with suppress(OSError):
            _write_manifest(folder, {**manifest, "stamps": stamps})
    return True


def is_of_revision(folder: Path, revision: str) -> bool:
    """Say whether a folder was written as this revision, whatever became of its files."""
    try:
        return bool(_read_manifest(folder, revision)["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def find_damage(folder: Path, revision: str) -> list[str]:
    """Read every file and name what is not as it was written, with the reason; empty when sound."""
    try:
        files = dict(_read_manifest(folder, revision)["files"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [f"{MANIFEST} (missing, damaged or of another revision)"]
    return [
        f"{name} ({why})"
        for name, digest in files.items()
        if (why := _judge(folder / name, digest))
    ]


def _judge(path: Path, digest: str) -> str | None:
    try:
        return None if file_sha256(path) == digest else "changed"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"unreadable: {error.strerror}"


def file_sha256(path: Path) -> str:
    """Return the hexadecimal sha256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _rebuild(folder: Path, revision: str, build: Callable[[Path], None]) -> None:
    """Replace the folder; under the lock, so that leftovers belong to killed processes."""
    fresh = folder.with_name(folder.name + ".new")
    old = folder.with_name(folder.name + ".old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir()
    try:
        build(fresh)
        files = sorted(path for path in fresh.rglob("*") if path.is_file())
        names = {path.relative_to(fresh).as_posix(): path for path in files}
        digests = {name: file_sha256(path) for name, path in names.items()}
        stamps = {name: _stamp(path) for name, path in names.items()}
        _write_manifest(fresh, {"revision": revision, "files": digests, "stamps": stamps})
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _read_manifest(folder: Path, revision: str) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    if manifest["revision"] != revision:
        raise ValueError(f"revision {manifest['revision']}, not {revision}")
    return manifest


def _write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write it beside its place and move it there: readers never see half of it."""
    handle, name = mkstemp(dir=folder.parent, prefix=f"{folder.name}.manifest-")
    try:
        with open(handle, "w", encoding="utf-8") as stream:  # noqa: PTH123 -- a descriptor
            stream.write(json.dumps(manifest, indent=2) + "\n")
        Path(name).chmod(0o644)  # a cache may be shared
        Path(name).replace(folder / MANIFEST)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def stamp_files(*paths: Path) -> tuple[tuple[int, ...], ...]:
    """Tell files as they are now from what they were: by size and time of writing.

    :raises OSError: if one is missing.
    """
    return tuple(tuple(_stamp(path)) for path in paths)


def _stamp(path: Path) -> list[int]:
    """Size in bytes, and when it was last written, in nanoseconds."""
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]
