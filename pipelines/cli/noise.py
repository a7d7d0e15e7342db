"""``earful noise``: look at what was set aside, and take it back in."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.edit_command import make_command
from pipelines.cli.options import (
    ConfigOption,
    DbOption,
    JsonOption,
    ShownOption,
    read_store,
    show_examples,
)

if TYPE_CHECKING:
    from pipelines.edits.requests import EditRequest

app = typer.Typer(
    no_args_is_help=True,
    help="Look at what does not count; say what is no noise. Nothing is dropped.",
    epilog=show_examples(
        "earful noise list --reason spam",
        "earful noise keep f0123456789abcdef01234567",
        "earful themes undo",
    ),
)


@app.command("list", epilog=show_examples("earful noise list --reason spam -n 50"))
def list_(
    config: ConfigOption = None,
    db: DbOption = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="REASON", help="Only of this reason.")
    ] = None,
    limit: ShownOption = 20,
    as_json: JsonOption = False,
) -> None:
    """List noise with its reason, the least sure first."""
    from pipelines.cli.show import print_json
    from pipelines.cli.views import print_noise
    from pipelines.noise_rows import list_noise

    with read_store(config, db) as connection:
        found = list_noise(connection, reason, limit)
    print_json(found) if as_json else print_noise(found)


def keep(
    feedback_ids: Annotated[
        list[str], typer.Argument(metavar="ID...", help="From: earful noise list.")
    ],
) -> "EditRequest":
    """Have feedback count, now and in every later run.

    Its mentions get their themes in the next run.
    """
    from pipelines.edits.requests import EditRequest

    return EditRequest("not_noise", mention_ids=feedback_ids)


app.command("keep", epilog=show_examples("earful noise keep f0123456789abcdef01234567"))(
    make_command(keep)
)
