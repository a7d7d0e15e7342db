"""``earful models``: which models are used, whether they are sound, and getting them ready."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipelines.cli.options import ConfigOption, JsonOption, load_settings, show_examples

if TYPE_CHECKING:
    from pipelines.inventory import ModelState

app = typer.Typer(
    help="Show the models in use; verify and prepare them.",
    invoke_without_command=True,
    epilog=show_examples(
        "earful models", "earful models verify", "earful models prepare --config earful.toml"
    ),
)


@app.callback()
def show(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the models in use: where they lie, their licence, and whether they are ready."""
    if context.invoked_subcommand is None:
        _list(config, as_json=as_json)


@app.command("list", epilog=show_examples("earful models list --json"))
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the models in use, as `earful models` does."""
    _list(config, as_json=as_json)


@app.command("verify", epilog=show_examples("earful models verify --json"))
def verify(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Read every byte of the models; exit code 1 for one that cannot be used.

    The default models, and weights in the hub's cache, are compared with their sha256. Of a folder
    of yours no checksum is known: it is loaded whole.
    """
    from pipelines.config import user_cache_dir
    from pipelines.inventory import BAD_STATES, verify_models

    settings, _ = load_settings(config, None, opens_store=False)
    found = verify_models(settings.models, user_cache_dir())
    _print_states(found, as_json=as_json)
    if any(each.state in BAD_STATES for each in found):
        raise typer.Exit(1)


@app.command("prepare", epilog=show_examples("earful models prepare"))
def prepare(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Make the models ready for a run.

    The default encoder is written into the cache; those of the config are fetched and checked.
    """
    from pipelines.cli.logged import open_progress
    from pipelines.config import user_cache_dir
    from pipelines.inventory import prepare_models

    settings, _ = load_settings(config, None, opens_store=False)
    with open_progress() as progress:
        progress.start("preparing the models", 2, "models")
        found = prepare_models(settings.models, user_cache_dir())
        progress.advance(len(found))
        progress.finish()
    _print_states(found, as_json=as_json)


def _list(config: Path | None, *, as_json: bool) -> None:
    from pipelines.config import user_cache_dir
    from pipelines.inventory import list_models

    settings, _ = load_settings(config, None, opens_store=False)
    _print_states(list_models(settings.models, user_cache_dir()), as_json=as_json)


def _print_states(found: "list[ModelState]", *, as_json: bool) -> None:
    from dataclasses import asdict

    from pipelines.cli.scores import print_models
    from pipelines.cli.show import print_json

    if as_json:
        print_json([asdict(each) for each in found])
    else:
        print_models(found)
