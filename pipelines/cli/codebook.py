"""``earful themes export`` and ``import``: a team's codebook as a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.edit_command import AuthorOption, run_edit
from pipelines.cli.options import ConfigOption, DbOption, JsonOption, LockOption, show_examples

if TYPE_CHECKING:
    from pipelines.edits.codebook_import import ImportResult
    from pipelines.job import Job

_NAMES_SHOWN = 10


def add_commands(app: typer.Typer) -> None:
    """Add export and import."""
    app.command(
        "export",
        epilog=show_examples(
            "earful themes export codebook.xlsx", "earful themes export codebook.csv"
        ),
    )(export)
    app.command("import", epilog=show_examples("earful themes import codebook.xlsx"))(import_)


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Ends in .csv or .xlsx.")],
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the active themes as a codebook. To edit, and to import again."""
    from pipelines.cli.rights import warn_unrecorded
    from pipelines.cli.show import open_console, print_json
    from pipelines.edits.codebook_import import export_codebook
    from pipelines.rights.outputs import record_output
    from pipelines.store import open_store

    def write(job: "Job", _by: str) -> tuple[int, bool]:
        n = export_codebook(job, file)
        return n, record_output(open_store(job.config.store.url), file, "codebook")

    n, is_recorded = run_edit(write, config, db, None, 0)
    if not is_recorded:
        warn_unrecorded(file)
    if as_json:
        print_json({"file": str(file), "n_categories": n})
    else:
        categories = "category" if n == 1 else "categories"
        open_console().print(f"wrote {n:,} {categories} to {file}", soft_wrap=True)


def import_(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="CSV or Excel, as themes export writes it.")
    ],
    config: ConfigOption = None,
    db: DbOption = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Make a codebook's categories themes that must exist. What is so already stays.

    Columns: name, and description, examples (one a line), keywords, language, group, fixed_at;
    theme_id for a theme that was exported. Empty cells leave a theme as it is; nothing is deleted.
    """
    from dataclasses import asdict

    from pipelines.cli.show import print_json
    from pipelines.edits.codebook_import import import_codebook

    def read(job: "Job", by: str) -> "ImportResult":
        return import_codebook(job, file, by)

    result = run_edit(read, config, db, author, lock_timeout)
    print_json(asdict(result)) if as_json else _print_import(result)


def _print_import(result: "ImportResult") -> None:
    from pipelines.cli.show import db_hint, open_console

    console = open_console()
    noun = "category" if result.n_categories == 1 else "categories"
    if result.edits is None:
        console.print(f"{result.n_categories:,} {noun}: nothing to change")
    else:
        done = ", ".join(f"{action} {n:,}" for action, n in sorted(result.counts.items()))
        console.print(f"{result.n_categories:,} {noun}: {done}")
    _print_names("told by their sentence or name alone", result.without_examples)
    _print_names("nothing speaks of them yet", result.without_mentions)
    if result.edits is not None:
        hint = db_hint(result.store)
        console.print(f"take it back with: earful themes undo {result.edits}{hint}", style="dim")


def _print_names(what: str, names: Sequence[str]) -> None:
    from pipelines.cli.show import open_console, show_text

    if names:
        shown = ", ".join(show_text(name, 60) for name in names[:_NAMES_SHOWN])
        more = f" and {len(names) - _NAMES_SHOWN:,} more" if len(names) > _NAMES_SHOWN else ""
        open_console().print(f"{len(names):,} {what}: {shown}{more}", style="yellow")
