"""The state of this machine: what works, what does not, and what to do about it."""

import os
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pipelines.database import FIXED_SQLITE, sqlite_driver
from pipelines.errors import EarfulError, MissingStoreError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from pipelines.delivery.kinds import AnyDestination

T = TypeVar("T")
_PACKAGES = ("torch", "transformers", "sentence-transformers", "spacy", "hdbscan", "sqlalchemy")
MIN_FREE_BYTES = 2 * 10**9


@dataclass(frozen=True)
class Finding:
    """One check.

    :param state: ok, warning or error.
    """

    name: str
    state: str
    detail: str


def examine_machine(
    cache_dir: Path, secret_path: Path, url: str, destinations: "Sequence[AnyDestination]" = ()
) -> list[Finding]:
    """Check the program, the machine, the models, the store and the settings of destinations."""
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _check_program,
        _check_packages,
        _check_processor,
        _check_sqlite,
        lambda: _check_folder("cache", cache_dir),
        lambda: _check_encoder(cache_dir),
        lambda: _check_secret(secret_path),
        lambda: _check_store(url),
        lambda: _check_lake(url),
        lambda: _check_erasures(url),
        lambda: _check_syncs(url),
        lambda: _check_journals(cache_dir),
        lambda: _check_destinations(destinations),
        lambda: _check_given_up(url),
    )
    return [finding for check in checks for finding in check()]


def _check_program() -> Iterator[Finding]:
    from pipelines.runs import code_version

    detail = f"{code_version()} on Python {platform.python_version()}, {platform.platform()}"
    yield Finding("earful", "ok", detail)


def _check_packages() -> Iterator[Finding]:
    found, missing = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        advice = f"not installed: {', '.join(missing)}; install earful again from its lock file"
        yield Finding("packages", "error", advice)
    yield Finding("packages", "ok", ", ".join(found))


def _check_processor() -> Iterator[Finding]:
    from nlp.cores import count_cores
    from nlp.forward import choose_placement

    placement = choose_placement("auto")
    kind = str(placement.dtype).removeprefix("torch.")
    yield Finding(
        "processor", "ok", f"{count_cores()} cores; models run on {placement.device} in {kind}"
    )


def _check_sqlite() -> Iterator[Finding]:
    library = tuple(map(int, sqlite_driver().sqlite_version.split(".")))
    shown = ".".join(map(str, library))
    if library < FIXED_SQLITE:
        yield Finding(
            "sqlite",
            "warning",
            f"{shown} has the WAL-reset bug; install pysqlite3 (3.51.3 or newer)",
        )
    else:
        yield Finding("sqlite", "ok", shown)


def _check_folder(name: str, folder: Path) -> Iterator[Finding]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield Finding(name, "error", f"{folder} cannot be used: {error.strerror}; set EARFUL_CACHE")
        return
    if not os.access(folder, os.W_OK):
        yield Finding(name, "error", f"{folder} cannot be written; set EARFUL_CACHE")
    elif free < MIN_FREE_BYTES:
        yield Finding(name, "warning", f"{folder} has only {free / 1e9:.1f} GB free")
    else:
        yield Finding(name, "ok", f"{folder}, {free / 1e9:.0f} GB free")


def _check_encoder(cache_dir: Path) -> Iterator[Finding]:
    from nlp.errors import ModelError
    from nlp.weights import DEFAULT, encoder_name, prepare_default_encoder

    try:
        folder = prepare_default_encoder(cache_dir)
    except ModelError as error:
        yield Finding("encoder", "error", str(error))
        return
    yield Finding("encoder", "ok", f"{encoder_name(DEFAULT)} in {folder}")


def _check_secret(path: Path) -> Iterator[Finding]:
    from pipelines.secret import SECRET_VARIABLE, load_secret

    try:
        load_secret(path)
    except EarfulError as error:
        yield Finding("secret", "error", str(error))
        return
    where = f"${SECRET_VARIABLE}" if os.environ.get(SECRET_VARIABLE) else str(path)
    yield Finding("secret", "ok", f"from {where}; keep a copy: without it keys never match again")


