"""Options that several commands share, and what they amount to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipelines.config import Config

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
        envvar="EARFUL_DB",
        help="Store: sqlite:///earful.db, postgresql+psycopg://... or the path of an SQLite file.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON on standard output.")
]
MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        "-m",
        metavar="ROLE=COLUMN",
        help=(
            "Which column is what: text, id, at, customer, email, phone, handle, author, rating, "
            "lang, title ... Repeat it; text may be given for several open questions."
        ),
    ),
]
RecordMapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        "-m",
        metavar="ROLE=COLUMN",
        help=(
            "Which column is what: customer, email, phone, handle; of CRM records also name, "
            "segment, country, lang, created; of events also id, at, kind, amount, currency."
        ),
    ),
]
SourceOption = Annotated[
    str | None,
    typer.Option("--source", "-s", metavar="NAME", help="Name of the source; else the file's."),
]
LockOption = Annotated[
    float,
    typer.Option(
        "--lock-timeout", metavar="SECONDS", min=0, help="How long to wait for another run."
    ),
]


def load_settings(config: Path | None, db: str | None) -> "tuple[Config, Path]":
    """The configuration with the options laid over it, and the folder of its paths.

    :raises ConfigError: naming every mistake with its place.
    """
    from pipelines.config import load_config

    loaded, folder = load_config(config)
    if db is None:
        return loaded, folder
    url = db if "://" in db else f"sqlite:///{db}"
    store = loaded.store.model_copy(update={"url": url})
    return loaded.model_copy(update={"store": store}), folder


def rejected_code(n_rejected: int) -> None:
    """End with exit code 3 when rows were rejected."""
    if n_rejected:
        raise typer.Exit(3)
