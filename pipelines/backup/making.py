"""Making a backup: one consistent state, also while a run writes, checked before it is kept."""

import os
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from pipelines.backup.archive import Manifest, hash_file, refuse_overwriting, write_archive
from pipelines.backup.rows import copy_rows, count_rows
from pipelines.database import create_private_file, sqlite_driver
from pipelines.errors import StoreError
from pipelines.migrations import SCHEMA_VERSION
from pipelines.rights.ledger import Ledger
from pipelines.runs import code_version, make_time_id
from pipelines.store import Store, open_store, read_info
from pipelines.vector_lake.keeping import bring_home


def back_up_store(store: Store, path: Path, ledger: Ledger) -> Manifest:
    """Write a backup of a store, and note in the ledger of erasures that it was made.

    :raises ConfigError: when the file is there already.
    :raises StoreError: when it cannot be written, or is not what the store holds.
    """
    if path.exists():
        raise refuse_overwriting(path)
    copy = path.with_name(f".{path.name}.{os.getpid()}.sqlite")
    try:
        manifest = _copy_store(store, copy)
        ledger.note_backup(manifest.store_id, manifest.backup_id)
        write_archive(path, copy, manifest)
    except OSError as error:
        raise StoreError(
            f"the backup {path} cannot be written ({error.strerror}); check its folder, or name "
            "another file"
        ) from error
    finally:
        remove_store_file(copy)
    return manifest


def check_copy(copy: Path, counts: Mapping[str, int]) -> None:
    """See that an SQLite file is sound and holds what it should.

    :raises StoreError: when it does not.
    """
    with open_store(f"sqlite:///{copy}").read() as connection:
        found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
        if found != "ok":
            raise StoreError("the copy of the store is damaged; check the disk, then try again")
        held = count_rows(connection)
    wrong = sorted(n for n in {*held, *counts} if held.get(n, 0) != counts.get(n, 0))
    if wrong:
        raise StoreError(
            f"the copy of the store has other rows than the store, in {len(wrong)} tables (first: "
            f"{wrong[0]}); try again"
        )


def remove_store_file(path: Path) -> None:
    """Remove an SQLite file of ours and what stands beside it."""
    for each in [path, *path.parent.glob(f"{path.name}[-.]*")]:
        with suppress(OSError):
            each.unlink()


def make_single(copy: Path) -> None:
    """Have all of an SQLite store in the one file."""
    with closing(sqlite_driver().connect(copy)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def _copy_store(store: Store, copy: Path) -> Manifest:
    create_private_file(copy)
    with store.read() as connection:
        # The first query begins the state that everything below sees.
        counts = count_rows(connection)
        store_id, secret = (read_info(connection, n) for n in ("store_id", "secret_fingerprint"))
        if store.path is not None:
            _copy_pages(connection, copy)
            copied = open_store(f"sqlite:///{copy}")
            with copied.write() as target:
                bring_home(target)
            copied.engine.dispose()
        else:
            copied = open_store(f"sqlite:///{copy}", create=True)
            with copied.write() as target:
                copy_rows(connection, target)
            copied.engine.dispose()
    make_single(copy)
    check_copy(copy, counts)
    make_single(copy)
    now = datetime.now(UTC)
    return Manifest(
        backup_id=make_time_id(now),
        made_at=f"{now:%Y-%m-%dT%H:%M:%SZ}",
        store_id=store_id or "",
        schema=SCHEMA_VERSION,
        code_version=code_version(),
        database=store.url.get_backend_name(),
        counts=counts,
        n_bytes=copy.stat().st_size,
        sha256=hash_file(copy),
        secret=secret,
    )


def _copy_pages(connection: Connection, copy: Path) -> None:
    """Copy an SQLite store page by page, as the connection's transaction sees it."""
    source = connection.connection.driver_connection
    assert source is not None
    with closing(sqlite_driver().connect(copy)) as target:
        source.backup(target)
