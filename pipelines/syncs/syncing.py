"""``earful sync``: every destination brought in line, or shown what would go there."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pipelines.clock import defer_interrupts
from pipelines.errors import ConfigError, EarfulError, LockedError
from pipelines.job import Job
from pipelines.patience import Patience
from pipelines.rights.outputs import follow_run
from pipelines.rights.upkeep import configured_policy, respect_refusals
from pipelines.secret import load_secret
from pipelines.store import Store, open_store
from pipelines.syncs.columns import Plain
from pipelines.syncs.ledger import count_rows, is_changed, read_ledger
from pipelines.syncs.passing import PassingError
from pipelines.syncs.sending import Sending
from pipelines.syncs.settings import CsvSync, ParquetSync, SyncSettings
from pipelines.syncs.source import drop_nameless, list_gone, read_rows
from pipelines.syncs.target import Row, Surroundings, SyncError, Target, open_target

_PAGE_ROWS = 2_000


@dataclass(frozen=True)
class Change:
    """What would be done about one customer.

    :param fields: what the destination last took and what it would get, of fields that differ.
    """

    customer_id: str
    change: str
    fields: dict[str, tuple[Plain, Plain]]


@dataclass(frozen=True)
class Synced:
    """What was done, or would be, at one destination.

    :param n_left: rows that were about to go when somebody wanted to stop.
    :param error: why it could not be finished; rows that were taken before stay taken.
    :param is_locked: a run took the store before the end.
    :param changes: of a dry run.
    """

    sync: str
    kind: str
    n_sent: int = 0
    n_removed: int = 0
    n_failed: int = 0
    n_unchanged: int = 0
    n_left: int = 0
    error: str | None = None
    is_locked: bool = False
    changes: list[Change] = field(default_factory=list)


def sync_customers(
    job: Job, names: Sequence[str] = (), patience: Patience | None = None
) -> list[Synced]:
    """Bring destinations in line with what the store knows, each on its own.

    :param names: of the configuration's syncs; none for all.
    :param patience: its clock says when somebody wants to stop; what is not begun is left then.
    :returns: what was done, also where it was cut off, at each destination that was begun.
    :raises ConfigError: for a name that is not there.
    :raises LockedError: before anything is sent, when another program sends rows of this store, or
        a run holds it.
    """
    chosen = _choose_syncs(job, names)
    store = open_store(job.config.store.url)
    around = Surroundings(job.folder, patience or Patience())
    with store.lock(job.lock_timeout_s, "syncs"):
        with job.begin(store, "sync") as run:
            respect_refusals(run, job.models, configured_policy(job.config))
        follow_run(job)
        with defer_interrupts(around.patience.clock):
            return [*_sync_all(job, store, chosen, around)]


def refresh_files(job: Job, store: Store) -> list[str]:
    """Write the files of syncs anew, from what the store holds now.

    The caller holds the lock of the syncs.

    :returns: which could not be, in words.
    """
    with store.read() as connection:
        begun = count_rows(connection)
    files = [each for each in job.config.syncs if isinstance(each, CsvSync | ParquetSync)]
    around = Surroundings(job.folder)
    done = [_sync(job, store, each, around) for each in files if each.name in begun]
    return [f"sync {each.sync}: {each.error}" for each in done if each.error]


def preview_syncs(
    job: Job, names: Sequence[str] = (), patience: Patience | None = None
) -> list[Synced]:
    """Say what :func:`sync_customers` would do. Destinations are asked for their fields only."""
    chosen = _choose_syncs(job, names)
    store = open_store(job.config.store.url)
    around = Surroundings(job.folder, patience or Patience())
    return [_preview(job, store, each, around) for each in chosen]


@contextmanager
def open_checked(settings: SyncSettings, around: Surroundings) -> Iterator[Target]:
    """Open a destination, and close it at the end.

    :raises SyncError: when it stays out of reach, however often it is tried.
    """
    try:
        target = open_target(settings, around)
        try:
            yield target
        finally:
            target.close()
    except PassingError as error:
        raise SyncError(error.reason) from None


def _choose_syncs(job: Job, names: Sequence[str]) -> list[SyncSettings]:
    known = {each.name: each for each in job.config.syncs}
    if not known:
        raise ConfigError(
            "the configuration names no destination; write one as [[syncs]], as in "
            "configs/default.toml"
        )
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(
            f"the configuration has no sync {', '.join(unknown)} (there are: {', '.join(known)})"
        )
    return [known[name] for name in dict.fromkeys(names)] or list(known.values())


def _sync_all(
    job: Job, store: Store, chosen: Sequence[SyncSettings], around: Surroundings
) -> Iterator[Synced]:
    """One destination after the other, until somebody wants to stop or a run takes the store."""
    for each in chosen:
        done = _sync(job, store, each, around)
        yield done
        if around.patience.clock.is_stopping or done.is_locked:
            return


def _sync(job: Job, store: Store, settings: SyncSettings, around: Surroundings) -> Synced:
    job.progress.start(f"sync {settings.name}", unit="rows")
    counts: Counter[str] = Counter()
    error, is_locked = None, False
    try:
        with open_checked(settings, around) as target:
            target.check()
            sending = Sending(job, store, settings, target, around.patience.clock)
            counts = sending.counts
            sending.take_back_gone()
            sending.send_changed()
            sending.finish()
    except EarfulError as caught:
        error, is_locked = str(caught), isinstance(caught, LockedError)
    except KeyboardInterrupt:  # for the second time
        error = "it was stopped at once; what was under way may have been taken"
    job.progress.finish()
    return Synced(
        settings.name,
        settings.kind,
        counts["sent"],
        counts["removed"],
        counts["failed"],
        counts["unchanged"],
        counts["left"],
        error,
        is_locked,
    )


def _preview(job: Job, store: Store, settings: SyncSettings, around: Surroundings) -> Synced:
    try:
        with open_checked(settings, around) as target:
            target.check()
    except EarfulError as error:
        return Synced(settings.name, settings.kind, error=str(error))
    changes = list(_list_removals(store, settings.name))
    n_removed, n_unchanged = len(changes), 0
    for row, known in _read_known(job, store, settings):
        if is_changed(row, known):
            changes.append(Change(row.key, "send", _compare(row.values, known)))
        elif known is not None:
            n_unchanged += 1
    n_sent = len(changes) - n_removed
    return Synced(settings.name, settings.kind, n_sent, n_removed, 0, n_unchanged, changes=changes)


def _list_removals(store: Store, name: str) -> Iterator[Change]:
    after = ""
    with store.read() as connection:
        while keys := list_gone(connection, name, after, _PAGE_ROWS):
            for key, known in sorted(read_ledger(connection, name, keys).items()):
                held: dict[str, tuple[Plain, Plain]] = {
                    name: (value, None) for name, value in (known.fields or {}).items()
                }
                yield Change(key, "remove", held)
            after = keys[-1]


def _read_known(job: Job, store: Store, settings: SyncSettings) -> Iterator[tuple[Row, Any]]:
    after, secret = "", load_secret(job.secret_path)
    with store.read() as connection:
        while rows := read_rows(connection, settings.fields, after, _PAGE_ROWS):
            known = read_ledger(connection, settings.name, [row.key for row in rows])
            named = drop_nameless(connection, rows, secret)
            yield from ((row, known.get(row.key)) for row in named)
            after = rows[-1].key


def _compare(values: Mapping[str, Plain], known: Any) -> dict[str, tuple[Plain, Plain]]:
    held = (known.fields or {}) if known is not None else {}
    return {
        name: (held.get(name), value) for name, value in values.items() if held.get(name) != value
    }
