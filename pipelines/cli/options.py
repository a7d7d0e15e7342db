"""Options that several commands share, and what they amount to."""

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.column_roles import ROLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from pipelines.config import Config
    from pipelines.job import Job
    from pipelines.progress import Progress

DB_VARIABLE = "EARFUL_DB"
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Configuration file (TOML); else $EARFUL_CONFIG, else ./earful.toml.",
    ),
]
DbOption = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL",
        envvar=DB_VARIABLE,
        help="Store: sqlite:///earful.db, the path of an SQLite file, or "
        "postgresql+psycopg://user:${PASSWORD}@host/name, with the variable's value.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON on standard output.")
]


def _map_option(help_text: str) -> Any:
    return typer.Option("--map", "-m", metavar="ROLE=COLUMN", help=help_text)


def _list_roles(kind: str) -> str:
    return ", ".join(ROLES[kind])


MapOption = Annotated[
    list[str] | None,
    _map_option(
        f"Which column is what, of feedback: {_list_roles('feedback')}. Repeat it; text may be "
        "given for several open questions."
    ),
]
CustomerMapOption = Annotated[
    list[str] | None,
    _map_option(f"Which column is what: {_list_roles('customers')}. Repeat it."),
]
EventMapOption = Annotated[
    list[str] | None,
    _map_option(f"Which column is what: {_list_roles('events')}. Repeat it."),
]
InspectMapOption = Annotated[
    list[str] | None,
    _map_option(
        "Which column is what. "
        + " ".join(f"Of {kind}: {_list_roles(kind)}." for kind in ROLES)
        + " Repeat it; text may be given for several open questions."
    ),
]
SourceOption = Annotated[
    str | None,
    typer.Option("--source", "-s", metavar="NAME", help="Name of the source; else the file's."),
]
SqlOption = Annotated[
    str | None,
    typer.Option("--sql", metavar="QUERY", help="Read the rows of a query, with --from."),
]
FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="URL",
        help="The database of --sql, as SQLAlchemy writes it; ${NAME} is taken from the "
        "environment: 'postgresql+psycopg://reader:${CRM_PASSWORD}@host/crm'.",
    ),
]
FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="ENDING", help="What standard input holds: csv, jsonl, xlsx ..."
    ),
]
LayoutOption = Annotated[
    str | None,
    typer.Option(
        "--layout",
        metavar="NAME|none",
        help="Read it as this export, though it is not recognised, or as none of them. NAME is "
        "that of a file in configs/sources/, such as surveymonkey.",
    ),
]
SinceOption = Annotated[
    str | None,
    typer.Option("--since", metavar="DATE", help="Only feedback from this day or moment on."),
]
UntilOption = Annotated[
    str | None,
    typer.Option(
        "--until", metavar="DATE", help="Only feedback up to and with this day, or before a moment."
    ),
]
LimitOption = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", min=1, help="Only the newest N feedback of what is read."),
]
ShownOption = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many to show.")]
LockOption = Annotated[
    float,
    typer.Option(
        "--lock-timeout", metavar="SECONDS", min=0, help="How long to wait for another run."
    ),
]


def show_examples(*commands: str) -> str:
    """Lay out a command's examples for the end of its help, each on a line of its own."""
    title = "Example" if len(commands) == 1 else "Examples"
    # A line with \b alone keeps the paragraph's lines as they are: they are there to be copied.
    return "\n".join(("\b", f"{title}:", *(f"  {command}" for command in commands)))


def load_settings(
    config: Path | None, db: str | None, *, opens_store: bool = True
) -> "tuple[Config, Path]":
    """The configuration with the options laid over it, and the folder of its paths.

    :raises ConfigError: naming every mistake with its place; for a store on a network file system.
    """
    from pipelines.config import load_config

    loaded, folder = load_config(config)
    # The environment is where secrets belong; command lines and files are read by others.
    is_from_environment = db is not None and db == os.environ.get(DB_VARIABLE)
    url = _find_store(db or loaded.store.url, is_secret=is_from_environment)
    store = loaded.store.model_copy(update={"url": url})
    loaded = loaded.model_copy(update={"store": store})
    if opens_store:
        _check_place(loaded)
    return loaded, folder


def _check_place(settings: "Config") -> None:
    from pipelines.database import parse_url, sqlite_path
    from pipelines.network_files import refuse_network_files

    path = sqlite_path(parse_url(settings.store.url))
    if path is not None and not settings.store.network_files:
        refuse_network_files(path)


def read_store_url(given: str) -> str:
    """The URL of a store that an argument names, with the environment's values in it.

    :raises ConfigError: for a password in plain sight, and a variable that is not set.
    """
    return _find_store(given, is_secret=False)


def _name_store(given: str) -> str:
    """A URL as it is, and that of a file, whatever signs its name has."""
    from sqlalchemy.engine import URL

    return given if "://" in given else URL.create("sqlite", database=given).render_as_string()


def _find_store(given: str, *, is_secret: bool) -> str:
    """The URL of the store, its variables filled in.

    :param is_secret: it is where nobody else sees it, and may hold a password.
    :raises ConfigError: for a password in plain sight, and a variable that is not set.
    """
    if "://" not in given and not given.startswith("$"):
        return _name_store(given)
    if is_secret or given.startswith("sqlite"):
        return given
    from pipelines.database import parse_url
    from pipelines.inlets.urls import fill_url

    if not given.startswith("$"):
        parse_url(given)
    return fill_url(given).render_as_string(hide_password=False)


def make_job(
    config: Path | None, db: str | None, lock_timeout: float, progress: "Progress"
) -> "Job":
    """The job of a command that changes the store without reading input."""
    from pipelines.config import user_cache_dir
    from pipelines.job import Job

    settings, folder = load_settings(config, db)
    return Job(settings, user_cache_dir(), lock_timeout, progress=progress, folder=folder)


@contextmanager
def open_job(config: Path | None, db: str | None, lock_timeout: float) -> "Iterator[Job]":
    """The job of such a command, while it shows its progress on standard error."""
    from pipelines.cli.logged import open_progress

    with open_progress() as progress:
        yield make_job(config, db, lock_timeout, progress)


@contextmanager
def read_store(config: Path | None, db: str | None) -> "Iterator[Connection]":
    """The store of a command that only looks at it."""
    from pipelines.store import open_store

    settings, _ = load_settings(config, db)
    with open_store(settings.store.url).read() as connection:
        yield connection


def rejected_code(n_rejected: int) -> None:
    """End with exit code 3 when rows were rejected."""
    if n_rejected:
        raise typer.Exit(3)
