"""The life of one execution: its row, its lock, its one transaction."""

import secrets
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from pipelines import tables
from pipelines.errors import EarfulError
from pipelines.observing.steps import observe_run
from pipelines.store import Store, read_info, refuse_other_schema, write_info

_UNFINISHED = (
    "before it could finish: the tables are as they were, and the next run goes on from what the "
    "encoder had read"
)
# The last digit of a run's id.
_TICK = timedelta(milliseconds=1)
_MAX_SET_BACK = timedelta(days=1)
COUNTS = (
    *("n_read", "n_new", "n_known", "n_updated", "n_rejected", "n_left_out", "n_blocked"),
    *("n_noise", "n_mentions"),
    *("n_customers", "n_events", "n_records_rejected", "n_records_blocked", "n_consents"),
)


# Steps that go through the whole store to find that there is nothing to do.
SETTLED_STEPS = ("link", "enrich")


@dataclass
class Run:
    """What a step may use: the transaction, the run's id, and counters that end in its row.

    :param rejected: how often a rejected row of the same content was met in this run.
    """

    connection: Connection
    run_id: str
    started_at: datetime
    counts: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    facts: dict[str, Any] = field(default_factory=dict)

    def mark_changed(self, *, is_derived: bool = False) -> None:
        """Note that the tables changed, so that what is derived from them is made again.

        :param is_derived: what changed decides neither links nor what is read of texts.
        """
        if not is_derived:
            self.unsettle()
        version_number = int(read_info(self.connection, "data_version") or 0)
        write_info(self.connection, "data_version", str(version_number + 1))

    def is_current(self, product: str) -> bool:
        """Whether a derived product was made from the tables as they are now."""
        made_from = read_info(self.connection, f"{product}_version")
        return made_from == (read_info(self.connection, "data_version") or "0")

    def mark_current(self, product: str) -> None:
        """Note that a derived product was made from the tables as they are now."""
        data_version = read_info(self.connection, "data_version") or "0"
        write_info(self.connection, f"{product}_version", data_version)

    def is_settled(self, step: str, told: str) -> bool:
        """Whether a step has nothing to do: since then no table changed and no file was read.

        :param told: the settings that it depends on.
        """
        return read_info(self.connection, f"{step}_settled") == told

    def settle(self, step: str, told: str) -> None:
        """Note at the end of a run that a step was done; later ones change nothing of it."""
        write_info(self.connection, f"{step}_settled", told)

    def unsettle(self) -> None:
        """Something was read: keys may have changed where no row did."""
        for step in SETTLED_STEPS:
            write_info(self.connection, f"{step}_settled", "")


@contextmanager
def begin_run(
    store: Store, command: str, *, config_hash: str, engine: str = "local", lock_timeout_s: float
) -> Iterator[Run]:
    """Hold the lock, open the run's transaction, and make all of it visible at once.

    Whatever goes wrong, nothing of the run stays but its row, which says so.

    :raises LockedError: when another run holds the store.
    :raises StoreError: when the database refuses, or was migrated while this run waited.
    """
    with store.lock(lock_timeout_s, command=f"earful {command}"):
        clock = time.monotonic()
        with store.write(is_change=False) as connection:
            refuse_other_schema(connection, store.name)
            started_at = _choose_start(connection, datetime.now(UTC))
            run_id = make_time_id(started_at)
            _close_dead_runs(connection)
            connection.execute(
                insert(tables.run).values(
                    run_id=run_id,
                    command=command,
                    engine=engine,
                    started_at=started_at,
                    status="running",
                    config_hash=config_hash,
                    code_version=code_version(),
                )
            )
        counts: Counter[str] = Counter()
        try:
            with (
                observe_run(run_id, command, engine, counts),
                store.write() as connection,
            ):
                run = Run(connection, run_id, started_at, counts)
                yield run
                _finish_run(run, time.monotonic() - clock)
        except BaseException as error:
            _record_failure(store, run_id, error, started_at, time.monotonic() - clock)
            raise


def make_time_id(moment: datetime) -> str:
    """An id that sorts by time: UTC to the millisecond and 16 random bits."""
    return f"{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}{secrets.token_hex(2)}"


@cache
def code_version() -> str:
    """Version of earful as installed; to read it takes 15 ms."""
    try:
        return version("earful")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "uninstalled"


def _choose_start(connection: Connection, now: datetime) -> datetime:
    """Begin after every earlier run, though the clock was set back: what is newer counts.

    A run from more than a day ahead had a wrong clock itself.
    """
    started = tables.run.c.started_at
    newest = connection.execute(
        select(func.max(started)).where(started <= now + _MAX_SET_BACK)
    ).scalar()
    return max(now, newest + _TICK) if newest else now


def _close_dead_runs(connection: Connection) -> None:
    """We hold the lock: a run that still says it is running was killed."""
    connection.execute(
        update(tables.run)
        .where(tables.run.c.status == "running")
        .values(status="interrupted", error=f"killed {_UNFINISHED}")
    )


def _finish_run(run: Run, seconds: float) -> None:
    is_there = tables.theme.c.status.not_in(("merged", "retired"))
    n_themes = run.connection.execute(select(func.count()).where(is_there)).scalar_one()
    run.connection.execute(
        update(tables.run)
        .where(tables.run.c.run_id == run.run_id)
        .values(
            status="done",
            finished_at=run.started_at + timedelta(seconds=seconds),
            seconds=round(seconds, 3),
            n_themes=n_themes,
            **{name: run.counts[name] for name in COUNTS},
            **run.facts,
        )
    )


def _record_failure(
    store: Store, run_id: str, error: BaseException, started_at: datetime, seconds: float
) -> None:
    """Best effort: where the disk is full, the row stays at running until the next run."""
    status = "interrupted" if isinstance(error, KeyboardInterrupt | SystemExit) else "failed"
    # Only our own messages are known to hold no customer text.
    said = str(error) if isinstance(error, EarfulError) else type(error).__name__
    if status == "interrupted":
        said = f"stopped {_UNFINISHED}"
    try:
        with store.write(is_change=False) as connection:
            connection.execute(
                update(tables.run)
                .where(tables.run.c.run_id == run_id)
                .values(
                    status=status,
                    finished_at=started_at + timedelta(seconds=seconds),
                    seconds=round(seconds, 3),
                    error=said,
                )
            )
    except EarfulError:
        return
