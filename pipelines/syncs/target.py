"""What a destination must be able to do, and what it answers. One module for each kind."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from pipelines.errors import EarfulError
from pipelines.patience import Patience
from pipelines.syncs.columns import Plain
from pipelines.syncs.settings import SyncSettings

_MODULES = {
    "sql": "sql",
    "csv": "files",
    "parquet": "files",
    "salesforce": "salesforce",
    "hubspot": "hubspot",
}


class SyncError(EarfulError):
    """A destination cannot be used, or did not take a batch; holds no value and no secret."""


@dataclass(frozen=True)
class Row:
    """What goes to a destination about one customer.

    :param key: the customer's id, as the CRM gave it.
    :param values: by the destination's names of fields; None empties one.
    """

    key: str
    values: Mapping[str, Plain]


@dataclass(frozen=True)
class Answer:
    """What became of one row.

    :param error: why it was not taken, without any value; None where it was.
    :param fields: what the error is about, by the destination's names; empty where it does not say.
    """

    key: str
    error: str | None = None
    fields: tuple[str, ...] = ()


class Target(Protocol):
    """A destination that is open.

    :ivar n_at_once: rows that :meth:`send` is best given at a time.
    """

    n_at_once: int

    def check(self) -> None:
        """Compare the mapping with what the destination has; nothing is written.

        :raises SyncError: naming every field that is not there, or holds something else.
        """

    def send(self, rows: Sequence[Row]) -> Iterator[Sequence[Answer]]:
        """Insert rows or update those that are there; twice is once.

        Answers are given as they come, so that each portion is written down before the next goes.

        :raises SyncError: when the destination did not take a portion as a whole.
        """

    def remove(self, rows: Sequence[Row]) -> Iterator[Sequence[Answer]]:
        """Take rows back; those that are not there any more count as taken back.

        :param rows: with the fields to empty; their values are all None.
        """

    def finish(self, rows: Iterable[Row]) -> Path | None:
        """Write what can only be written whole.

        :param rows: all that the destination is to hold now, by key.
        :returns: the file that was written, if any.
        """

    def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True)
class Surroundings:
    """What a destination is opened with.

    :param folder: what paths in the configuration are relative to.
    """

    folder: Path = Path()
    patience: Patience = field(default_factory=Patience)


def open_target(settings: SyncSettings, around: Surroundings) -> Target:
    """Open the destination of a sync.

    :raises ConfigError: when a variable is not set, or a package is missing.
    :raises SyncError: when it cannot be reached, or refuses the login.
    """
    module = import_module(f"pipelines.syncs.{_MODULES[settings.kind]}")
    return cast("Target", module.open_target(settings, around))
