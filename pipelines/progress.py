"""What a step tells about its progress, and the one that tells nothing."""

from typing import Protocol


def count_units(n: int, unit: str) -> str:
    """Say how many there are of something named in the plural: "2 rows", "1 row"."""
    return f"{n:,} {unit.removesuffix('s') if n == 1 else unit}"


class Progress(Protocol):
    """Where a step reports to; the command line shows it."""

    def start(self, stage: str, total: int | None = None, unit: str = "rows") -> None:
        """Begin a stage; total is None where it is not known beforehand.

        A stage without a unit counts nothing: it only lasts.
        """

    def advance(self, n: int = 1) -> None:
        """Count n more units of the current stage as done."""

    def finish(self, summary: str = "") -> None:
        """End the current stage."""

    def warn(self, message: str) -> None:
        """Tell something that the user should know; never holds customer text."""


class SilentProgress:
    """Tells nothing."""

    def start(self, stage: str, total: int | None = None, unit: str = "rows") -> None:
        """Say nothing."""

    def advance(self, n: int = 1) -> None:
        """Say nothing."""

    def finish(self, summary: str = "") -> None:
        """Say nothing."""

    def warn(self, message: str) -> None:
        """Say nothing."""
