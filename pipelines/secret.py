"""The secret behind every keyed hash: from the environment, or a private file made at first use."""

import hashlib
import hmac
import os
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from pipelines.errors import ConfigError, StoreError
from pipelines.replacing import sync_folder

SECRET_VARIABLE = "EARFUL_SECRET"  # noqa: S105 -- the name of the variable, not its value
MIN_LENGTH = 16


def load_secret(path: Path) -> bytes:
    """The secret of this installation.

    :param path: the file to use, and to make at first use, when the environment names no secret.
    :raises ConfigError: when the secret is too short, or its file can be read by others.
    :raises StoreError: when the file can be neither read nor made.
    """
    given = os.environ.get(SECRET_VARIABLE)
    if given is not None:
        return _check_length(given.encode(), SECRET_VARIABLE)
    try:
        return _check_length(_read_secret(path), str(path))
    except OSError as error:
        raise StoreError(
            f"the secret {path} cannot be read or made ({error.strerror}); set {SECRET_VARIABLE}, "
            "or free that place"
        ) from error


def _read_secret(path: Path) -> bytes:
    if not path.exists():
        _make_secret(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError(f"the secret {path} can be read by others; run: chmod 600 {path}")
    return path.read_bytes().strip()


def hash_key(secret: bytes, kind: str, value: str) -> str:
    """Keyed hash of a normalised key: HMAC-SHA-256, cut to 128 bits, as 32 hex digits.

    The kind is part of what is hashed, so that an e-mail never meets an equal handle.
    """
    return hmac.new(secret, f"{kind}\0{value}".encode(), hashlib.sha256).hexdigest()[:32]


def fingerprint_secret(secret: bytes) -> str:
    """What a store keeps to notice that it is opened with another secret; tells nothing of it."""
    return hash_key(secret, "fingerprint", "earful")


def _check_length(secret: bytes, where: str) -> bytes:
    if len(secret) < MIN_LENGTH:
        raise ConfigError(
            f"the secret in {where} has {len(secret)} characters; it needs at least {MIN_LENGTH}. "
            "Make one with: python3 -c 'import secrets; print(secrets.token_hex(32))'"
        )
    return secret


def _make_secret(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: a full disk must not leave an empty secret behind.
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".secret-") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first
            os.link(file.name, path)
            sync_folder(path.parent)
