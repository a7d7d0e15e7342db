"""``earful actions``: what was raised, and its delivery."""

import typer

from pipelines.cli import deliver
from pipelines.cli.options import show_examples

actions = typer.Typer(
    name="actions",
    no_args_is_help=True,
    help="Deliver what rules raised to where people work.",
    epilog=show_examples("earful actions deliver --dry-run", "earful actions deliver"),
)
deliver.add_commands(actions)
