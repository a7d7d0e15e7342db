"""Lists of different lengths, kept as one array: a million small lists take ten times as much."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class Ragged(Sequence[list[Value]], Generic[Value]):
    """Groups of values.

    :param values: (m,) of all groups, one behind the other.
    :param starts: (n,) where each group begins among them.
    """

    values: NDArray[Any]
    starts: NDArray[np.intp]

    @property
    def ends(self) -> NDArray[np.intp]:
        """(n,) where each group ends."""
        return np.append(self.starts[1:], len(self.values)) if len(self.starts) else self.starts

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, group: int) -> list[Value]: ...
    @overload
    def __getitem__(self, group: slice) -> list[list[Value]]: ...
    def __getitem__(self, group: int | slice) -> list[Value] | list[list[Value]]:
        if isinstance(group, slice):
            return [self[at] for at in range(*group.indices(len(self)))]
        place = range(len(self))[group]
        end = self.starts[place + 1] if place + 1 < len(self) else len(self.values)
        found: list[Value] = self.values[self.starts[place] : end].tolist()
        return found

    def __iter__(self) -> Iterator[list[Value]]:
        values = self.values.tolist()
        for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True):
            yield values[start:end]

    def map(self, meaning: NDArray[Any]) -> "Ragged[Any]":
        """What the values, which are numbers, stand for."""
        return Ragged(meaning[self.values], self.starts)

    def only(self, is_wanted: NDArray[np.bool_]) -> "Ragged[Value]":
        """Without the numbers that are not wanted; a group may be left empty."""
        wanted = is_wanted[self.values]
        before = np.concatenate([[0], np.cumsum(wanted)])
        return Ragged(self.values[wanted], before[self.starts].astype(np.intp))

    def tally(self, is_counted: NDArray[np.bool_]) -> NDArray[np.intp]:
        """(n,) how many numbers of each group count."""
        own = self.only(is_counted)
        return np.asarray(own.ends - own.starts, dtype=np.intp)

    def find_first(self, is_wanted: NDArray[np.bool_]) -> NDArray[np.intp]:
        """(n,) the first wanted number of each group, -1 where there is none."""
        own = self.only(is_wanted)
        found = np.full(len(self), -1, dtype=np.intp)
        has_any = own.ends > own.starts
        found[has_any] = own.values[own.starts[has_any]]
        return found