def _check_store(url: str) -> Iterator[Finding]:
    from pipelines.store import find_damage, open_store

    try:
        store = open_store(url)
        damage = find_damage(store)
    except MissingStoreError as error:
        yield Finding("store", "warning", str(error))
    except EarfulError as error:
        yield Finding("store", "error", str(error))
    else:
        advice = f"{store.name} is damaged ({damage}); restore it from a backup"
        yield Finding("store", "error", advice) if damage else Finding("store", "ok", store.name)


def _ask_store(url: str, read: "Callable[[Connection], T]") -> T | None:
    """What is read from the store; None where it cannot be, which the check of the store tells."""
    from pipelines.store import open_store

    try:
        with open_store(url).read() as connection:
            return read(connection)
    except EarfulError:
        return None


def _check_lake(url: str) -> Iterator[Finding]:
    from pipelines.vector_lake.keeping import find_lost, list_lake_files

    files = _ask_store(url, list_lake_files)
    lost = _ask_store(url, lambda connection: find_lost(connection, is_thorough=True))
    if lost:
        yield Finding(
            "lake",
            "error",
            f"{len(lost):,} of {len(files or ()):,} files of vectors are gone or damaged (first: "
            f"{lost[0]}); put them back, or remove them: the next run reads their texts again",
        )
    elif files:
        n_bytes = sum(path.stat().st_size for path in files)
        detail = f"{len(files):,} files, {n_bytes / 1e6:,.0f} MB, in {files[0].parent}"
        yield Finding("lake", "ok", detail)


def _check_erasures(url: str) -> Iterator[Finding]:
    from pipelines.rights.forgetting import list_open

    waiting = _ask_store(url, list_open)
    if waiting is None:
        return
    if waiting:
        why = waiting[0]["error"] or "stopped before its end"
        detail = (
            f"{len(waiting):,} not finished (first: {waiting[0]['request_id']}, {why}); finish "
            "with: earful forget --resume"
        )
        yield Finding("erasures", "error", detail)
    else:
        yield Finding("erasures", "ok", "none is open")


def _check_syncs(url: str) -> Iterator[Finding]:
    from pipelines.syncs.ledger import count_rows

    counted = _ask_store(url, count_rows)
    for name, counts in (counted or {}).items():
        told = ", ".join(f"{n:,} {status}" for status, n in sorted(counts.items()))
        is_open = counts.get("failed") or counts.get("sending")
        n_failed = counts.get("failed")
        why = f"; see why with: earful sync {name} --failed" if n_failed else ""
        advice = f"{why}; send again with: earful sync {name}" if is_open else ""
        yield Finding(f"sync {name}", "warning" if is_open else "ok", f"{told}{advice}")


def _check_journals(cache_dir: Path) -> Iterator[Finding]:
    from pipelines.journal import MAX_AGE_DAYS, list_journals

    sizes = [path.stat().st_size for path in list_journals(cache_dir)]
    if sizes:
        detail = (
            f"{len(sizes):,} kept in {cache_dir / 'unfinished'}, {sum(sizes) / 1e6:,.1f} MB; "
            f"each goes when its run has finished, or after {MAX_AGE_DAYS} days"
        )
        yield Finding("unfinished runs", "ok", detail)
    else:
        yield Finding("unfinished runs", "ok", "none")


def _check_destinations(destinations: "Sequence[AnyDestination]") -> Iterator[Finding]:
    """Whether their variables are set; none of them is asked."""
    for entry in destinations:
        names = entry.list_variables()
        missing = [name for name in names if not os.environ.get(name)]
        title = f"destination {entry.name}"
        if missing:
            detail = f"{entry.kind}; not set: {', '.join(missing)}; set them before delivering"
            yield Finding(title, "error", detail)
        else:
            said = f"{', '.join(names)} set" if names else "needs no variable"
            detail = f"{entry.kind}; {said}; try it with: earful actions test {entry.name}"
            yield Finding(title, "ok", detail)


def _check_given_up(url: str) -> Iterator[Finding]:
    """Actions that nobody tries to deliver any more."""
    from pipelines.delivery.outbox import list_failed

    failed = _ask_store(url, list_failed)
    if failed:
        first = failed[0]
        detail = (
            f"{len(failed):,} could not be delivered (first: {first.action_id} to "
            f"{first.destination}, {first.reason}); mend the reason, then put them back with: "
            "earful actions retry --all"
        )
        yield Finding("actions", "warning", detail)
