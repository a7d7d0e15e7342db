"""The file of a backup: a zip of two members, the store as an SQLite file and what it must hold."""

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Final

from pipelines.errors import ConfigError, InputError, StoreError

FORMAT: Final = 1
_MANIFEST, _STORE = "manifest.json", "store.sqlite"
_BLOCK: Final = 1 << 20
# A manifest that is larger is none of ours.
_MAX_MANIFEST: Final = 1 << 20


@dataclass(frozen=True)
class Manifest:
    """What a backup holds.

    :param counts: rows by table.
    :param sha256: of the SQLite file.
    :param secret: fingerprint of the secret that keys were hashed with; None where none was.
    """

    backup_id: str
    made_at: str
    store_id: str
    schema: str
    code_version: str
    database: str
    counts: Mapping[str, int]
    n_bytes: int
    sha256: str
    secret: str | None = None
    format: int = FORMAT


def hash_file(path: Path) -> str:
    """SHA-256 of a file, block by block."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_archive(path: Path, store: Path, manifest: Manifest) -> None:
    """Write a backup: whole or not at all, its owner's alone, and over no other file.

    :raises StoreError: when it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.touch(mode=0o600)
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr(_MANIFEST, json.dumps(asdict(manifest), indent=2))
            archive.write(store, _STORE)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        os.link(part, path)
    except FileExistsError as error:
        raise refuse_overwriting(path) from error
    except OSError as error:
        raise StoreError(
            f"the backup {path} cannot be written ({error.strerror}); free some space, or name "
            "another file"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def refuse_overwriting(path: Path) -> ConfigError:
    """The error for a file that is there already."""
    return ConfigError(f"{path} is there already, and a backup overwrites nothing; name another")


def read_manifest(path: Path) -> Manifest:
    """What a backup says that it holds.

    :raises InputError: when it is none, or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(_MANIFEST)
            if info.file_size > _MAX_MANIFEST:
                raise _damaged(path, "its manifest is too large")
            values = json.loads(archive.read(info))
            archive.getinfo(_STORE)
            if values.get("format") != FORMAT:
                raise _damaged(path, "it is of another version of earful; update")
            return Manifest(**values)
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}") from error
    except OSError as error:
        raise InputError(f"the backup {path} cannot be read: {error.strerror}") from error
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError) as error:
        raise _damaged(path, "it is no backup of earful, or cut off") from error


def extract_store(path: Path, manifest: Manifest, into: BinaryIO) -> None:
    """Write the SQLite file of a backup, checked against its manifest.

    :raises InputError: when it is damaged.
    """
    digest, n_bytes = hashlib.sha256(), 0
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_STORE) as member:
            while block := member.read(_BLOCK):
                n_bytes += len(block)
                if n_bytes > manifest.n_bytes:
                    break
                digest.update(block)
                into.write(block)
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise _damaged(path, "what it holds cannot be unpacked") from error
    except Exception as error:
        if type(error).__module__ == "zlib":
            raise _damaged(path, "what it holds cannot be unpacked") from error
        raise
    if n_bytes != manifest.n_bytes or digest.hexdigest() != manifest.sha256:
        raise _damaged(path, "its content is not what its manifest says")


def _damaged(path: Path, why: str) -> InputError:
    return InputError(f"{path} cannot be restored: {why}; take another backup")
