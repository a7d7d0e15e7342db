"""``earful inbox``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import (
    ConfigOption,
    DbOption,
    JsonOption,
    LayoutOption,
    LockOption,
    MapOption,
    SourceOption,
    load_settings,
    rejected_code,
    show_examples,
)

if TYPE_CHECKING:
    from pipelines.inbox import InboxResult

_COLOURS = {"done": "green", "failed": "red", "waiting": "yellow"}


def add_commands(app: typer.Typer) -> None:
    """Add inbox."""
    app.command(
        "inbox",
        epilog=show_examples(
            "earful inbox /srv/feedback --source shop",
            "earful inbox /srv/feedback --db team.db --json",
        ),
    )(inbox)


def inbox(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where files arrive.")],
    config: ConfigOption = None,
    db: DbOption = None,
    mapping: MapOption = None,
    source: SourceOption = None,
    layout: LayoutOption = None,
    settle: Annotated[
        float,
        typer.Option(
            "--settle",
            metavar="SECONDS",
            min=0,
            help="Leave files alone that were written to in this time.",
        ),
    ] = 5.0,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Read each file of a folder once. Move it to done or failed.

    What is still being written stays, and so do hidden files and those with a name such as
    a.csv.part. Beside a failed file stands the reason. It looks once and ends: have cron run it.
    """
    from pipelines.cli.logged import open_progress
    from pipelines.cli.show import print_json
    from pipelines.config import user_cache_dir
    from pipelines.inbox import Asked, empty_inbox
    from pipelines.job import STEPS, Job
    from pipelines.reading.layouts import check_layout_id

    settings, _ = load_settings(config, db)
    if layout is not None:
        check_layout_id(layout)
    asked = Asked(source, tuple(mapping or ()), settle, layout)
    with open_progress() as progress:
        job = Job(settings, user_cache_dir(), lock_timeout, progress=progress)
        found = empty_inbox(job, folder, asked, [step for step in STEPS if step != "ingest"])
    print_json(describe_inbox(found)) if as_json else _print(found, folder)
    n_failed = len(found.list_files("failed"))
    if n_failed and not found.list_files("done"):
        raise typer.Exit(1)
    rejected_code(n_failed + sum(each.n_rejected for each in found.files))


def describe_inbox(found: "InboxResult") -> dict[str, object]:
    """What one look did, as JSON shows it."""
    from dataclasses import asdict

    run_id = found.run.run_id if found.run else None
    return {"files": [asdict(each) for each in found.files], "run_id": run_id, **found.counts}


def _print(found: "InboxResult", folder: Path) -> None:
    from rich.markup import escape

    from pipelines.cli.show import make_table, open_console, print_run, print_table

    console = open_console()
    if not found.files:
        console.print(f"{escape(str(folder))}: nothing has arrived")
    else:
        heads = {"file": "left", "outcome": "id", "rows": "right", "rejected": "right"}
        table = make_table({**heads, "now at, or why": "left"})
        for each in found.files:
            outcome = f"[{_COLOURS[each.outcome]}]{each.outcome}[/]"
            told = each.reason or each.moved_to or ""
            counts = (f"{each.n_read:,}", f"{each.n_rejected:,}")
            table.add_row(escape(each.file), outcome, *counts, escape(told))
        print_table(console, f"{escape(str(folder))}: {len(found.files):,} files", table)
    if found.run:
        from dataclasses import replace

        print_run(replace(found.run, counts=found.counts))
