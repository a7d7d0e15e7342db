"""Ids in portions that a statement may hold."""

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

Id = TypeVar("Id")

# SQLite allows 32,766 parameters; statements of 500 are prepared once and are as fast.
IDS_A_STATEMENT: Final = 500


def batch_ids(ids: Sequence[Id]) -> Iterator[Sequence[Id]]:
    """Yield ids in their order, at most IDS_A_STATEMENT at a time."""
    for start in range(0, len(ids), IDS_A_STATEMENT):
        yield ids[start : start + IDS_A_STATEMENT]
