"""Shared by the tests of reading: a table from bytes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.reading import Table, find_files, open_tables


@pytest.fixture
def open_bytes(tmp_path: Path) -> Callable[..., Table]:
    """Write bytes to a file and open its first table."""

    def open_it(name: str, data: bytes | str, **options: str) -> Table:
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return next(iter(open_tables(find_files([str(path)])[0], **options)))

    return open_it
