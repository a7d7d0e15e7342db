"""``earful customers``, ``earful events`` and ``earful inspect``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import customer, review
from pipelines.cli.asked import Asked
from pipelines.cli.options import (
    ConfigOption,
    CustomerMapOption,
    DbOption,
    EventMapOption,
    FormatOption,
    FromOption,
    InspectMapOption,
    JsonOption,
    LayoutOption,
    LockOption,
    SourceOption,
    SqlOption,
    load_settings,
    show_examples,
)
from pipelines.cli.said import say
from pipelines.cli.steps import run_asked, show_result
from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from pipelines.inlets.spool import Spool
    from pipelines.origins import Found

PathsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH", help="Files, folders, globs, s3://bucket/... or - for standard input."
    ),
]
WriteConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--write-config",
        metavar="FILE",
        help="Write a configuration that reads it so: a new file, for earful run --config.",
    ),
]

# Loading does not publish: a night of several files is published once.
_HINT = "customer rows follow with: earful publish, or with the next earful run"


def add_commands(app: typer.Typer) -> None:
    """Add customers, events and inspect."""
    group = typer.Typer(
        cls=review.LoadByDefault,
        help="Load CRM records; answer probable links.",
        epilog=show_examples("earful customers crm.csv", "earful customers show C017"),
    )
    group.command(
        "load",
        epilog=show_examples(
            "earful customers crm.csv --map customer='Account no' --map email='Mail 1'",
            "earful customers review list",
            "earful customers shared",
        ),
    )(customers)
    group.add_typer(review.review, name="review")
    group.command("shared", epilog=show_examples("earful customers shared"))(review.shared)
    group.command(
        "show",
        epilog=show_examples(
            "earful customers show C017",
            "earful customers show C017 -o customer.html",
            "earful customers show C017 --as-of 2026-06-30",
        ),
    )(customer.show)
    app.add_typer(group, name="customers")
    app.command(
        "events",
        epilog=show_examples("earful events orders.parquet --map kind=Type --map at=Created"),
    )(events)
    app.command(
        "inspect",
        epilog=show_examples(
            "earful inspect export.csv --map text=Comment",
            "earful inspect export.csv --write-config nightly.toml",
        ),
    )(inspect)


def customers(
    paths: PathsArgument = None,
    config: ConfigOption = None,
    db: DbOption = None,
    mapping: CustomerMapOption = None,
    source: SourceOption = None,
    sql: SqlOption = None,
    from_url: FromOption = None,
    ending: FormatOption = None,
    layout: LayoutOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Load CRM records, and link feedback to them.

    Contacts are kept as keyed hashes only.
    """
    asked = Asked(paths, mapping, source, sql, from_url, ending, layout=layout, kind="customers")
    result = run_asked("customers", ["customers", "link"], asked, config, db, lock_timeout)
    show_result(result, as_json=as_json, hint=_HINT)


def events(
    paths: PathsArgument = None,
    config: ConfigOption = None,
    db: DbOption = None,
    mapping: EventMapOption = None,
    source: SourceOption = None,
    sql: SqlOption = None,
    from_url: FromOption = None,
    ending: FormatOption = None,
    layout: LayoutOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Load operational events. Orders, refunds, churn, renewals, tickets."""
    asked = Asked(paths, mapping, source, sql, from_url, ending, layout=layout, kind="events")
    result = run_asked("events", ["events", "link"], asked, config, db, lock_timeout)
    show_result(result, as_json=as_json, hint=_HINT)


def inspect(
    paths: PathsArgument = None,
    config: ConfigOption = None,
    mapping: InspectMapOption = None,
    source: SourceOption = None,
    sql: SqlOption = None,
    from_url: FromOption = None,
    ending: FormatOption = None,
    layout: LayoutOption = None,
    write_config: WriteConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what would be read; store nothing. Layout, columns, sample rows (masked), problems.

    With --write-config, what was found is written down as a configuration.
    """
    from zoneinfo import ZoneInfo

    from pipelines import kept_config
    from pipelines.cli.show import describe_inspection, print_inspections, print_json
    from pipelines.config import read_masking
    from pipelines.inlets.spool import Spool
    from pipelines.inspect import inspect_files

    settings, _ = load_settings(config, None, opens_store=False)
    zone = ZoneInfo(settings.text.timezone)
    with Spool() as spool:
        origins = _find_origins(
            Asked(paths, mapping, source, sql, from_url, ending, layout=layout), spool
        )
        bad: list[InputError] = []
        found = [
            (origin, inspect_files(files, mapping or (), zone, bad=bad))
            for origin, files in origins
        ]
    if write_config:
        text = settings.text.model_dump(include={"region", "timezone"})
        kept_config.write_config(write_config, found, text, source, layout)
    tables = [each for _, inspections in found for each in inspections]
    if bad and not tables:
        raise bad[0]
    if as_json:
        print_json([describe_inspection(each, read_masking(settings)) for each in tables])
    else:
        print_inspections(tables, read_masking(settings))
    for error in bad:
        say(f"not read: {error}", "warning")
    if write_config and not as_json:
        typer.echo(f"\nwrote {write_config}; read it all with: earful run --config {write_config}")
    if bad:
        raise typer.Exit(3)


def _find_origins(asked: Asked, spool: "Spool") -> "Found":
    from pipelines.origins import find_origins, find_query_origin

    if query := asked.query:
        return find_query_origin(query, spool, asked.layout)
    if not asked.paths:
        raise ConfigError("nothing to inspect: give a PATH, as in: earful inspect reviews.csv")
    return find_origins(asked.paths, spool, asked.ending, asked.layout)
