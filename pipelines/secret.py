"""The secret behind every keyed hash: from the environment, or a private file made at first use."""

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from pipelines.errors import ConfigError

SECRET_VARIABLE = "EARFUL_SECRET"  # noqa: S105 -- the name of the variable, not its value
MIN_LENGTH = 16


def load_secret(path: Path) -> bytes:
    """The secret of this installation.

    :param path: the file to use, and to make at first use, when the environment names no secret.
    :raises ConfigError: when the secret is too short, or its file can be read by others.
    """
    given = os.environ.get(SECRET_VARIABLE)
    if given is not None:
        return _check_length(given.encode(), SECRET_VARIABLE)
    if not path.exists():
        _make_secret(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError(f"the secret {path} can be read by others; run: chmod 600 {path}")
    return _check_length(path.read_bytes().strip(), str(path))


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
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:  # another process was first
        return
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
