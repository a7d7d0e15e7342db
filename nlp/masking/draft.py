"""A text while parts of it are replaced by placeholders, and where each of them stood."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple


class MaskedSpan(NamedTuple):
    """Personal data in the text as it was given: ``text[start:end]``."""

    kind: str
    start: int
    end: int


class _Placed(NamedTuple):
    start: int
    end: int
    origin: MaskedSpan


class Draft:
    """A text in which spans are replaced, one kind after another.

    :param text: the text as it is now.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._placed: list[_Placed] = []

    @property
    def spans(self) -> tuple[MaskedSpan, ...]:
        """What was replaced, by its place in the first text, in order."""
        return tuple(placed.origin for placed in self._placed)

    def replace(self, kind: str, found: Sequence[tuple[int, int]]) -> None:
        """Put a placeholder for each span of the text as it is now.

        :param found: in order, without overlap, none touching an earlier placeholder.
        """
        if not found:
            return
        placeholder = f"<{kind}>"
        pieces, placed, at, size = [], [], 0, 0
        waiting = iter([*self._placed, None])
        old = next(waiting)
        for start, end in chain(found, [(len(self.text), len(self.text))]):
            shift = size - at
            while old is not None and old.start < start:
                placed.append(_Placed(old.start + shift, old.end + shift, old.origin))
                old = next(waiting)
            pieces.append(self.text[at:start])
            size += start - at
            at = end
            if end > start:
                origin = MaskedSpan(kind, *self._origin(start, end))
                placed.append(_Placed(size, size + len(placeholder), origin))
                pieces.append(placeholder)
                size += len(placeholder)
        self._placed = placed
        self.text = "".join(pieces)

    def _origin(self, start: int, end: int) -> Iterator[int]:
        """Give the places in the first text of two places in the text as it is now."""
        for place in (start, end):
            index = bisect_right(self._placed, place, key=lambda each: each.end) - 1
            before = self._placed[index] if index >= 0 else None
            yield before.origin.end + place - before.end if before else place
