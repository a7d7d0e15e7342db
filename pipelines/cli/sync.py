"""``earful sync``: rows of customers, written back to CRMs and warehouses."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.options import (
    ConfigOption,
    DbOption,
    JsonOption,
    LockOption,
    ShownOption,
    load_settings,
    open_job,
    rejected_code,
    show_examples,
)
from pipelines.cli.said import say
from pipelines.errors import LockedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.syncs.syncing import Synced


def add_commands(app: typer.Typer) -> None:
    """Add the command."""
    examples = ("earful sync --dry-run", "earful sync crm", "earful sync crm --failed")
    app.command("sync", epilog=show_examples(*examples))(sync)


def sync(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Of [[syncs]]; else all.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change there; send nothing.")
    ] = False,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only list the rows that were not taken, and why.")
    ] = False,
    config: ConfigOption = None,
    db: DbOption = None,
    limit: ShownOption = 20,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Write rows of customers back to CRMs and warehouses.

    Only rows that changed are sent, of customers who allow it; those of others are taken back.
    Ctrl-C finishes the portion that is under way. Exit code 3: some rows were not taken; 4: a run
    took the store in the middle, and the rest waits.
    """
    if failed and dry_run:
        raise typer.BadParameter("give either --failed or --dry-run")
    if failed:
        _show_failed(names or (), config, db, limit, as_json=as_json)
        return
    from dataclasses import asdict

    from pipelines.cli.show import print_json
    from pipelines.patience import Patience
    from pipelines.syncs.syncing import preview_syncs, sync_customers

    patience = Patience()
    with open_job(config, db, lock_timeout) as job:
        do = preview_syncs if dry_run else sync_customers
        results = do(job, names or (), patience)
    if as_json:
        print_json([asdict(each) for each in results])
    else:
        for each in results:
            _print_synced(each, dry_run, limit)
    if patience.clock.is_stopping:
        say(_describe_stop(results))
    _end(results, is_stopped=patience.clock.is_stopping)


def _show_failed(
    names: "Sequence[str]", config: Any, db: str | None, limit: int, *, as_json: bool
) -> None:
    from pipelines.cli.show import print_json
    from pipelines.store import open_store
    from pipelines.syncs.failed import count_failed, list_failed

    settings, _ = load_settings(config, db)
    configured = [each.name for each in settings.syncs]
    with open_store(settings.store.url).read() as connection:
        rows = list_failed(connection, configured, names, limit)
        counts = count_failed(connection, names)
    print_json({"counts": counts, "rows": rows}) if as_json else _print_failed(rows, counts)


def _print_failed(
    rows: "Sequence[Mapping[str, Any]]", counts: "Sequence[Mapping[str, Any]]"
) -> None:
    from pipelines.cli.show import make_table, open_console, print_table, show_day, show_text

    console = open_console()
    if not rows:
        console.print("every row that went was taken")
        return
    heads = {"sync": "id", "customer": "id", "fields": "left", "reason": "left"}
    heads |= {"attempts": "right", "again": "id", "last taken": "id?"}
    table = make_table(heads)
    for row in rows:
        table.add_row(
            row["sync"],
            show_text(row["customer_id"]),
            show_text(", ".join(row["fields"])) or "–",
            show_text(row["reason"], 300),
            f"{row['attempts']:,}",
            row["next_attempt"] or "never: not configured",
            show_day(row["last_taken_at"]),
        )
    n_failed = sum(each["n"] for each in counts)
    print_table(console, f"Rows that were not taken: {len(rows):,} of {n_failed:,}", table)
    tally = make_table({"sync": "id", "rows": "right", "fields": "left", "reason": "left"})
    for each in counts:
        fields = show_text(", ".join(each["fields"])) or "–"
        tally.add_row(each["sync"], f"{each['n']:,}", fields, show_text(each["reason"], 300))
    print_table(console, "All, by reason", tally)


def _describe_stop(results: "Sequence[Synced]") -> str:
    n_taken = sum(each.n_sent + each.n_removed for each in results)
    return (
        f"stopped: {n_taken:,} rows were taken and are noted. The next earful sync goes on from "
        "there: what was under way goes again, which makes it once, and nothing else does"
    )


def _end(results: "Sequence[Synced]", *, is_stopped: bool) -> None:
    if any(each.is_locked for each in results):
        raise typer.Exit(LockedError.exit_code)
    if is_stopped or any(each.error for each in results):
        raise typer.Exit(1)
    rejected_code(sum(each.n_failed for each in results))


def _print_synced(done: "Synced", dry_run: bool, limit: int) -> None:
    would = "would be " if dry_run else ""
    left = f", {done.n_left:,} left" if done.n_left else ""
    typer.echo(
        f"{done.sync}: {done.n_sent:,} {would}sent, {done.n_removed:,} {would}taken back, "
        f"{done.n_failed:,} failed, {done.n_unchanged:,} unchanged{left}"
    )
    if done.changes:
        _print_changes(done, limit)
    if done.error:
        say(f"{done.sync}: {done.error}")
    if done.n_failed:
        say(
            f"{done.sync}: failed rows are tried again by the next earful sync; why they failed: "
            f"earful sync {done.sync} --failed"
        )


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
