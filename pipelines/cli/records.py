"""``earful customers``, ``earful events`` and ``earful inspect``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.options import (
    ConfigOption,
    CustomerMapOption,
    DbOption,
    EventMapOption,
    InspectMapOption,
    JsonOption,
    LockOption,
    SourceOption,
    load_settings,
    show_examples,
)
from pipelines.cli.steps import run_job, show_result

if TYPE_CHECKING:
    from pipelines.job import RunResult

PathsArgument = Annotated[
    list[str], typer.Argument(metavar="PATH", help="Files, folders or globs.")
]


def add_commands(app: typer.Typer) -> None:
    """Add customers, events and inspect."""
    app.command(
        "customers",
        epilog=show_examples(
            "earful customers crm.csv --map customer='Account no' --map email='Mail 1'"
        ),
    )(customers)
    app.command(
        "events",
        epilog=show_examples("earful events orders.parquet --map kind=Type --map at=Created"),
    )(events)
    app.command("inspect", epilog=show_examples("earful inspect export.csv --map text=Comment"))(
        inspect
    )


def customers(
    paths: PathsArgument,
    config: ConfigOption = None,
    db: DbOption = None,
    mapping: CustomerMapOption = None,
    source: SourceOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Load CRM records, and link feedback to them.

    Contacts are kept as keyed hashes only.
    """
    steps = ["customers", "link"]
    result = _load("customers", steps, paths, config, db, mapping, source, lock_timeout)
    show_result(result, as_json=as_json)


def events(
    paths: PathsArgument,
    config: ConfigOption = None,
    db: DbOption = None,
    mapping: EventMapOption = None,
    source: SourceOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Load operational events. Orders, refunds, churn, renewals, tickets."""
    result = _load("events", ["events"], paths, config, db, mapping, source, lock_timeout)
    show_result(result, as_json=as_json)


def _load(
    kind: str,
    steps: Sequence[str],
    paths: list[str],
    config: Path | None,
    db: str | None,
    mapping: list[str] | None,
    source: str | None,
    lock_timeout: float,
) -> "RunResult":
    from pipelines.inputs import Inputs, record_inputs

    settings, _ = load_settings(config, db)

    def find(_progress: Any) -> Inputs:
        return Inputs(**{kind: record_inputs(paths, source=source, pairs=mapping or ())})

    return run_job(settings, kind, steps, find, lock_timeout)


def inspect(
    paths: PathsArgument,
    config: ConfigOption = None,
    mapping: InspectMapOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what would be read; write nothing. Layout, columns, sample rows (masked), problems."""
    from pipelines.cli.show import describe_inspection, print_inspections, print_json
    from pipelines.config import read_masking
    from pipelines.inspect import inspect_paths

    settings, _ = load_settings(config, None)
    found = inspect_paths(paths, mapping or ())
    if as_json:
        print_json([describe_inspection(each, read_masking(settings)) for each in found])
    else:
        print_inspections(found, read_masking(settings))
