"""Places in a file where its rows can be left and taken up again: how a large file is cut."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

# Their decoders keep nothing from one line to the next, or say what they keep: a position that was
# told between two lines is enough to go on. Of the others nobody has tried it.
_CODECS: Final = frozenset({"utf-8", "utf-8-sig", "ascii", "latin-1", "iso8859-1", "cp1252"})


@dataclass(frozen=True, slots=True)
class Mark:
    """Between two rows.

    :param n_rows: before it.
    :param position: of the reader in the file.
    :param number: of the last record before it, as :class:`~pipelines.reading.tables.Row` has it.
    """

    n_rows: int
    position: int
    number: int


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that follow each other.

    :param start: None for the beginning of the file.
    :param n_rows: None for all to its end.
    """

    start: Mark | None = None
    n_rows: int | None = None


WHOLE: Final = Part()


class Cursor:
    """Where a reader begins, and how it tells where it is.

    :ivar tell: position and number of the last record; None where nobody could go on from.
    """

    def __init__(self, start: Mark | None = None) -> None:
        self.start = start
        self.tell: Callable[[], tuple[int, int] | None] = _tell_nothing

    def begin(self, text: io.TextIOWrapper) -> int:
        """Move a text stream to where its reader begins; the number of the record before that."""
        if self.start is None:
            return 0
        text.seek(self.start.position)
        return self.start.number


def _tell_nothing() -> None:
    """For readers that cannot tell."""


def is_cuttable(text: io.TextIOWrapper) -> bool:
    """Whether a reader of this stream can tell where it is."""
    return text.seekable() and text.encoding in _CODECS


class RowSource:
    """The rows of a table as its reader yields them, one for each row that the table has.

    :param read: yields rows from where a cursor begins.
    """

    def __init__(self, read: Callable[[Cursor], Iterator[Any]]) -> None:
        self._read = read
        self._cursor = Cursor()
        self._rows = read(self._cursor)
        self.n_taken = 0

    def __iter__(self) -> "RowSource":
        return self

    def __next__(self) -> Any:
        try:
            row = next(self._rows)
        except StopIteration:
            self._cursor.tell = _tell_nothing  # the file is closed
            raise
        self.n_taken += 1
        return row

    def mark(self) -> Mark | None:
        """The place behind the last row that was taken; None where nobody could go on from."""
        place = self._cursor.tell()
        return Mark(self.n_taken, *place) if place else None

    def go_to(self, start: Mark | None) -> int:
        """Go on with the rows behind a mark.

        :returns: how many rows were taken before, which whoever looked ahead still holds.
        """
        if start is None:
            return 0
        self._rows = self._read(Cursor(start))
        return self.n_taken


def list_parts(rows: Iterator[Any], source: RowSource, n_rows: int, into: list[Part]) -> Any:
    """Pass rows on, and note where they can be cut into parts of at least so many.

    :param rows: those of the source, whatever was made of them.
    :param into: gets the parts once all rows are taken.
    """
    marks: list[Mark | None] = [None]
    for row in rows:
        yield row
        if source.n_taken - _rows_before(marks[-1]) >= n_rows and (mark := source.mark()):
            marks.append(mark)
    if marks[-1] and marks[-1].n_rows == source.n_taken:
        marks.pop()
    ends = [_rows_before(mark) for mark in marks[1:]]
    sizes = [end - _rows_before(mark) for mark, end in zip(marks, ends, strict=False)]
    into += [Part(mark, n) for mark, n in zip(marks, [*sizes, None], strict=True)]


def _rows_before(mark: Mark | None) -> int:
    return mark.n_rows if mark else 0
