"""``earful sync``: rows of customers, written back to CRMs and warehouses."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import (
    ConfigOption,
    DbOption,
    JsonOption,
    LockOption,
    ShownOption,
    make_job,
    rejected_code,
    show_examples,
)

if TYPE_CHECKING:
    from pipelines.syncs.syncing import Synced


def add_commands(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sync", epilog=show_examples("earful sync --dry-run", "earful sync crm"))(sync)


def sync(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Of [[syncs]]; else all.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change there; send nothing.")
    ] = False,
    config: ConfigOption = None,
    db: DbOption = None,
    limit: ShownOption = 20,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Write rows of customers back to CRMs and warehouses.

    Only rows that changed are sent, of customers who allow it; those of others are taken back.
    """
    from dataclasses import asdict

    from pipelines.cli.bars import open_progress
    from pipelines.cli.show import print_json
    from pipelines.syncs.syncing import preview_syncs, sync_customers

    with open_progress() as progress:
        job = make_job(config, db, lock_timeout, progress)
        do = preview_syncs if dry_run else sync_customers
        results = do(job, names or ())
    if as_json:
        print_json([asdict(each) for each in results])
    else:
        for each in results:
            _print_synced(each, dry_run, limit)
    if any(each.error for each in results):
        raise typer.Exit(1)
    rejected_code(sum(each.n_failed for each in results))


def _print_synced(done: "Synced", dry_run: bool, limit: int) -> None:
    would = "would be " if dry_run else ""
    typer.echo(
        f"{done.sync}: {done.n_sent:,} {would}sent, {done.n_removed:,} {would}taken back, "
        f"{done.n_failed:,} failed, {done.n_unchanged:,} unchanged"
    )
    if done.changes:
        _print_changes(done, limit)
    if done.n_failed and not done.error:
        typer.secho(
            f"{done.sync}: failed rows are tried again by the next earful sync; why they failed "
            "stands in sync_row.error",
            err=True,
            fg="yellow",
        )
    if done.error:
        typer.secho(f"{done.sync}: {done.error}", err=True, fg="yellow")


def _print_changes(done: "Synced", limit: int) -> None:
    from rich.markup import escape

    from pipelines.cli.show import make_table, open_console, print_table

    columns = {"customer": "id", "change": "id", "field": "id", "was": "left", "would be": "left"}
    table = make_table(columns)
    for change in done.changes[:limit]:
        for name, (was, now) in change.fields.items() or [("", (None, None))]:
            cells = (change.customer_id, change.change, name, _show(was), _show(now))
            table.add_row(*map(escape, cells))
    title = f"the first {limit:,} of {len(done.changes):,}" if len(done.changes) > limit else ""
    print_table(open_console(), title, table)


def _show(value: object) -> str:
    return "" if value is None else str(value)
