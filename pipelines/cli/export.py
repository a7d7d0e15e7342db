"""``earful export``: all tables as files."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import (
    ConfigOption,
    DbOption,
    JsonOption,
    load_settings,
    show_examples,
)


def add_commands(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "export",
        epilog=show_examples(
            "earful export tables", "earful export tables --format csv --tables theme,theme_period"
        ),
    )(export)


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New, empty, or of an export.")],
    file_format: Annotated[
        str, typer.Option("--format", metavar="parquet|csv", help="Of the files.")
    ] = "parquet",
    tables: Annotated[
        list[str] | None,
        typer.Option("--tables", metavar="NAME,...", help="Only these tables. Repeat it."),
    ] = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write all tables as Parquet or CSV, with a manifest.

    Of one moment, the folder whole or as it was before. Words that may not be quoted, customers
    who may not be looked at, keys and vectors stay in the store; an erasure writes the files anew.
    """
    from dataclasses import asdict

    from pipelines.cli.rights import warn_unrecorded
    from pipelines.cli.show import open_console, print_json
    from pipelines.errors import ConfigError
    from pipelines.exporting.writing import FORMATS, choose_tables, write_export
    from pipelines.rights.outputs import record_tables
    from pipelines.store import open_store

    chosen = next((each for each in FORMATS if each == file_format), None)
    if chosen is None:
        raise ConfigError(f"--format {file_format}: write {' or '.join(FORMATS)}")
    settings, _ = load_settings(config, db)
    store = open_store(settings.store.url)
    names = choose_tables([name for each in tables or () for name in each.split(",") if name])
    done = write_export(store, folder, names, chosen, settings.anonymity.min_customers)
    if not record_tables(store, done):
        warn_unrecorded(folder)
    if as_json:
        print_json(asdict(done))
    else:
        n_rows = sum(each.rows for each in done.files)
        open_console().print(f"wrote {len(done.files):,} tables, {n_rows:,} rows, to {folder}")
