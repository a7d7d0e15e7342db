"""Commands that look: runs, report, schema, doctor; and migrate."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import (
    ConfigOption,
    DbOption,
    JsonOption,
    LockOption,
    ShownOption,
    load_settings,
    read_store,
    show_examples,
)


def add_commands(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        "report",
        epilog=show_examples(
            "earful report -o themes.html --lang he", "earful report --verify themes.html"
        ),
    )(report)
    app.command("runs", epilog=show_examples("earful runs -n 5 --json"))(runs)
    app.command(
        "doctor", epilog=show_examples("earful doctor --db team.db", "earful doctor --pii")
    )(doctor)
    app.command("schema", epilog=show_examples("earful schema theme"))(schema)
    app.command("migrate", epilog=show_examples("earful migrate --db team.db"))(migrate)


def report(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write the page.")
    ] = Path("report.html"),
    lang: Annotated[
        str | None,
        typer.Option(help="Language that the page begins in: en, he, ar or fa."),
    ] = None,
    verify: Annotated[
        Path | None,
        typer.Option(
            "--verify",
            metavar="FILE",
            help="Check a written page instead: every number, every quote, against the store.",
        ),
    ] = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write one self-contained HTML page to look at."""
    if verify is not None:
        from pipelines.cli.verifying import check_report

        check_report(verify, config, db, as_json=as_json)
        return
    from pipelines.cli.rights import warn_unrecorded
    from pipelines.cli.show import open_console, print_json
    from pipelines.report.page import check_language, write_report
    from pipelines.rights.outputs import record_output
    from pipelines.store import open_store

    settings, _ = load_settings(config, db)
    start = check_language(lang or settings.report.language)
    store = open_store(settings.store.url)
    with store.read() as connection:
        write_report(connection, output, start, settings.anonymity.min_customers)
    if not record_output(store, output, "report"):
        warn_unrecorded(output)
    if as_json:
        print_json({"file": str(output), "bytes": output.stat().st_size})
    else:
        size = output.stat().st_size / 1e3
        open_console().print(f"wrote {output} ({size:,.0f} kB); open it in a browser")


def runs(
    config: ConfigOption = None,
    db: DbOption = None,
    limit: ShownOption = 20,
    as_json: JsonOption = False,
) -> None:
    """List the latest runs."""
    from pipelines.cli.show import print_json
    from pipelines.cli.views import print_runs
    from pipelines.overview import list_runs

    with read_store(config, db) as connection:
        found = list_runs(connection, limit)
    print_json(found) if as_json else print_runs(found)


def doctor(
    config: ConfigOption = None,
    db: DbOption = None,
    pii: Annotated[
        bool, typer.Option("--pii", help="Look for personal data in the store instead.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the machine, the models and the store. Prepares the default encoder if need be."""
    if pii:
        _look_for_unmasked(config, db, as_json=as_json)
        return
    from dataclasses import asdict

    from pipelines.cli.show import print_json
    from pipelines.cli.views import print_findings
    from pipelines.config import user_cache_dir, user_secret_path
    from pipelines.doctor import examine_machine

    settings, _ = load_settings(config, db)
    found = examine_machine(
        user_cache_dir(), user_secret_path(), settings.store.url, settings.destinations
    )
    print_json([asdict(each) for each in found]) if as_json else print_findings(found)
    if any(each.state == "error" for each in found):
        raise typer.Exit(1)


def _look_for_unmasked(config: Path | None, db: str | None, *, as_json: bool) -> None:
    """Count what looks unmasked, by table, column and kind; never the text."""
    from dataclasses import asdict

    from pipelines.cli.pii_scores import print_unmasked
    from pipelines.cli.show import print_json
    from pipelines.config import read_masking
    from pipelines.store import open_store
    from pipelines.unmasked import find_unmasked

    settings, _ = load_settings(config, db)
    with open_store(settings.store.url).read() as connection:
        found, n_rows = find_unmasked(connection, read_masking(settings))
    print_json([asdict(each) for each in found]) if as_json else print_unmasked(found, n_rows)
    if found:
        raise typer.Exit(1)


def schema(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="TABLE", help="Only these tables.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print the data dictionary. Every table, view and column with its meaning, as Markdown."""
    from dataclasses import asdict

    from pipelines.cli.show import print_json
    from pipelines.dictionary import describe_schema, format_markdown
    from pipelines.errors import ConfigError

    entries = describe_schema()
    known = {entry.name for entry in entries}
    wanted = set(names or known)
    if unknown := sorted(wanted - known):
        raise ConfigError(
            f"there is no table {shlex.join(unknown)}; there are: {', '.join(sorted(known))}"
        )
    chosen = [entry for entry in entries if entry.name in wanted]
    if as_json:
        print_json([asdict(entry) for entry in chosen])
    else:
        typer.echo(format_markdown(chosen))


def migrate(
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 30.0,
) -> None:
    """Bring a store to this program's schema. Make a backup first."""
    from pipelines.cli.show import open_console, print_json
    from pipelines.migrations import SCHEMA_VERSION
    from pipelines.store import upgrade_store

    settings, _ = load_settings(config, db)
    before = upgrade_store(settings.store.url, lock_timeout)
    if as_json:
        print_json({"before": before, "now": SCHEMA_VERSION})
    elif before == SCHEMA_VERSION:
        open_console().print(f"nothing to do: the store has schema {before}")
    else:
        open_console().print(f"migrated from schema {before or 'none'} to {SCHEMA_VERSION}")
