"""``earful copy-store``: move a store to another place."""

from typing import Annotated

import typer

from pipelines.cli.options import JsonOption, LockOption, read_store_url, show_examples


def add_commands(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "copy-store",
        epilog=show_examples(
            "earful copy-store earful.db postgresql+psycopg://earful@host/feedback",
            "earful copy-store '${OLD_STORE}' new.db",
        ),
    )(copy_store)


def copy_store(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A store: URL or path, as --db.")],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="An empty database, or a file that is not there.")
    ],
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Copy a store to another place, every row checked.

    From SQLite or PostgreSQL to either. All or nothing: stopped, the target is as it was. FROM
    stays; use one of the two from then on. A URL may name environment variables, ${NAME}, so that
    no password stands in a command.
    """
    from dataclasses import asdict

    from pipelines.cli.logged import open_progress
    from pipelines.cli.show import open_console, print_json
    from pipelines.store_copy import copy_store as copy

    urls = read_store_url(source), read_store_url(target)
    with open_progress() as progress:
        done = copy(*urls, lock_timeout, progress)
    if as_json:
        print_json({**asdict(done), "n_rows": done.n_rows})
        return
    console = open_console()
    console.print(
        f"copied {done.n_rows:,} rows of {len(done.tables)} tables to {done.target}; every table "
        "has the same digest on both sides",
        markup=False,
    )
    for reason in done.left_out.values():
        console.print(f"not copied: {reason}", style="dim", markup=False)
    console.print(
        "use one of the two from now on: each would deliver the same actions, and an erasure in "
        "one does not reach the other",
        style="dim",
    )
