"""Objects of S3, Google Cloud Storage and Azure, fetched whole; a library for each does the work.

Credentials are the libraries' own affair: they look in the environment and in the machine's role.
"""

import glob
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pipelines.errors import ConfigError, InputError
from pipelines.inlets.spool import Spool
from pipelines.reading.files import Skipped, list_archive, reason_to_pass
from pipelines.reading.streams import FORMATS, SUPPORTED, InputFile, ending_of

# The library that fsspec needs, by the beginning of the URL.
LIBRARIES = {
    **dict.fromkeys(("s3", "s3a"), "s3fs"),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("abfs", "abfss", "az"), "adlfs"),
}
MAX_OBJECTS = 10_000
_BLOCK_BYTES = 2**20
_URL = re.compile(r"([a-z][a-z0-9+.-]+)://(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class _Found:
    """One object: its key, and its name relative to the fixed part of the URL."""

    key: str
    name: str


def is_object_url(path: str) -> bool:
    """Tell whether a path names something elsewhere."""
    return _URL.fullmatch(path) is not None


def fetch_objects(url: str, spool: Spool, skipped: list[Skipped]) -> list[InputFile]:
    """Fetch the object, the folder's objects, or those that match a pattern, in a fixed order.

    :param skipped: gets those that are left out, with the reason.
    :raises ConfigError: when the store is of an unknown kind, or its library is not installed.
    :raises InputError: when nothing readable is there, or the store refuses.
    """
    store = _open_store(url)
    with _explain(url):
        found = list(_list_objects(store, url, skipped))
    if not found:
        raise InputError(f"{url} names no object that earful reads; it reads {SUPPORTED}")
    if len(found) > MAX_OBJECTS:
        raise InputError(
            f"{url} names {len(found):,} objects; earful reads up to {MAX_OBJECTS:,} at once, name "
            "a part of them"
        )
    scheme = url.partition("://")[0]
    return [
        file
        for each in found
        for file in _fetch(store, each, f"{scheme}://{each.key}", spool, skipped)
    ]


def _open_store(url: str) -> Any:
    match = _URL.fullmatch(url)
    scheme, rest = (match[1].lower(), match[2]) if match else ("", "")
    if scheme not in LIBRARIES:
        raise ConfigError(
            f"{scheme}:// is not read; earful reads files, and objects at "
            f"{', '.join(f'{each}://' for each in LIBRARIES)}"
        )
    if re.match("[^/@]*:[^/@]*@", rest):
        raise ConfigError(
            f"the {scheme}:// URL holds a secret in plain sight; give it by the environment, as "
            f"{LIBRARIES[scheme]} reads it"
        )
    try:
        import fsspec

        store = fsspec.filesystem(scheme)
        store.invalidate_cache()  # fsspec keeps it, with lists of objects that may be old
        return store
    except ImportError as error:
        raise ConfigError(
            f"{scheme}:// needs {LIBRARIES[scheme]}, which is not installed; install it with: "
            "pip install 'earful[object-stores]'"
        ) from error
    except Exception as error:  # each library has its own, and may quote a secret
        raise _explain_refusal(f"{scheme}://", error) from error


def _list_objects(store: Any, url: str, skipped: list[Skipped]) -> Iterator[_Found]:
    path = str(store._strip_protocol(url))
    if glob.has_magic(path):
        base = _fixed_part(path)
        keys = [str(key) for key in store.glob(path) if store.isfile(key)]
    elif store.isfile(path):
        if ending_of(path) not in FORMATS and not path.lower().endswith(".zip"):
            raise InputError(f"{url} is of a kind that earful does not read; it reads {SUPPORTED}")
        yield _Found(path, PurePosixPath(path).name)
        return
    else:
        base = path
        keys = [str(key) for key in store.find(path)]
        if not keys:
            raise FileNotFoundError(url)
    for key in sorted(keys):
        name = key.removeprefix(base).lstrip("/")
        if any(part.startswith(".") for part in PurePosixPath(name).parts):
            continue
        if reason := reason_to_pass(PurePosixPath(name).name):
            skipped.append(Skipped(name, reason))
        else:
            yield _Found(key, name)


def _fixed_part(path: str) -> str:
    parts = path.split("/")[:-1]
    for number, part in enumerate(parts):
        if glob.has_magic(part):
            return "/".join(parts[:number])
    return "/".join(parts)


def _fetch(
    store: Any, found: _Found, url: str, spool: Spool, skipped: list[Skipped]
) -> Sequence[InputFile]:
    file, path = spool.add_file()
    with _explain(url), store.open(found.key, "rb") as stream:
        shutil.copyfileobj(stream, file, _BLOCK_BYTES)
    file.flush()
    name = spool.choose_name(found.name, url)
    if Path(found.key).suffix.lower() == ".zip":
        return list_archive(path, name, skipped)
    ending = ending_of(found.key)
    return [InputFile(name, path, FORMATS[ending], ending)]


@contextmanager
def _explain(url: str) -> Iterator[None]:
    try:
        yield
    except (InputError, ConfigError):
        raise
    except Exception as error:  # each library has its own, and may quote a secret
        raise _explain_refusal(url, error) from error


def _explain_refusal(url: str, error: Exception) -> InputError:
    match error:
        case FileNotFoundError():
            return InputError(f"{url} does not exist; check the bucket and the folder's name")
        case PermissionError():
            return InputError(f"{url} cannot be read: permission denied; check the credentials")
        case _:
            return InputError(
                f"{url} cannot be read ({type(error).__name__}); check the credentials in the "
                "environment, and that the store can be reached"
            )
