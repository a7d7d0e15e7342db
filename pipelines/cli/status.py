"""``earful status``: what the store holds, and whether all is well, for people and for monitors."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.options import (
    ConfigOption,
    DbOption,
    JsonOption,
    ShownOption,
    load_settings,
    show_examples,
)
from pipelines.errors import ConfigError, EarfulError

if TYPE_CHECKING:
    from pipelines.config import Config
    from pipelines.health import Check
    from pipelines.store import Store


def add_commands(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "status",
        epilog=show_examples(
            "earful status --rejected",
            "earful status --check --max-age 26h",
            "earful status --json",
        ),
    )(status)


def status(
    config: ConfigOption = None,
    db: DbOption = None,
    rejected: Annotated[
        bool, typer.Option("--rejected", help="List rejected rows with their reasons.")
    ] = False,
    limit: ShownOption = 20,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="One line for a monitor; exit code 0 ok, 1 warning, 2 critical, 3 unknown, as of "
            "a Nagios plugin.",
        ),
    ] = False,
    max_age: Annotated[
        str | None,
        typer.Option(
            "--max-age", metavar="AGE", help="Critical: the last good run is older (26h, 8d)."
        ),
    ] = None,
    max_rejected: Annotated[
        float | None,
        typer.Option(
            "--max-rejected",
            metavar="SHARE",
            min=0,
            max=1,
            help="Critical: a larger share of rows was rejected.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the store holds, and whether all is well. Age of the last run, noise, drift.

    With --check it is a plugin of Nagios, Icinga and their like, and of cron and systemd.
    """
    if check:
        _check(config, db, max_age, max_rejected, as_json=as_json)
        return
    from pipelines import overview
    from pipelines.cli.show import print_json
    from pipelines.cli.views import print_rejected, print_status
    from pipelines.store import open_store

    settings, _ = load_settings(config, db)
    store = open_store(settings.store.url)
    if rejected:
        with store.read() as connection:
            rows = overview.list_rejected(connection, limit)
            counts = overview.count_reasons(connection, "rejected", "reason")
        print_json(rows) if as_json else print_rejected(rows, counts)
        return
    found = _read_status(store, settings, max_age, max_rejected)
    print_json(found) if as_json else print_status(found)


def _read_status(
    store: "Store", settings: "Config", max_age: str | None, max_rejected: float | None
) -> dict[str, Any]:
    from pipelines import overview
    from pipelines.rights.forgetting import list_open

    with store.read() as connection:
        return {
            "store": store.name,
            "tables": overview.count_tables(connection),
            "sources": overview.list_sources(connection),
            "languages": overview.count_languages(connection),
            "noise": overview.count_reasons(connection, "feedback", "noise_reason"),
            "unassigned": overview.count_unassigned(connection),
            "rejected": overview.count_reasons(connection, "rejected", "reason"),
            "open_erasures": list_open(connection),
            "last_run": next(iter(overview.list_runs(connection, 1)), None),
            "health": _describe(_examine(connection, settings, max_age, max_rejected)),
        }


def _check(
    config: Path | None,
    db: str | None,
    max_age: str | None,
    max_rejected: float | None,
    *,
    as_json: bool,
) -> None:
    """Print the line, and end with the code, of a plugin; what cannot be looked at is unknown."""
    from pipelines.cli.show import print_json
    from pipelines.health import STATES, Check
    from pipelines.store import open_store

    try:
        settings, _ = load_settings(config, db)
        with open_store(settings.store.url).read() as connection:
            checks = _examine(connection, settings, max_age, max_rejected)
    except EarfulError as error:
        checks = [Check("store", "unknown", str(error).replace("\n", " "))]
    found = _describe(checks)
    print_json(found) if as_json else typer.echo(_show_line(found["state"], checks))
    raise typer.Exit(STATES[found["state"]])


def _examine(
    connection: Any, settings: "Config", max_age: str | None, max_rejected: float | None
) -> "list[Check]":
    from pipelines.health import check_store, parse_age

    given = max_age or settings.monitor.max_age
    age = parse_age(given)
    if age is None:
        raise ConfigError(f"--max-age {given!r} is no age; write it as 90m, 26h, 8d or 2w")
    share = settings.monitor.max_rejected if max_rejected is None else max_rejected
    return check_store(connection, datetime.now(UTC), age, share)


def _describe(checks: "list[Check]") -> dict[str, Any]:
    from pipelines.health import find_worst

    return {"state": find_worst(checks), "checks": [asdict(each) for each in checks]}


def _show_line(state: str, checks: "Sequence[Check]") -> str:
    """One line as the Monitoring Plugins guidelines have it: state, words, a bar, and figures.

    First what is wrong; where nothing is, the first two things that were looked at.
    """
    wrong = [each for each in checks if each.state != "ok"]
    said = "; ".join(
        each.said for each in wrong or [each for each in checks if each.value is not None][:2]
    )
    figures = " ".join(
        f"{each.name}={each.value:g}{each.unit};;{'' if each.limit is None else f'{each.limit:g}'}"
        for each in checks
        if each.value is not None
    )
    line = f"EARFUL {state.upper()} - {said.replace('|', '/')}"
    return f"{line} | {figures}" if figures else line
