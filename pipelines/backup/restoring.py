"""Taking a backup back: into an empty place, checked, and without whom was erased since."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import func, inspect, select

from pipelines import tables
from pipelines.backup.archive import Manifest, extract_store, read_manifest
from pipelines.backup.making import check_copy, make_single, remove_store_file
from pipelines.backup.rows import copy_rows, count_rows
from pipelines.config import Config
from pipelines.database import connect_engine, create_private_file, parse_url, sqlite_path
from pipelines.errors import ConfigError, EarfulError, StoreError
from pipelines.job import Job
from pipelines.migrations import SCHEMA_VERSION
from pipelines.rights.audit import record_audit
from pipelines.rights.forgetting import resume_erasures
from pipelines.rights.ledger import Ledger
from pipelines.rights.reapplying import reapply_erasures
from pipelines.secret import fingerprint_secret, load_secret
from pipelines.store import open_store, upgrade_store


@dataclass(frozen=True)
class Restored:
    """What a backup came to.

    :param n_erasures: done anew: they are younger than the backup.
    :param n_waiting: actions that wait for delivery, and may have been delivered since.
    :param problems: what is left to do of erasures, in words.
    """

    store: str
    manifest: Manifest
    n_rows: int
    n_erasures: int
    n_waiting: int
    problems: tuple[str, ...] = ()


def restore_store(job: Job, path: Path, ledger: Ledger | None) -> Restored:
    """Take a backup back into the job's store, which must not be there yet.

    Erasures are done before anybody can see the store.

    :param ledger: knows who was erased since; None where nobody was, as somebody has to state.
    :raises ConfigError: when the place is not empty, or the secret is another one.
    :raises InputError: when the backup is damaged.
    :raises StoreError: when the ledger does not know the backup.
    """
    manifest = read_manifest(path)
    url = job.config.store.url
    _check_place(url)
    _check_secret(job, manifest)
    rows = _list_erasures(ledger, manifest)
    beside = _choose_beside(url)
    try:
        counts = _unpack(path, manifest, beside)
        n_erasures = _finish_copy(job, beside, manifest, rows, is_stated=ledger is None)
        _place(beside, url)
    finally:
        remove_store_file(beside)
    problems = _clean_up(job) if n_erasures else ()
    with open_store(url).read() as connection:
        is_waiting = tables.action.c.status == "pending"
        query = select(func.count()).select_from(tables.action).where(is_waiting)
        n_waiting = connection.execute(query).scalar_one()
        name = open_store(url).name
    return Restored(name, manifest, sum(counts.values()), n_erasures, n_waiting, problems)


def _check_place(url: str) -> None:
    """Refuse to restore over anything."""
    parsed = parse_url(url)
    path = sqlite_path(parsed)
    if path is not None:
        if path.exists():
            raise ConfigError(
                f"{path} is there already, and restore overwrites nothing; move it away, or name "
                "another place with --db"
            )
        if not path.parent.is_dir():
            raise StoreError(f"there is no folder {path.parent} to restore into; make it")
        return
    engine = connect_engine(parsed)
    try:
        names = inspect(engine).get_table_names()
    except Exception as error:
        raise StoreError("the database cannot be reached; check its address") from error
    finally:
        engine.dispose()
    if names:
        raise ConfigError(
            f"the database {parsed.render_as_string()} holds {len(names)} tables, and restore "
            "overwrites nothing; make an empty database, and name it with --db"
        )


def _check_secret(job: Job, manifest: Manifest) -> None:
    """Without the secret no key matches, and nobody who was erased is known again."""
    if manifest.secret is None:
        return
    if fingerprint_secret(load_secret(job.secret_path)) != manifest.secret:
        raise ConfigError(
            "the backup was made with another secret, without which no key matches; set "
            "EARFUL_SECRET to it, or put its file in its place"
        )


def _list_erasures(ledger: Ledger | None, manifest: Manifest) -> list[dict[str, Any]]:
    if ledger is None:
        return []
    rows = ledger.list_since(manifest.store_id, manifest.backup_id)
    if rows is None:
        raise StoreError(
            f"the ledger of erasures {ledger.path} does not know this backup of "
            f"{manifest.made_at}, so that whoever was erased since would be back. Name the ledger "
            "of the machine that made it with --erasures FILE; or, where it is lost and nobody was "
            "erased since, state so with --no-erasures"
        )
    return rows


def _choose_beside(url: str) -> Path:
    """Where to unpack: on the disk of the store, or in the folder of temporary files."""
    from tempfile import gettempdir

    path = sqlite_path(parse_url(url))
    folder, name = (path.parent, path.name) if path else (Path(gettempdir()), "earful")
    return folder / f".{name}.{os.getpid()}.restoring"


def _unpack(path: Path, manifest: Manifest, beside: Path) -> Mapping[str, int]:
    try:
        create_private_file(beside)
        with beside.open("r+b") as file:
            extract_store(path, manifest, file)
    except OSError as error:
        raise StoreError(
            f"the backup cannot be unpacked in {beside.parent} ({error.strerror}); free some space"
        ) from error
    url = f"sqlite:///{beside}"
    if manifest.schema < SCHEMA_VERSION:
        upgrade_store(url)
    check_copy(beside, manifest.counts)
    return manifest.counts


def _finish_copy(
    job: Job,
    beside: Path,
    manifest: Manifest,
    rows: Sequence[Mapping[str, Any]],
    *,
    is_stated: bool,
) -> int:
    """Erase anew in the copy, and note in it that it was restored."""
    config = job.config.model_copy(
        update={"store": job.config.store.model_copy(update={"url": f"sqlite:///{beside}"})}
    )
    store = open_store(config.store.url)
    n_erasures = reapply_erasures(store, _move(job, config), rows) if rows else 0
    arguments = {"backup_id": manifest.backup_id, "made_at": manifest.made_at}
    result = {"erasures": n_erasures, "stated_none": is_stated}
    with store.write() as connection:
        record_audit(connection, "restore", arguments, result)
    store.engine.dispose()
    return n_erasures


def _move(job: Job, config: Config) -> Job:
    """The same job for another store."""
    return replace(job, config=config)


def _place(beside: Path, url: str) -> None:
    path = sqlite_path(parse_url(url))
    if path is not None:
        make_single(beside)
        try:
            os.link(beside, path)
        except FileExistsError as error:
            raise ConfigError(f"{path} was made meanwhile, and is left as it is") from error
        return
    target = open_store(url, create=True)
    with open_store(f"sqlite:///{beside}").read() as source, target.write() as connection:
        copy_rows(source, connection)
        if count_rows(connection) != count_rows(source):
            raise StoreError("the database took other rows than the backup holds; nothing was kept")
    target.engine.dispose()


def _clean_up(job: Job) -> tuple[str, ...]:
    """Free pages and files: what an erasure does last."""
    try:
        receipts = resume_erasures(job)
    except EarfulError as error:
        return (str(error),)
    return tuple(problem for each in receipts for problem in each.problems)
