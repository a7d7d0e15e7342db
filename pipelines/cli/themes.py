"""``earful themes``: look at themes."""

from typing import Annotated

import typer

from pipelines.cli.options import ConfigOption, DbOption, JsonOption, load_settings

app = typer.Typer(
    no_args_is_help=True,
    help="Look at themes.",
    epilog="[bold]Examples[/]\n\n  earful themes list -n 10\n\n  earful themes show THEME_ID",
)


@app.command("list", epilog="[bold]Example[/]  earful themes list --json")
def list_(
    config: ConfigOption = None,
    db: DbOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many to show.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List themes, those with the most voices first."""
    from pipelines.cli.show import print_json
    from pipelines.cli.views import print_themes
    from pipelines.overview import list_themes
    from pipelines.store import open_store

    settings, _ = load_settings(config, db)
    with open_store(settings.store.url).read() as connection:
        found = list_themes(connection, limit)
    print_json(found) if as_json else print_themes(found)


@app.command("show", epilog="[bold]Example[/]  earful themes show t0123456789ab")
def show(
    theme_id: Annotated[str, typer.Argument(metavar="THEME_ID", help="From: earful themes list.")],
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show all about one theme: quotes, keywords, months, its life."""
    from pipelines.cli.show import print_json
    from pipelines.cli.views import print_theme
    from pipelines.errors import ConfigError
    from pipelines.overview import show_theme
    from pipelines.store import open_store

    settings, _ = load_settings(config, db)
    with open_store(settings.store.url).read() as connection:
        found = show_theme(connection, theme_id)
    if found is None:
        raise ConfigError(f"there is no theme {theme_id!r}; list them with: earful themes list")
    print_json(found) if as_json else print_theme(found)
