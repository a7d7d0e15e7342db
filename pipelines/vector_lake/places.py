"""Where a vector lies, as the table ``vector`` holds it in place of its numbers."""

import struct
from typing import Final, NamedTuple

# A vector of 16-bit numbers has an even number of bytes: this odd one is never one.
_PLACE: Final = struct.Struct(">BII")
_SIGN: Final = 1
PLACE_BYTES: Final = _PLACE.size


class Place(NamedTuple):
    """A row of a file; both count from 0."""

    file: int
    row: int


def pack_place(place: Place) -> bytes:
    """What is stored in place of a vector; sorts by file and row."""
    return _PLACE.pack(_SIGN, *place)


def find_place(data: bytes | None) -> Place | None:
    """Where a vector lies that the store has not itself; None for one that it has, and for None."""
    if data is None or len(data) != PLACE_BYTES:
        return None
    _, file, row = _PLACE.unpack(data)
    return Place(file, row)
