"""A folder of derived files that is either whole and verified, or not there.

Built beside its place and moved into it in one step, under a lock, with a manifest of every file's
sha256.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from nlp.errors import ModelError

MANIFEST: Final = "manifest.json"
_LOCK_TIMEOUT_S: Final = 600.0  # building takes seconds; ten minutes mean that something hangs


def ensure_folder(folder: Path, revision: str, build: Callable[[Path], None]) -> Path:
    """Return `folder`, building it when it is missing, damaged or of another revision.

    Safe for several processes at once: one builds, the others wait and find the result.

    :param revision: what the content was made from and by; a folder of another one is replaced.
    :param build: writes all files into the empty folder that it is given.
    :raises ModelError: if the folder cannot be written, or another process keeps it locked.
    """
    from filelock import FileLock, Timeout

    if is_intact(folder, revision):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(folder.name + ".lock"), timeout=_LOCK_TIMEOUT_S):
            if not is_intact(folder, revision):
                _rebuild(folder, revision, build)
    except Timeout as error:
        raise ModelError(
            f"another process has been preparing {folder} for {_LOCK_TIMEOUT_S:.0f} s; "
            f"end it, or choose another cache folder"
        ) from error
    except OSError as error:
        raise ModelError(
            f"cannot write the model to {folder} ({error.strerror or error}); make room for 1 GB "
            f"there and allow writing, or choose another cache folder"
        ) from error
    return folder


def is_intact(folder: Path, revision: str) -> bool:
    """Say whether every file of the manifest is there with its recorded content."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return manifest["revision"] == revision and all(
            file_sha256(folder / name) == digest for name, digest in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


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
        digests = {path.relative_to(fresh).as_posix(): file_sha256(path) for path in files}
        content = json.dumps({"revision": revision, "files": digests}, indent=2)
        (fresh / MANIFEST).write_text(content + "\n", encoding="utf-8")
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
