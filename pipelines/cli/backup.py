"""``earful backup`` and ``earful restore``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import (
    ConfigOption,
    DbOption,
    JsonOption,
    LockOption,
    open_job,
    show_examples,
)
from pipelines.cli.said import say
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from pipelines.backup.restoring import Restored


def add_commands(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        "backup", epilog=show_examples("earful backup nightly.earful --db sqlite:///team.db")
    )(backup)
    app.command(
        "restore",
        epilog=show_examples(
            "earful restore nightly.earful --db sqlite:///restored.db",
            "earful restore nightly.earful --db new.db --erasures /mnt/old/erasures.jsonl",
        ),
    )(restore)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The backup to write.")],
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the whole store into one file. Consistent while a run writes, checked, 0600.

    It holds customers' words: encrypt it before it leaves the machine. The secret is not in it.
    """
    from pipelines.backup.making import back_up_store
    from pipelines.cli.show import open_console, print_json
    from pipelines.rights.ledger import find_ledger
    from pipelines.store import open_store

    with open_job(config, db, 0) as job:
        made = back_up_store(open_store(job.config.store.url), file, find_ledger(job))
    if as_json:
        print_json({"file": str(file), "bytes": file.stat().st_size, **asdict(made)})
    else:
        size = file.stat().st_size / 1e6
        open_console().print(f"wrote {file}: {sum(made.counts.values()):,} rows, {size:,.1f} MB")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")],
    config: ConfigOption = None,
    db: DbOption = None,
    erasures: Annotated[
        Path | None,
        typer.Option(
            "--erasures",
            metavar="FILE",
            help="The ledger of erasures of the machine that made the backup; else this machine's.",
        ),
    ] = None,
    no_erasures: Annotated[
        bool,
        typer.Option("--no-erasures", help="State that nobody was erased since the backup."),
    ] = False,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Take a backup back into an empty place. Whoever was erased since stays erased.

    Nothing is overwritten. Of the days since the backup, read the files again with earful run.
    """
    from pipelines.backup.restoring import restore_store
    from pipelines.cli.show import print_json
    from pipelines.rights.ledger import Ledger, find_ledger

    if erasures is not None and no_erasures:
        raise ConfigError("--erasures and --no-erasures are given; one of them holds")
    if erasures is not None and not erasures.is_file():
        raise ConfigError(f"there is no ledger {erasures}")
    with open_job(config, db, lock_timeout) as job:
        ledger = None if no_erasures else Ledger(erasures) if erasures else find_ledger(job)
        done = restore_store(job, file, ledger)
    if as_json:
        print_json(asdict(done))
    else:
        _print_restored(done)
    for problem in done.problems:
        say(f"not finished: {problem}", "warning")
    if done.problems:
        raise typer.Exit(1)


def _print_restored(done: "Restored") -> None:
    from pipelines.cli.show import open_console

    console = open_console()
    console.print(f"restored {done.store} as of {done.manifest.made_at}: {done.n_rows:,} rows")
    if done.n_erasures:
        console.print(f"{done.n_erasures:,} erasures since then were done anew")
    console.print(
        "answers that were given to earful consent since then are not in it: give them again",
        style="yellow",
    )
    if done.n_waiting:
        console.print(
            f"{done.n_waiting:,} actions wait for delivery that may have been delivered since; "
            "look at them with: earful actions list --status pending",
            style="yellow",
        )
