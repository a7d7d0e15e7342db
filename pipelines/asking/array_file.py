"""One file of many arrays: each as it lies in memory, and at the end what and where they are."""

import json
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

import numpy as np

_MAGIC: Final = b"earful arrays 1\n"
_ALIGNED: Final = 64


class ArrayWriter:
    """Writes arrays one after the other; one of unknown length by parts."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._entries: dict[str, Any] = {}
        self._n_bytes = file.write(_MAGIC)

    def append(self, name: str, block: Any) -> None:
        """Write the next rows of an array; no other may begin before its last."""
        rows = np.ascontiguousarray(block)
        if name not in self._entries:
            self._n_bytes += self._file.write(b"\0" * (-self._n_bytes % _ALIGNED))
            shape = [0, *rows.shape[1:]]
            self._entries[name] = {"at": self._n_bytes, "type": rows.dtype.str, "shape": shape}
        self._entries[name]["shape"][0] += len(rows)
        self._n_bytes += self._file.write(rows.data.cast("B") if rows.size else b"")

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Write what the arrays are, and facts about them all."""
        told = json.dumps({"facts": facts, "arrays": self._entries}).encode()
        self._file.write(told + len(told).to_bytes(8, "little") + _MAGIC)
        self._file.flush()


def read_facts(file: BinaryIO) -> dict[str, Any] | None:
    """The facts about a file's arrays; None where it is not whole or of another kind."""
    told = _read_end(file)
    return told["facts"] if told else None


def map_arrays(file: BinaryIO) -> dict[str, Any]:
    """The arrays of a whole file, read when they are looked at."""
    told = _read_end(file)
    if told is None:
        raise ValueError("the file of arrays is not whole")
    return {name: _map(file, entry) for name, entry in told["arrays"].items()}


def _map(file: BinaryIO, entry: Mapping[str, Any]) -> Any:
    shape = tuple(entry["shape"])
    if 0 in shape:
        return np.zeros(shape, dtype=entry["type"])
    # asarray: a slice of a memmap costs ten times one of an array.
    mapped = np.memmap(file, dtype=entry["type"], mode="r", offset=entry["at"], shape=shape)
    return np.asarray(mapped)


def _read_end(file: BinaryIO) -> dict[str, Any] | None:
    n_bytes = file.seek(0, 2)
    tail = len(_MAGIC) + 8
    if n_bytes < tail + len(_MAGIC):
        return None
    file.seek(n_bytes - tail)
    end = file.read(tail)
    size = int.from_bytes(end[:8], "little")
    if end[8:] != _MAGIC or size > n_bytes - tail:
        return None
    file.seek(n_bytes - tail - size)
    try:
        told: dict[str, Any] = json.loads(file.read(size))
    except ValueError:
        return None
    return told
