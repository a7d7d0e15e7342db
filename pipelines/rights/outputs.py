"""Files with customers' words that earful wrote: known by name, to be rewritten or removed."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, delete, select, update

from nlp.cache import file_sha256
from pipelines import tables
from pipelines.clock import tell_stopped
from pipelines.errors import EarfulError
from pipelines.exporting.writing import Exported, read_manifest, write_export
from pipelines.job import Job
from pipelines.rights.behind import clear_behind, read_behind
from pipelines.store import Store, open_store
from pipelines.upserts import upsert_rows

_output = tables.output_file.c


def record_output(
    store: Store,
    path: Path,
    kind: str,
    subject_hash: str | None = None,
    *,
    is_locked: bool = False,
) -> bool:
    """Remember a file that was written, so that an erasure reaches it.

    :param kind: report, codebook, export, actions, sync, tables or customer (a customer's page).
    :param subject_hash: of an export or a customer's page, whose it is; as in ``blocked_key``.
    :param is_locked: whether the caller holds the store's lock.
    :returns: False where the store is held by a run or cannot be written.
    """
    try:
        with nullcontext() if is_locked else store.lock(0), store.write() as connection:
            note_output(connection, path, kind, subject_hash)
    except EarfulError:
        return False
    return True


def record_tables(store: Store, exported: Exported, *, is_locked: bool = False) -> bool:
    """Remember the files of ``earful export``, in the place of those of the folder before.

    :returns: False where the store is held by a run or cannot be written.
    """
    within = f"{Path(exported.folder)}{os.sep}"
    try:
        with nullcontext() if is_locked else store.lock(0), store.write() as connection:
            old = _output.path.startswith(within, autoescape=True)
            connection.execute(delete(tables.output_file).where(_output.kind == "tables", old))
            for path in exported.list_paths():
                note_output(connection, path, "tables")
    except EarfulError:
        return False
    return True


def note_output(
    connection: Connection, path: Path, kind: str, subject_hash: str | None = None
) -> None:
    """Remember a file, in the transaction of what it was written for; see above."""
    row = {
        "path": str(path.absolute()),
        "kind": kind,
        "written_at": datetime.now(UTC),
        "digest": file_sha256(path),
        "subject_hash": subject_hash,
    }
    upsert_rows(connection, tables.output_file, [row])


def rewrite_outputs(store: Store, job: Job, *, is_locked: bool = False) -> list[str]:
    """Write each report, codebook, file of actions and customer's page anew that is as it was.

    The page of a customer who allows none any more is removed, and so is a file of no actions.

    :param is_locked: whether the caller holds the store's lock.
    :returns: what could not be brought in line, in words, with the way to do it.
    """
    with store.read() as connection:
        rows = connection.execute(select(tables.output_file).order_by(_output.path)).all()
    problems = list(_rewrite_tables(store, job, rows, is_locked=is_locked))
    for row in rows:
        path = Path(row.path)
        if row.kind in ("export", "sync", "tables"):
            continue
        if not path.exists():
            _forget_outputs(store, [row.path])
        elif _is_changed(row):
            problems.append(f"{path} is not as it was written; it was left alone: look into it")
        else:
            try:
                with _rewriting(store, [row]):
                    _rewrite(store, job, path, row.kind)
            except (EarfulError, OSError) as error:
                problems.append(f"{path} could not be written anew: {error}")
                continue
            if path.exists():
                record_output(store, path, row.kind, row.subject_hash, is_locked=is_locked)
            else:
                _forget_outputs(store, [row.path])
    return problems


def _rewrite_tables(
    store: Store, job: Job, rows: Sequence[Any], *, is_locked: bool
) -> Iterator[str]:
    """Write each folder of ``earful export`` anew, by its manifest."""
    by_folder: dict[Path, list[Any]] = {}
    for row in rows:
        if row.kind == "tables":
            by_folder.setdefault(Path(row.path).parent, []).append(row)
    for folder, own in by_folder.items():
        there = [row for row in own if Path(row.path).exists()]
        if not there:
            _forget_outputs(store, [row.path for row in own])
            continue
        changed = [row.path for row in there if _is_changed(row)]
        manifest = read_manifest(folder)
        if changed or manifest is None:
            told = changed[0] if changed else folder
            yield f"{told} is not as it was written; its folder was left alone: look into it"
            continue
        names = [each["table"] for each in manifest["tables"]]
        k = max(manifest["min_customers"], job.config.anonymity.min_customers)
        try:
            with _rewriting(store, own):
                done = write_export(store, folder, names, manifest["format"], k)
        except (EarfulError, OSError) as error:
            yield f"{folder} could not be written anew: {error}"
            continue
        record_tables(store, done, is_locked=is_locked)


def _is_changed(row: Any) -> bool:
    """Whether somebody else changed a file since it was written."""
    return row.digest is not None and file_sha256(Path(row.path)) != row.digest


@contextmanager
def _rewriting(store: Store, rows: Sequence[Any]) -> Iterator[None]:
    """Note that it is earful that changes these files: killed before it is done, it does it again.

    :raises EarfulError: as what is done; the files are known as before then.
    """
    _note_digests(store, {row.path: None for row in rows})
    try:
        yield
    except (EarfulError, OSError):
        _note_digests(store, {row.path: row.digest for row in rows})
        raise


def _note_digests(store: Store, digests: Mapping[str, str | None]) -> None:
    with store.write() as connection:
        for path, digest in digests.items():
            changed = update(tables.output_file).where(_output.path == path)
            connection.execute(changed.values(digest=digest))


def bring_in_line(store: Store, job: Job) -> list[str]:
    """Write files anew where what is allowed changed since they were written.

    :returns: as :func:`rewrite_outputs`.
    """
    with store.read() as connection:
        noted = read_behind(connection)
    if noted is None:
        return []
    with tell_stopped(_STOPPED):
        problems = rewrite_outputs(store, job)
        # Where a run has taken the store meanwhile, the next command does it again.
        with suppress(EarfulError), store.lock(0), store.write() as connection:
            clear_behind(connection, noted)
    return problems


_STOPPED = (
    "what this command had to store is stored, and holds. Reports and other files from before do "
    "not all follow it yet: the next command that writes, such as earful publish, goes on"
)


def follow_run(job: Job) -> None:
    """Bring files in line after a run; problems are told."""
    for problem in bring_in_line(open_store(job.config.store.url), job):
        job.progress.warn(problem)


def remove_exports(store: Store, subject_hashes: Collection[str]) -> Iterator[str]:
    """Remove what was exported of a person, and their page, where it is as it was written.

    :returns: what could not be removed, in words.
    """
    with store.read() as connection:
        rows = connection.execute(_select_exports(subject_hashes)).all()
    for row in rows:
        path = Path(row.path)
        try:
            is_other = path.exists() and file_sha256(path) != row.digest
            if not is_other:
                path.unlink(missing_ok=True)
        except OSError as error:
            yield f"{path} could not be removed: {error.strerror}"
            continue
        if is_other:
            yield f"{path} is not as it was written; it was left alone: look into it"
        _forget_outputs(store, [row.path])


def list_outputs(connection: Connection) -> list[Path]:
    """The files that are known, those that are not there any more left out."""
    paths = connection.execute(select(_output.path).order_by(_output.path)).scalars()
    return [path for path in map(Path, paths) if path.exists()]


def _select_exports(subject_hashes: Collection[str]) -> Select[Any]:
    return select(tables.output_file).where(_output.subject_hash.in_(sorted(subject_hashes)))


def _rewrite(store: Store, job: Job, path: Path, kind: str) -> None:
    if kind == "codebook":
        from pipelines.edits.codebook_import import export_codebook

        export_codebook(job, path)
        return
    if kind == "actions":
        from pipelines.rights.drops import rewrite_drop

        rewrite_drop(store, job.config, path)
        return
    if kind == "customer":
        _rewrite_page(store, path)
        return
    from pipelines.report.page import read_language, write_report

    with store.read() as connection:
        write_report(connection, path, read_language(path), job.config.anonymity.min_customers)


def _rewrite_page(store: Store, path: Path) -> None:
    from pipelines.profiles import NoProfileError
    from pipelines.report.customer_page import read_subject, write_customer_page

    customer_id, at = read_subject(path)
    try:
        with store.read() as connection:
            write_customer_page(connection, path, customer_id, at)
    except NoProfileError:
        path.unlink()


def _forget_outputs(store: Store, paths: Collection[str]) -> None:
    with store.write() as connection:
        connection.execute(delete(tables.output_file).where(_output.path.in_(paths)))
