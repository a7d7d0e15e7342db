"""Parquet files of vectors: written whole, never changed, and read at any row without decoding."""

import hashlib
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import StoreError
from pipelines.replacing import open_replacement

# 13 MB of vectors: what is held until it is written, and what one erasure writes anew.
FILE_ROWS: Final = 16_384
ENDING: Final = ".parquet"


@dataclass(frozen=True)
class VectorFile:
    """A file as the store knows it.

    :param digest: SHA-256 of its bytes.
    """

    name: str
    n_bytes: int
    digest: str


def write_file(folder: Path, model: str, keys: Sequence[str], data: Sequence[bytes]) -> VectorFile:
    """Write the vectors of texts, all of one width, into a file of their own.

    :param keys: hashes of the texts.
    :raises StoreError: when the lake cannot be written.
    """
    import pyarrow as pa
    from pyarrow import parquet

    width = len(data[0])
    fields = {"text_hash": pa.string(), "model": pa.string(), "data": pa.binary(width)}
    schema = pa.schema([pa.field(name, kind, nullable=False) for name, kind in fields.items()])
    table = pa.table([list(keys), [model] * len(keys), list(data)], schema=schema)
    path = folder / f"{secrets.token_hex(12)}{ENDING}"
    try:
        with open_replacement(path, is_private=True) as file:
            # One page holds all vectors one after another, see `open_vectors`.
            parquet.write_table(
                table,
                file,
                compression="none",
                use_dictionary=["model"],
                column_encoding={"text_hash": "PLAIN", "data": "PLAIN"},
                write_statistics=False,
                row_group_size=len(keys),
                data_page_size=2**30,
                max_rows_per_page=len(keys),
            )
        return _describe(path)
    except OSError as error:
        raise StoreError(
            f"the lake {folder} cannot be written ({error.strerror or error}); see that the folder "
            "is there and that there is space"
        ) from error


def _describe(path: Path) -> VectorFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return VectorFile(path.name, path.stat().st_size, digest)


@lru_cache(maxsize=8_192)
def open_vectors(path: Path, n_bytes: int) -> NDArray[np.uint8]:
    """The vectors of a file as (n, width) bytes, mapped: what is not looked at is not read.

    They are the end of the one column chunk: required values of fixed length, plain and not
    compressed, on one page, have nothing between them
    (https://parquet.apache.org/docs/file-format/data-pages/encodings/).

    :param n_bytes: size of the file.
    :raises StoreError: when it is not there, or not what was written.
    """
    from pyarrow import ArrowException, parquet

    try:
        if path.stat().st_size != n_bytes:
            raise _damaged(path)
        with parquet.ParquetFile(path) as file:
            group = file.metadata.row_group(0)
            chunk = group.column(file.schema_arrow.get_field_index("data"))
            width = file.schema_arrow.field("data").type.byte_width
        start = chunk.data_page_offset + chunk.total_compressed_size - group.num_rows * width
        return np.memmap(path, np.uint8, mode="r", offset=start, shape=(group.num_rows, width))
    except (OSError, ArrowException) as error:
        if isinstance(error, FileNotFoundError):
            raise StoreError(
                f"the file {path} of the lake is gone: moved, or rewritten in this moment as "
                "somebody was forgotten; try again, and if it stays so, see: earful doctor"
            ) from error
        raise _damaged(path) from error


def _damaged(path: Path) -> StoreError:
    return StoreError(
        f"the file {path} of the lake is not what was written; put it back from a backup, or "
        "remove it: the next run reads its texts again"
    )


def read_texts(path: Path) -> tuple[str, list[str]]:
    """The encoder of a file, and the hashes of its texts row by row.

    :raises StoreError: when it cannot be read.
    """
    from pyarrow import ArrowException, parquet

    try:
        found: Any = parquet.read_table(path, columns=["text_hash", "model"])
    except (OSError, ArrowException) as error:
        raise _damaged(path) from error
    return found["model"][0].as_py(), found["text_hash"].to_pylist()


def is_whole(path: Path, file: VectorFile) -> bool:
    """Whether a file is there, byte by byte as it was written."""
    with suppress(OSError):
        return _describe(path) == file
    return False


def list_names(folder: Path) -> list[str]:
    """Files of vectors in a folder, and what was begun to be written."""
    with suppress(FileNotFoundError):
        return sorted(each.name for each in folder.iterdir() if ENDING in each.name)
    return []
