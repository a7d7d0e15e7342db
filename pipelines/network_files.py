"""File systems of other machines, on which an SQLite store is not safe."""

import re
from pathlib import Path
from typing import Final

from pipelines.errors import ConfigError

_MOUNTS: Final = Path("/proc/self/mounts")
# SQLite's log is memory that all who open the file share, and its locks must hold for all of them:
# https://sqlite.org/wal.html, https://sqlite.org/howtocorrupt.html#_filesystems_with_broken_or_missing_lock_implementations
_KINDS: Final = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "9p", "afs", "ncpfs", "davfs"),
        *("ceph", "lustre", "glusterfs", "beegfs", "gpfs", "orangefs", "pvfs2", "coda"),
        *("fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.ceph"),
        *("fuse.goofys", "fuse.mount-s3", "fuse.davfs", "fuse.smbnetfs", "fuse.blobfuse2"),
    }
)


def find_network_kind(path: Path, mounts: Path = _MOUNTS) -> str | None:
    """The kind of network file system that a file lies on, or would; None for a local one.

    Only Linux tells it.

    :param mounts: the table of what is mounted where.
    """
    place = path.resolve()
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:  # no Linux
        return None
    # Of what is mounted on one place, the last counts; of places, the innermost.
    kinds = {Path(_unescape(line.split(" ")[1])): line.split(" ")[2] for line in lines}
    around = [mounted for mounted in kinds if place.is_relative_to(mounted)]
    kind = kinds[max(around, key=lambda each: len(each.parts))] if around else ""
    return kind if kind in _KINDS else None


def refuse_network_files(path: Path, mounts: Path = _MOUNTS) -> None:
    """Refuse an SQLite store that other machines could open too.

    :raises ConfigError: saying where it lies, and what to do.
    """
    if kind := find_network_kind(path, mounts):
        raise ConfigError(
            f"the store {path} lies on a network file system ({kind}): SQLite's log is shared "
            "memory and its locks do not hold between machines, so that the file may be damaged. "
            "Put it on a local disk; or use PostgreSQL, --db postgresql+psycopg://user@host/name. "
            "If only one machine ever opens it: network_files = true under [store] of the "
            "configuration"
        )


def _unescape(field: str) -> str:
    r"""Spaces and the like stand as \040 in the table."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)
